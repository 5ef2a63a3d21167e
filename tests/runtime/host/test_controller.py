"""Real time: never early, replaced and cancelled timers never fire as they were, one alarm."""

import asyncio
import time

from coordfsm.kernel import Timer
from coordfsm_runtime.host.controller import RealTime


async def collect(setup, count: int) -> list[tuple[str, float]]:
    """What fires, with the milliseconds since the start."""
    fired: list[tuple[str, float]] = []
    done = asyncio.Event()
    began = time.monotonic()

    def wake():
        while (timer := controller.take_due()) is not None:
            fired.append((timer.kind, (time.monotonic() - began) * 1000))
        if len(fired) >= count:
            done.set()

    controller = RealTime(wake)
    setup(controller)
    async with asyncio.timeout(10):
        await done.wait()
    assert controller.pending() == 0
    controller.close()
    return fired


def test_timers_fire_in_order_and_never_early():
    def setup(controller):
        controller.set_timer(Timer("late"), 60)
        controller.set_timer(Timer("soon"), 10)
        controller.set_timer(Timer("now"), 0)

    fired = asyncio.run(collect(setup, 3))
    assert [kind for kind, _ in fired] == ["now", "soon", "late"]
    for (_, at), least in zip(fired, (0, 10, 60), strict=True):
        assert at >= least


def test_a_timer_set_again_is_replaced_and_a_cancelled_one_is_gone():
    def setup(controller):
        controller.set_timer(Timer("moved"), 1)
        controller.set_timer(Timer("moved"), 30)
        controller.set_timer(Timer("gone"), 5)
        controller.cancel_timer(Timer("gone"))
        controller.cancel_timer(Timer("never set"))
        controller.set_timer(Timer("earlier"), 500)
        controller.set_timer(Timer("earlier"), 15)

    fired = asyncio.run(collect(setup, 2))
    assert [kind for kind, _ in fired] == ["earlier", "moved"]
    assert fired[1][1] >= 30


def test_setting_a_timer_often_keeps_memory_bounded():
    async def story():
        controller = RealTime(lambda: None)
        for _ in range(10_000):
            controller.set_timer(Timer("probe"), 60_000)
        assert controller.pending() == 1
        assert len(controller._due) < 200
        controller.close()
        assert controller.take_due() is None

    asyncio.run(story())
