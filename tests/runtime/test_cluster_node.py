"""The node for embedding: several in one event loop, over real sockets and stores."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from coordfsm.kernel import EncodingError
from coordfsm.protocols.membership.events import Join, ViewChanged
from coordfsm.protocols.migration.messages import NO_TRANSACTION, EntityArrived
from coordfsm_runtime.admin.status import status_of
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import CommandRefusedError, ConfigurationError, NodeStoppedError, StoreError
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.traces.audit import audit_traces
from coordfsm_runtime.traces.ownership import audit_stores

KEY = (b"k" * 32,)
MACHINES = {
    "membership": {"probe_ms": 100, "probe_timeout_ms": 100, "rebuttal_ms": 100},
    "coordination": {"stability_ms": 50, "cooldown_ms": 50},
}


def configs(directory: Path, count: int, **settings) -> list[NodeConfig]:
    """Of a cluster that the first founds."""
    listens = free_endpoints(count)
    return [
        NodeConfig(
            name=f"n{place}",
            data=directory / f"n{place}",
            listen=listens[place - 1],
            seeds=tuple(listen for listen in listens if listen != listens[place - 1]),
            bootstrap=place == 1,
            new_cluster=True,
            keys=KEY,
            trace=directory / f"trace{place}.jsonl",
            machines=MACHINES,
            **settings,
        )
        for place in range(1, count + 1)
    ]


async def formed(nodes: list[ClusterNode]) -> None:
    """All nodes are in one stable view."""
    for node in nodes:
        await node.wait_until(lambda node=node: node.view is not None and len(node.view.members) == len(nodes))
    async with asyncio.timeout(20):
        while not all(status_of(node)["stable"] for node in nodes):  # noqa: ASYNC110  (stability is not told)
            await asyncio.sleep(0.01)


async def moved(node: ClusterNode, entity: str, destination: str) -> None:
    """Ask until it is done: on a busy machine a view may look unstable for a moment."""
    while (ended := await node.migrate(entity, destination)).outcome != "COMMITTED":
        assert ended.outcome in ("VIEW_UNSTABLE", "VIEW_CHANGED", "TIMEOUT", "NOT_IN_VIEW")
        await asyncio.sleep(0.05)


def audited(directory: Path, count: int, expected: list[str]) -> dict[str, tuple[str, ...]]:
    """Where the entities are, when everything is in order."""
    found = audit_stores({f"n{place}": directory / f"n{place}" / "node.db" for place in range(1, count + 1)}, expected)
    assert found.clean
    assert found.in_doubt == ()
    assert audit_traces([directory / f"trace{place}.jsonl" for place in range(1, count + 1)]).findings == ()
    return found.entities


def run(story) -> None:
    async def bounded():
        async with asyncio.timeout(60):
            await story()

    asyncio.run(bounded())


def test_a_cluster_forms_registers_migrates_and_parts(tmp_path):
    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 3)]
            first, second, third = nodes
            await formed(nodes)
            assert {node.coordinator for node in nodes} <= {"n1", "n2", "n3"}
            assert len({node.view.id for node in nodes}) == 1

            assert await first.register("east", "north") == ("east", "north")
            with pytest.raises(CommandRefusedError, match="bubble 'east' is hosted by n1"):
                await second.register("east")
            with pytest.raises(CommandRefusedError, match="not valid"):
                await second.register("")
            assert await first.unregister("east") == ("north",)
            assert await second.register("east") == ("east",)
            await third.wait_until(lambda: third.registry.hosts.get("east") == "n2")

            arrivals = third.events()
            await first.create("ship", b"hull")
            with pytest.raises(CommandRefusedError, match="CreateEntity of 'ship' was refused"):
                await first.create("ship")
            with pytest.raises(CommandRefusedError, match="CreateEntity of 'whale' was refused"):
                await first.create("whale", b"x" * 2_000_000)
            with pytest.raises(EncodingError):
                await first.create("half a character \ud800")
            await first.update("ship", b"hull and sail")
            await moved(first, "ship", "n3")
            event = await anext(arrivals)
            while not isinstance(event, EntityArrived):
                event = await anext(arrivals)
            assert (event.entity, event.payload) == ("ship", b"hull and sail")

            assert (await first.migrate("ship", "n2")).outcome == "NOT_OWNER"
            assert (await third.migrate("ship", "n9")).outcome == "NOT_IN_VIEW"
            assert (await third.migrate("ship", "n3")).outcome == "REJECTED"
            with pytest.raises(CommandRefusedError, match="ResolveInDoubt"):
                await third.resolve("ship", commit=True)
            status = status_of(third)
            assert (status["state"], status["entities"]) == ("member", {"owned": 1})
            assert {"NOT_IN_VIEW": 1, "REJECTED": 1}.items() <= status["migrations"].items()
        assert [node.state for node in nodes] == ["left"] * 3

    run(story)
    assert audited(tmp_path, 3, ["ship"]) == {"ship": ("n3",)}


def test_a_cluster_that_loses_power_comes_back_in_its_last_view(tmp_path):
    async def story():
        made = configs(tmp_path, 3)
        nodes = [ClusterNode(config) for config in made]
        for node in nodes:
            await node.start()
        await formed(nodes)
        number = nodes[0].view.number
        await nodes[0].create("ship", b"hull")
        for node in nodes:
            await node.close()
        with pytest.raises(NodeStoppedError):
            await nodes[0].create("boat")

        again = [ClusterNode(config) for config in made]
        for node in again:
            await node.start()
        await formed(again)
        assert {node.view.number for node in again} == {number}
        await moved(again[0], "ship", "n2")
        for node in again:
            await node.close()

    run(story)
    assert audited(tmp_path, 3, ["ship"])["ship"] == ("n2",)


def test_a_failed_member_is_removed_and_comes_back_as_another_incarnation(tmp_path):
    async def story():
        made = configs(tmp_path, 3)
        nodes = [ClusterNode(config) for config in made]
        for node in nodes:
            await node.start()
        await formed(nodes)
        leader = next(node for node in nodes if node.config.name == node.coordinator)
        rest = [node for node in nodes if node is not leader]
        before = leader.data.membership.lifecycle.incarnation
        await leader.close()
        await formed(rest)
        assert {node.coordinator for node in rest} <= {node.config.name for node in rest}

        back = ClusterNode(leader.config)
        await back.start()
        await formed([*rest, back])
        assert back.data.membership.lifecycle.incarnation > before
        assert rest[0].history[-1][0] == back.view
        for node in (*rest, back):
            await node.close()

    run(story)
    assert audited(tmp_path, 3, []) == {}


def test_a_node_of_another_cluster_is_not_let_in(tmp_path):
    async def story():
        first, second, third = configs(tmp_path, 3)
        stranger = NodeConfig(
            name="n2", data=second.data, listen=second.listen, seeds=(first.listen,), label="other", keys=KEY
        )
        wrong = NodeConfig(name="n3", data=third.data, listen=third.listen, seeds=(first.listen,), keys=(b"w" * 32,))
        async with ClusterNode(first) as founder:
            await founder.member()
            outsiders = [ClusterNode(config) for config in (stranger, wrong)]
            for outsider in outsiders:
                await outsider.start()
            while set(founder.counters.of("datagrams_dropped")) != {"other_cluster", "unknown_key"}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert [outsider.state for outsider in outsiders] == ["seeking", "seeking"]
            assert len(founder.view.members) == 1
            # Each is told why, so that its operator need not guess.
            await until_refused(outsiders)
            told = [set(outsider.counters.of("refusals_received")) for outsider in outsiders]
            assert told == [{"other_cluster"}, {"unknown_key"}]
            for outsider in outsiders:
                await outsider.close()

    run(story)


def test_a_node_that_is_refused_says_why_until_it_is_let_in(tmp_path):
    async def story():
        first, second = (msgspec.structs.replace(config, bootstrap=False) for config in configs(tmp_path, 2))
        async with ClusterNode(first) as asked, ClusterNode(second) as refused:
            await refused.wait_until(lambda: refused.join_refused is not None)
            assert status_of(refused)["join_refused"] == {"reason": "not a member", "by": first.listen}
            await asked.close()
            await refused.close()

    run(story)


async def until_refused(nodes: list[ClusterNode]) -> None:
    while not all(node.counters.total("refusals_received") for node in nodes):  # noqa: ASYNC110  (not told)
        await asyncio.sleep(0.01)


def test_a_failing_disk_stops_the_node_before_it_promises_anything(tmp_path):
    async def story():
        (config,) = configs(tmp_path, 1)
        node = ClusterNode(config)
        await node.start()
        await node.member()
        node._running._store._connection.execute("PRAGMA query_only=1")
        waiting = asyncio.ensure_future(node.wait_until(lambda: False))
        await asyncio.sleep(0)
        listener, doomed = node.events(), asyncio.ensure_future(node.create("ship"))
        await node.wait_closed()
        with pytest.raises(NodeStoppedError):
            await doomed
        with pytest.raises(NodeStoppedError):
            await waiting
        await node.close()
        events = [event async for event in listener]
        assert isinstance(node.failure, StoreError)
        assert "cannot be written" in str(node.failure)
        assert not [event for event in events if isinstance(event, EntityArrived)]

    run(story)


def test_what_cannot_work_is_said_at_once(tmp_path):
    async def story():
        (config,) = configs(tmp_path, 1)
        async with ClusterNode(config):
            with pytest.raises(StoreError, match="another process uses it"):
                await ClusterNode(config).start()
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigurationError, match=r"node\.data"):
            await ClusterNode(NodeConfig(name="x", data=tmp_path / "file" / "deeper")).start()
        with pytest.raises(NodeStoppedError, match="not started"):
            await ClusterNode(config).migrate("a", "b")

    run(story)


def test_requests_that_wait_when_the_node_closes_are_answered(tmp_path):
    async def story():
        (config,) = configs(tmp_path, 1)
        node = ClusterNode(config)
        await node.start()
        await node.member()
        waiting = [asyncio.ensure_future(node.create(f"entity-{place}")) for place in range(400)]
        await asyncio.sleep(0)
        await node.close()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(answer) for answer in answers} <= {type(None), NodeStoppedError}

    run(story)
    audited(tmp_path, 1, [])


def test_a_node_without_seeds_waits_to_be_told(tmp_path, caplog):
    async def story():
        first, second = configs(tmp_path, 2)
        lonely = ClusterNode(msgspec.structs.replace(second, seeds=()))
        async with ClusterNode(first), lonely:
            assert lonely.state == "detached"
            await lonely.submit(Join((first.listen,)))
            await lonely.member()

    run(story)
    assert "in no cluster" in caplog.text


def test_the_history_of_views_is_told_in_order(tmp_path):
    async def story():
        first, second = configs(tmp_path, 2)
        async with ClusterNode(first) as founder:
            await founder.member()
            numbers = [founder.view.number]
            stream = founder.events()
            async with ClusterNode(second) as joiner:
                await joiner.member()
                async for event in stream:
                    if isinstance(event, ViewChanged):
                        numbers.append(event.view.number)
                        break
            await founder.wait_until(lambda: len(founder.view.members) == 1)
            assert [view.number for view, _ in founder.history] == [*numbers, numbers[-1] + 1]

    run(story)


def test_a_store_that_vanishes_stops_the_node_and_ends_its_events(tmp_path):
    async def story():
        node = ClusterNode(configs(tmp_path, 1)[0])
        await node.start()
        await node.member()
        listener = node.events()
        async with asyncio.timeout(10):
            (tmp_path / "n1" / "node.db").unlink()  # nothing is committed after this: a look every half second finds it
            told = [event async for event in listener]
            await node.wait_closed()
        assert not any(isinstance(event, EntityArrived) for event in told)
        assert "node.db was removed" in str(node.failure)
        assert isinstance(node.failure, StoreError)
        assert node.state == "failed"
        with pytest.raises(NodeStoppedError):
            await node.create("ship")
        await node.close()

    run(story)


def test_many_large_entities_moved_at_once_all_arrive(tmp_path):
    """More payload than the path carries in a migration's time limit waits its turn instead of timing out."""

    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed(nodes)
            names = [f"e{place}" for place in range(80)]
            for place, name in enumerate(names):
                await nodes[0].create(name, bytes([place]) * 100_000)
            ended = await asyncio.gather(*(nodes[0].migrate(name, "n2") for name in names))
            await asyncio.gather(*(moved(nodes[0], e.entity, "n2") for e in ended if e.outcome != "COMMITTED"))
            assert nodes[0].counters.of("send_failed") == {}
            held = nodes[1].data.migration.entities
            assert all(held[name].payload == bytes([place]) * 100_000 for place, name in enumerate(names))

    run(story)


