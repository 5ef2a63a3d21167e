"""Calls at once, on one node and on two, some given up by their callers: each is told what became of its own."""

import asyncio
import random
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest

from coordfsm.protocols.migration.messages import CommitDecided, EntityArrived
from coordfsm_runtime import node as runtime_node
from coordfsm_runtime.errors import BusyError, CommandRefusedError, UnconfirmedError
from coordfsm_runtime.node import ClusterNode
from tests.runtime.test_cluster_node import configs, formed, run

BUBBLES = ("east", "north", "south")


def test_a_refused_set_is_told_to_who_asked_for_it_alone(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed(nodes)
            asked = (("east",), ("east", "not valid"), ("north",))
            for node, other in (nodes, nodes[::-1]):
                answers = await asyncio.gather(*(node.register(*names) for names in asked), return_exceptions=True)
                assert "east" in answers[0]
                assert isinstance(answers[1], CommandRefusedError)
                assert "north" in answers[2]
                # A conflict of who registers says nothing to who unregisters.
                refused, left = await asyncio.gather(
                    other.register("east"), other.unregister("east"), return_exceptions=True
                )
                assert isinstance(refused, CommandRefusedError | tuple)
                assert left == ()
                await node.unregister("east", "north")

    run(story)


def test_without_a_coordinator_a_caller_is_told_so_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime_node, "ANSWER_TIMEOUT_S", 0.3)

    async def story():
        config = configs(tmp_path, 2)[1]  # nobody answers at its seeds
        async with ClusterNode(config) as node:
            for change in (node.register("east"), node.unregister("east")):
                with pytest.raises(UnconfirmedError, match="no topology says so yet"):
                    await change
            assert node.data.coordination.registrar.hosted.bubbles == ()

    run(story)


def test_a_caller_whose_destination_is_lost_after_the_decision_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime_node, "ANSWER_TIMEOUT_S", 0.5)

    async def story():
        source, destination = (ClusterNode(config) for config in configs(tmp_path, 2))
        await source.start()
        await destination.start()
        await formed([source, destination])
        await source.create("ship", b"hull")

        def lose(event):
            if isinstance(event, CommitDecided):  # the decision leaves after this
                destination.transport.close()

        source.listen(lose)
        with pytest.raises(UnconfirmedError, match="'ship' has left n1 for good, and n2 has not acknowledged"):
            await source.migrate("ship", "n2")
        assert source.data.migration.entities["ship"].state == "departing"
        await source.close()
        await destination.close()

    run(story)


def test_a_call_with_the_token_of_one_that_waits_for_room_gets_its_outcome(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            first, second = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed([first, second])
            await first.create("ship", b"hull")
            first._admission.limit_bytes = first._admission.moving_bytes = 1  # full, and one at a time has room
            calls = [asyncio.ensure_future(first.migrate("ship", "n2", "once")) for _ in range(3)]
            await asyncio.sleep(0.05)
            calls[0].cancel()  # the first gives up: the others still get an outcome of their own
            await asyncio.sleep(0.05)
            first._admission._leave(first._admission.limit_bytes)
            answers = await asyncio.gather(*calls[1:])
            assert [answer.outcome for answer in answers] == ["COMMITTED", "COMMITTED"]
            assert answers[0].transaction == answers[1].transaction
            assert first._calls == {}

    run(story)


def test_calls_that_wait_for_one_token_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime_node, "MAXIMUM_WAITING", 2)

    async def story():
        async with AsyncExitStack() as stack:
            first, second = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed([first, second])
            await first.create("ship", b"hull")
            first._admission.limit_bytes = first._admission.moving_bytes = 1  # full
            calls = [asyncio.ensure_future(first.migrate("ship", "n2", "once")) for _ in range(3)]
            await asyncio.sleep(0.05)
            with pytest.raises(BusyError, match="2 calls wait for the outcome of this token already"):
                await first.migrate("ship", "n2", "once")
            first._admission._leave(first._admission.limit_bytes)
            assert {answer.outcome for answer in await asyncio.gather(*calls)} == {"COMMITTED"}

    run(story)


def test_a_token_is_known_wherever_the_entity_is(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            first, second = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed([first, second])
            await first.create("ship", b"hull")
            assert (await first.migrate("ship", "n2", "there", since=1)).outcome == "COMMITTED"
            assert (await second.migrate("ship", "n1", "there", since=1)).outcome == "ALREADY_APPLIED"
            for number in range(17):
                source, destination = (second, "n1") if number % 2 == 0 else (first, "n2")
                moved = await source.migrate("ship", destination, f"shuttle-{number}", since=number + 2)
                assert moved.outcome == "COMMITTED"
            assert (await first.migrate("ship", "n2", "there", since=1)).outcome == "TOKEN_EXPIRED"
            assert (await first.migrate("ship", "n2", "shuttle-1", since=3)).outcome == "ALREADY_APPLIED"

    run(story)


@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_calls_agrees_with_what_the_machines_did(tmp_path, seed):  # noqa: C901  (one story)
    chance = random.Random(seed)
    decided = []
    created: defaultdict[str, int] = defaultdict(int)

    def note(event):
        if isinstance(event, CommitDecided):
            decided.append((event.entity, event.transaction))
        elif isinstance(event, EntityArrived) and not event.transaction.source:
            created[event.entity] += 1

    def call(node, other):
        entity = chance.choice(("a", "b", "c"))
        kind = chance.randrange(6)
        token = chance.choice(("", "t1", "t2"))
        made = [
            lambda: node.create(entity, b"x"),
            lambda: node.update(entity, b"y"),
            lambda: node.migrate(entity, other.config.name, token),
            lambda: node.remove(entity),
            lambda: node.register(chance.choice(BUBBLES)),
            lambda: node.unregister(chance.choice(BUBBLES)),
        ]
        return kind, entity, token, asyncio.ensure_future(made[kind]())

    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed(nodes)
            for node in nodes:
                node.listen(note)
            calls = []
            for _ in range(25):
                calls.extend(call(*chance.choice((nodes, nodes[::-1]))) for _ in range(8))
                await asyncio.sleep(chance.choice((0, 0, 0.005, 0.02)))
                if chance.random() < 0.5:
                    chance.choice(calls)[3].cancel()
            async with asyncio.timeout(30):  # nobody waits for ever
                answers = await asyncio.gather(*(task for *_, task in calls), return_exceptions=True)
            given_up = 0
            told: dict = {}
            made: defaultdict[str, int] = defaultdict(int)
            for (kind, entity, token, _), answer in zip(calls, answers, strict=True):
                if isinstance(answer, asyncio.CancelledError):
                    given_up += 1
                elif isinstance(answer, Exception):
                    assert isinstance(answer, CommandRefusedError), answer
                elif kind == 0:
                    made[entity] += 1
                elif kind == 2 and answer.outcome == "COMMITTED":
                    assert answer.entity == entity
                    assert answer.token == token
                    moved = (entity, answer.transaction)
                    assert moved in decided
                    assert token or moved not in told, "one migration, two callers without a token"
                    assert told.setdefault(moved, token) == token
            # Who was told that it created an entity did; what nobody was told of was given up by its caller.
            for entity in ("a", "b", "c"):
                assert made[entity] <= created[entity] <= made[entity] + given_up
            assert all(not node._migrating and not node._calls for node in nodes)

    run(story)
