"""Applications that take their time: an entity moves only when the application of its source has stopped serving it."""

import asyncio
import contextlib

import pytest

from coordfsm.protocols.migration.messages import (
    EntityArrived,
    EntityFrozen,
    EntityLeft,
    EntityThawed,
    MigrationFence,
    UpdateEntity,
)
from coordfsm_runtime.admin.operations import Operations
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import AdminError, CommandRefusedError
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.node import ClusterNode

EVENT_S = 0.05
SHIPS = 40


class SlowApplication:
    """Takes 50 ms for each event, and serves what it was last told to serve."""

    def __init__(self, node, pause_s=EVENT_S):
        self.node, self.pause_s = node, pause_s
        self.serving = set()
        self.overlaps = []
        self.others = ()
        self._handled = asyncio.Condition()
        self.task = asyncio.ensure_future(self._run(node.events()))

    async def _run(self, events):
        async for event in events:
            await asyncio.sleep(self.pause_s)
            if isinstance(event, EntityArrived | EntityThawed):
                self.overlaps += [event.entity for other in self.others if event.entity in other.serving]
                self.serving.add(event.entity)
            elif isinstance(event, EntityFrozen):
                self.serving.discard(event.entity)
            async with self._handled:
                self._handled.notify_all()

    async def serves(self, entities):
        """Wait until these are served."""
        async with self._handled, asyncio.timeout(20):
            await self._handled.wait_for(lambda: self.serving == entities)


async def two_nodes(directory, story, **migration):
    east, west = free_endpoints(2)
    machines = {"migration": migration} if migration else {}
    first = NodeConfig(name="east", data=directory / "east", listen=east, bootstrap=True, machines=machines)
    second = NodeConfig(name="west", data=directory / "west", listen=west, seeds=(east,), machines=machines)
    async with asyncio.timeout(60), ClusterNode(first) as source, ClusterNode(second) as destination:
        await destination.member()
        await source.wait_until(lambda: source.view is not None and len(source.view.members) == 2)
        await source.create("scout")
        for _ in range(100):
            if (await source.migrate("scout", "west")).outcome != "VIEW_UNSTABLE":
                break
            await asyncio.sleep(0.1)  # the view is still new
        await story(source, destination)


def test_forty_migrations_of_slow_applications_overlap_nowhere(tmp_path):
    async def story(source, destination):
        here, there = SlowApplication(source), SlowApplication(destination)
        here.others, there.others = (there,), (here,)
        ships = [f"ship-{number}" for number in range(SHIPS)]
        for ship in ships:
            await source.create(ship)
        await here.serves(set(ships))
        ended = await asyncio.gather(*(source.migrate(ship, "west") for ship in ships))
        assert {one.outcome for one in ended} == {"COMMITTED"}
        assert (here.serving, here.overlaps, there.overlaps) == (set(), [], [])
        await there.serves(set(ships))
        here.task.cancel()
        there.task.cancel()

    asyncio.run(two_nodes(tmp_path, story, freeze_timeout_ms=20_000))


def test_an_application_that_does_not_stop_keeps_its_entity_and_the_caller_is_told(tmp_path):
    async def story(source, destination):
        unread = source.events()
        await source.create("ship")
        ended = await source.migrate("ship", "west")
        assert (ended.outcome, source.data.migration.entities["ship"].state) == ("NOT_STOPPED", "owned")
        assert destination.data.migration.entities.get("ship") is None
        unread.close()
        assert (await source.migrate("ship", "west")).outcome == "COMMITTED"

    asyncio.run(two_nodes(tmp_path, story, freeze_timeout_ms=200))


def test_who_only_watches_is_not_waited_for(tmp_path):
    async def story(source, destination):
        watching = source.events(serves=False)
        await source.create("ship")
        assert (await source.migrate("ship", "west")).outcome == "COMMITTED"
        assert any(isinstance(event, EntityFrozen) for event in watching.drain())

    asyncio.run(two_nodes(tmp_path, story))


def test_an_application_may_confirm_by_itself_and_reading_on_says_nothing(tmp_path):
    async def story(source, destination):
        events = source.events(confirms=True)
        await source.create("ship")
        moving = asyncio.ensure_future(source.migrate("ship", "west"))
        async for event in events:
            if isinstance(event, EntityFrozen):
                break
        with contextlib.suppress(TimeoutError):  # the event was read, and the next is asked for
            async with asyncio.timeout(0.2):
                await anext(events)
        assert source.data.migration.entities["ship"].state == "freezing"
        (waited_ms,) = source.unconfirmed_stops_ms
        assert waited_ms >= 200
        with pytest.raises(CommandRefusedError, match="no stop 99 of 'ship' waits for a confirmation"):
            await source.confirm_stopped("ship", 99)
        await source.confirm_stopped("ship", event.freeze)
        assert (await moving).outcome == "COMMITTED"
        assert source.unconfirmed_stops_ms == []
        with pytest.raises(CommandRefusedError, match="no stop of 'ship' waits for a confirmation"):
            await source.confirm_stopped("ship")

    asyncio.run(two_nodes(tmp_path, story))


def test_an_application_behind_the_admin_socket_is_waited_for_and_confirms(tmp_path):
    async def story(source, destination):
        operations = Operations(source)
        watched = operations.watch(serves=True)
        await source.create("ship")
        first = asyncio.ensure_future(anext(watched))
        await asyncio.sleep(0)
        moving = asyncio.ensure_future(operations.handle("migrate", {"entity": "ship", "destination": "west"}))
        event = await first
        while event["type"] != "EntityFrozen":
            event = await anext(watched)
        assert (await operations.handle("status", {}))["unconfirmed_stops"]["count"] == 1
        freeze = {"entity": "ship", "freeze": event["freeze"]}
        assert (await operations.handle("confirm-stopped", freeze))["state"] in {"frozen", "departing", "departed"}
        assert (await moving)["outcome"] == "COMMITTED"
        assert (await operations.handle("status", {}))["unconfirmed_stops"] is None
        with pytest.raises(AdminError, match="freeze is '1', expected a whole number"):
            await operations.handle("confirm-stopped", {"entity": "ship", "freeze": "1"})
        await watched.aclose()

    asyncio.run(two_nodes(tmp_path, story))


def test_a_copy_that_a_fence_took_is_acknowledged_once_its_application_has_read_so(tmp_path):
    async def story(source, destination):
        await source.create("ship")
        unread = source.events()
        fence = MigrationFence("ship", 3, "west")
        destination.transport.send(source.endpoint, fence)
        await source.wait_until(lambda: source.data.migration.entities["ship"].state == "yielding")
        assert len(source.unconfirmed_stops_ms) == 1
        left = await anext(unread)
        assert isinstance(left, EntityLeft)
        assert source.data.migration.entities["ship"].state == "yielding"
        asked_for_more = asyncio.ensure_future(anext(unread))
        await asyncio.sleep(0)
        assert source.unconfirmed_stops_ms == []
        await source.submit(UpdateEntity("scout", b""))  # handled after the confirmation
        assert source.data.migration.entities["ship"].state == "departed"
        assert source.unconfirmed_stops_ms == []
        asked_for_more.cancel()

    asyncio.run(two_nodes(tmp_path, story))
