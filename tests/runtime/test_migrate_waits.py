"""`migrate` waits for a stable view and for room on the path; who does not want to wait is told at once."""

import asyncio
import time
from contextlib import AsyncExitStack

import msgspec
import pytest
from test_cluster_node import MACHINES, configs, formed, run

from coordfsm_runtime import BusyError, ClusterNode, EntityArrived, MigrationEnded, MigrationOutcome, NodeStoppedError
from coordfsm_runtime import node as node_module

SLOW = {**MACHINES, "coordination": {"stability_ms": 600, "cooldown_ms": 50}}


def slow_to_settle(directory) -> list:
    return [msgspec.structs.replace(config, machines=SLOW) for config in configs(directory, 2)]


async def both_in_one_view(stack: AsyncExitStack, made: list) -> list[ClusterNode]:
    nodes = [await stack.enter_async_context(ClusterNode(config)) for config in made]
    for node in nodes:
        await node.wait_until(lambda node=node: node.view is not None and len(node.view.members) == 2)
    return nodes


def test_a_migration_asked_for_in_a_new_view_waits_until_it_is_stable(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            first, second = await both_in_one_view(stack, slow_to_settle(tmp_path))
            await first.create("ship", b"cargo")
            told, arrivals = first.events(serves=False), second.events(serves=False)
            assert first.data.migration.service.state == "unsettled"

            ended = await first.migrate("ship", "n2")

            assert (ended.outcome, ended.reason) == (MigrationOutcome.COMMITTED, "")
            assert [event.outcome for event in told.drain() if isinstance(event, MigrationEnded)] == ["COMMITTED"]
            event = await anext(event async for event in arrivals if isinstance(event, EntityArrived))
            assert (event.entity, event.payload) == ("ship", b"cargo")

    run(story)


def test_without_waiting_a_new_view_is_told_at_once_and_the_entity_stays(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            first, _ = await both_in_one_view(stack, slow_to_settle(tmp_path))
            await first.create("ship", b"cargo")
            assert first.data.migration.service.state == "unsettled"
            began = time.monotonic()

            ended = await first.migrate("ship", "n2", wait=False)

            assert (ended.outcome, first.counters.of("migrations")) == ("VIEW_UNSTABLE", {"VIEW_UNSTABLE": 1})
            assert time.monotonic() - began < 0.3
            assert first.data.migration.entities["ship"].state == "owned"

    run(story)


def test_what_waiting_cannot_change_is_told_at_once(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            first, _ = await both_in_one_view(stack, slow_to_settle(tmp_path))
            assert first.data.migration.service.state == "unsettled"
            assert (await first.migrate("nothing", "n2")).outcome is MigrationOutcome.NOT_OWNER

    run(story)


def test_waiting_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(node_module, "ANSWER_TIMEOUT_S", 0.2)

    async def story():
        alone = msgspec.structs.replace(configs(tmp_path, 1)[0], bootstrap=False, seeds=())
        async with ClusterNode(alone) as node:  # in no cluster, and nobody invites it
            await node.create("ship")
            ended = await node.migrate("ship", "n2")
            assert (ended.outcome, ended.reason) == ("NOT_IN_VIEW", "this process")
            assert node.data.migration.entities["ship"].state == "owned"

    run(story)


def test_who_waits_for_a_stable_view_is_told_that_the_node_stopped(tmp_path):
    async def story():
        node = ClusterNode(msgspec.structs.replace(configs(tmp_path, 1)[0], bootstrap=False, seeds=()))
        await node.start()
        await node.create("ship")
        waiting = asyncio.ensure_future(node.migrate("ship", "n2"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await node.close()
        with pytest.raises(NodeStoppedError):
            await waiting

    run(story)


def test_without_waiting_a_full_path_is_busy(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed(nodes)
            await nodes[0].create("ship", b"cargo")
            nodes[0]._admission.enter(1 << 40)  # a very large one is under way
            with pytest.raises(BusyError, match="no room is left for 5 more"):
                await nodes[0].migrate("ship", "n2", wait=False)
            assert nodes[0].data.migration.entities["ship"].state == "owned"
            nodes[0]._admission.leave(1 << 40, in_time=True)
            assert (await nodes[0].migrate("ship", "n2")).outcome is MigrationOutcome.COMMITTED

    run(story)
