"""The live pages share what is made for them: one status an interval, however many are open, and entities uncounted."""

import asyncio
import json
from contextlib import aclosing

from hypothesis import given, settings
from hypothesis import strategies as st

from coordfsm.kernel import Map, Raise, Received, Timer, TimerFired
from coordfsm.protocols.migration.data import EntityData
from coordfsm.protocols.migration.messages import CreateEntity, MigrationAck, TransactionId
from coordfsm.protocols.migration.service import EntityResides
from coordfsm.protocols.view import ViewStable
from coordfsm_runtime.admin import live
from coordfsm_runtime.admin.operations import Operations
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.host.entity_counts import EntityCounts
from coordfsm_runtime.host.running import HISTORY
from coordfsm_runtime.node import ClusterNode

PAGES = 40


def alone(tmp_path, story):
    """The story with a node that is a cluster by itself."""

    async def run():
        async with ClusterNode(NodeConfig(name="n1", data=tmp_path / "n1", bootstrap=True)) as node:
            operations = Operations(node)
            await node.member()
            await story(node, operations)

    asyncio.run(run())


async def read(pages, received):
    async with aclosing(pages.lines()) as lines:
        async for line in lines:
            received.append(json.loads(line))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.01)


def test_one_status_is_made_for_all_pages(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(live, "status_of", lambda node: made.append(node.state) or {"entities": node.entity_counts})

    async def story(node, operations):
        pages = [[] for _ in range(PAGES)]
        readers = [asyncio.ensure_future(read(operations._pages, page)) for page in pages]
        await until(lambda: all(pages))
        assert len(made) == 1
        for number in range(50):
            await node.create(f"e{number}")
        await until(lambda: all(page[-1]["status"]["entities"] == {"owned": 50} for page in pages))
        assert len(made) == max(len(page) for page in pages) < 20
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        # Nobody looks any more.
        assert operations._pages._looking is None
        before = len(made)
        await node.create("unseen")
        await asyncio.sleep(live.PAUSE_S * 2)
        assert len(made) == before

    alone(tmp_path, story)


def test_lines_that_take_long_to_make_are_made_more_seldom(tmp_path, monkeypatch):
    """A status that takes 40 ms keeps the loop for a twentieth of the time."""
    clock = [0.0]

    def slow(node):
        clock[0] += 0.04
        return {}

    pauses = []
    changed = live._has_changed

    async def noting(listener, pause_s):
        pauses.append(pause_s)
        return await changed(listener, 0)

    monkeypatch.setattr(live, "status_of", slow)
    monkeypatch.setattr(live, "_has_changed", noting)
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])

    async def story(node, operations):
        received = []
        reader = asyncio.ensure_future(read(operations._pages, received))
        await node.create("e1")
        await until(lambda: len(received) > 1 and len(pauses) > 1)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

    alone(tmp_path, story)
    assert pauses[0] == live.PAUSE_S
    assert abs(pauses[-1] - 0.8) < 1e-6


def test_migrations_are_told_to_every_page_once_and_end_with_the_node(tmp_path):
    async def story(node, operations):
        first, later = [], []
        readers = [asyncio.ensure_future(read(operations._pages, first))]
        await until(lambda: first)
        await node.migrate("e1", "n9")
        await until(lambda: any("migration" in line for line in first))
        readers.append(asyncio.ensure_future(read(operations._pages, later)))
        await until(lambda: len(later) > 1)
        await node.migrate("e2", "n9")
        await until(lambda: any(line.get("migration", {}).get("entity") == "e2" for line in later))
        await node.close()
        await asyncio.wait_for(asyncio.gather(*readers), 10)
        told = [[line["migration"] for line in page if "migration" in line] for page in (first, later)]
        assert [[one["entity"] for one in page] for page in told] == [["e1", "e2"]] * 2
        assert later[1]["past"]

    alone(tmp_path, story)


def test_a_page_that_is_far_behind_is_told_of_the_last_migrations(tmp_path):
    async def story(node, operations):
        for number in range(HISTORY * 2):
            await node.migrate(f"e{number}", "n9")
        assert len(operations._pages._ended_since(0)) == HISTORY
        assert operations._pages._ended_since(HISTORY * 2) == []
        assert [one["entity"] for one in operations._pages._ended_since(HISTORY * 2 - 1)] == [f"e{HISTORY * 2 - 1}"]

    alone(tmp_path, story)


STATES = ("owned", "freezing", "frozen", "departing", "departed", "prepared")
ENTITIES = ("a", "b", "c")


def about(entity, way):
    """An input about an entity, in each of the ways in which it may be named, or about all."""
    ways = (
        (CreateEntity(entity), ()),
        (Received("n2", MigrationAck(entity, TransactionId("n1", 1, 1)), 1), ()),
        (TimerFired(Timer("freeze", entity), 1), ()),
        (ViewStable("view"), ()),
        (CreateEntity("z"), (Raise(EntityResides(entity)),)),
    )
    return ways[way]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ENTITIES), st.integers(0, 4), st.sampled_from((*STATES, "")))))
def test_counts_kept_are_those_of_a_walk(changes):
    counts, entities = EntityCounts(), Map()
    for entity, way, state in changes:
        if state:
            entities = entities.set(entity, EntityData(entity, state))
        elif entity in entities:
            entities = entities.delete(entity)
        counts.note(*about(entity, way), entities)
        held = [data.state for data in entities.values()]
        assert counts.by_state() == {state: held.count(state) for state in sorted(set(held))}
