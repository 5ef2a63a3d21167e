"""Applications that take their time: an entity moves only when the application of its source has stopped serving it."""

import asyncio

from coordfsm.protocols.migration.messages import EntityArrived, EntityFrozen, EntityThawed
from coordfsm_runtime.config import NodeConfig
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
