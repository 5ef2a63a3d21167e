"""How much may move at once: first come, first served, within a bound that is learned."""

import asyncio

import pytest

from coordfsm_runtime.errors import BusyError
from coordfsm_runtime.host import admission
from coordfsm_runtime.host.admission import FIRST_LIMIT_BYTES, LARGEST_LIMIT_BYTES, SMALLEST_LIMIT_BYTES, Admission

HALF = FIRST_LIMIT_BYTES // 2


def run(story) -> None:
    async def bounded():
        async with asyncio.timeout(10):
            await story()

    asyncio.run(bounded())


def test_who_does_not_fit_waits_in_order():
    async def story():
        door, entered = Admission(), []

        async def move(name: str, size: int) -> None:
            await door.enter(size)
            entered.append(name)

        tasks = [
            asyncio.ensure_future(move(name, size)) for name, size in (("a", HALF), ("b", HALF), ("c", 1), ("d", 1))
        ]
        await asyncio.sleep(0.01)
        assert entered == ["a", "b"]
        assert door.moving_bytes == FIRST_LIMIT_BYTES
        door.leave(HALF, in_time=True)
        await asyncio.gather(*tasks)
        assert entered == ["a", "b", "c", "d"]
        assert door.moving_bytes == HALF + 2

    run(story)


def test_one_entity_may_always_move_however_large():
    async def story():
        door = Admission()
        await door.enter(10 * LARGEST_LIMIT_BYTES)
        waiting = door.enter(1)
        await asyncio.sleep(0)
        assert not waiting.done()
        door.leave(10 * LARGEST_LIMIT_BYTES, in_time=True)
        await waiting

    run(story)


def test_the_limit_is_halved_by_a_time_out_and_grows_with_commits():
    async def story():
        door = Admission()
        for _ in range(20):
            await door.enter(HALF)
            door.leave(HALF, in_time=False)
        assert door.limit_bytes == SMALLEST_LIMIT_BYTES
        for _ in range(1_000):
            await door.enter(HALF)
            door.leave(HALF, in_time=True)
        assert (door.limit_bytes, door.moving_bytes) == (LARGEST_LIMIT_BYTES, 0)

    run(story)


def test_who_gives_up_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(admission, "MAXIMUM_WAITING", 2)

    async def story():
        door = Admission()
        await door.enter(FIRST_LIMIT_BYTES)
        first, second = door.enter(1), door.enter(1)
        with pytest.raises(BusyError, match="2 migrations wait already"):
            door.enter(1)
        door.give_up(1, first)
        door.leave(FIRST_LIMIT_BYTES, in_time=True)
        assert (second.done(), door.moving_bytes) == (True, 1)
        door.give_up(1, second)  # let in, and given up before it noticed
        assert door.moving_bytes == 0
        await door.enter(FIRST_LIMIT_BYTES)

    run(story)