def test_who_waits_for_its_turn_is_told_that_the_node_stopped(tmp_path):
    async def story():
        node = ClusterNode(configs(tmp_path, 1)[0])
        await node.start()
        await node.member()
        node._admission.enter(1 << 40)
        waiting = asyncio.ensure_future(node.migrate("ship", "n2"))
        await asyncio.sleep(0)
        await node.close()
        with pytest.raises(NodeStoppedError):
            await waiting

    run(story)


@pytest.mark.parametrize("token", ["", "once"])
def test_two_calls_at_once_are_each_told_what_became_of_theirs(tmp_path, token):
    async def story():
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(ClusterNode(config)) for config in configs(tmp_path, 2)]
            await formed(nodes)
            await nodes[0].create("ship", b"cargo")
            first, second = await asyncio.gather(*(nodes[0].migrate("ship", "n2", token) for _ in range(2)))
            assert first.outcome == "COMMITTED"
            assert second.outcome == ("COMMITTED" if token else "ALREADY_MIGRATING")
            assert second.transaction == (first.transaction if token else NO_TRANSACTION)
            told = {"COMMITTED": 2} if token else {"ALREADY_MIGRATING": 1, "COMMITTED": 1}
            assert nodes[0].counters.of("migrations") == told
            again = await nodes[0].migrate("ship", "n2", token)
            assert again.outcome == "ALREADY_APPLIED"
            assert nodes[0]._migrating == {}

    run(story)


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (
            lambda node: node.migrate("ship", "n2", since=3),
            "Migrate: since is 3 without a token, expected a token with it",
        ),
        (lambda node: node.migrate("ship", "n2", "t", since="3"), "Migrate: expected `int`, got `str` - at since"),
        (lambda node: node.migrate("ship", "n2", 5), "Migrate: expected `str`, got `int` - at token"),
        (lambda node: node.migrate("ship", None), "at destination"),
        (lambda node: node.update("ship", "text"), "expected `bytes`|invalid base64|at payload"),
        (lambda node: node.create("\x1b[2J"), "entity is '\\\\x1b"),
        (lambda node: node.create("x" * 60_000), "entity is a text of 60,000 characters"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_at_the_door(tmp_path, call, wrong):
    async def story():
        node = ClusterNode(configs(tmp_path, 1)[0])
        await node.start()
        await node.member()
        await node.create("ship")
        before = node.data
        with pytest.raises(EncodingError, match=f"(?i){wrong}"):
            await call(node)
        with pytest.raises(CommandRefusedError, match="not an id, expected 1 to 64 printable"):
            await node.create("two words")
        assert node.data == before
        await node.close()

    run(story)
