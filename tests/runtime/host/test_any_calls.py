"""Any calls at once on one node, some given up, the node stopped at any point: what each was told is true of the store.

Calls are drawn as data, so that a failure shrinks to the few calls that show it. What may be in the store is worked out
beside the node: a call that was answered narrows it to what agrees with the answer, one that was not widens it.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import CommandRefusedError, NodeStoppedError
from coordfsm_runtime.node import ClusterNode

PATIENCE_S = 20.0


class Call(NamedTuple):
    kind: str
    entity: str
    ticks: int
    gives_up_after: int | None


CALLS = st.lists(
    st.builds(
        Call,
        st.sampled_from(("create", "update", "remove", "migrate", "confirm")),
        st.sampled_from(("a", "b")),
        st.integers(0, 3),
        st.none() | st.integers(0, 3),
    ),
    max_size=14,
)

NOTHING = None
"""What is in the store of an entity that is not there."""


def after(kind, held, payload):
    """What is in the store after a call that is carried out, and whether it is refused."""
    wanted = {"create": held is NOTHING, "update": held is not NOTHING, "remove": held is not NOTHING}
    if not wanted.get(kind, False):
        return held, kind != "migrate"  # nobody else is in the view: a move is answered, and nothing moves
    return (NOTHING if kind == "remove" else payload), False


def ask(node, call, payload):
    asked = {
        "create": lambda: node.create(call.entity, payload),
        "update": lambda: node.update(call.entity, payload),
        "remove": lambda: node.remove(call.entity),
        "migrate": lambda: node.migrate(call.entity, "n9", wait=False),
        "confirm": lambda: node.confirm_stopped(call.entity),
    }
    return asyncio.ensure_future(asked[call.kind]())


async def ticks(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def asked_of(node, calls, stops_at):
    """The answers to all calls, in order; the node stops before the call at this place."""
    tasks, giving_up = [], []

    async def give_up(task, count):
        await ticks(count)
        task.cancel()

    for place, call in enumerate(calls):
        if place == stops_at:
            await node.close()
        tasks.append(ask(node, call, b"%d" % place))
        if call.gives_up_after is not None:
            giving_up.append(asyncio.ensure_future(give_up(tasks[-1], call.gives_up_after)))
        await ticks(call.ticks)
    async with asyncio.timeout(PATIENCE_S):  # nobody waits for ever
        return await asyncio.gather(*tasks, return_exceptions=True)


def possible(calls, answers):
    """What each entity may hold in the store, given what the callers were told."""
    held = {entity: {NOTHING} for entity in "ab"}
    for place, (call, answer) in enumerate(zip(calls, answers, strict=True)):
        before = held[call.entity]
        outcomes = {(*after(call.kind, one, b"%d" % place), one) for one in before}
        if isinstance(answer, asyncio.CancelledError | NodeStoppedError):
            held[call.entity] = before | {result for result, _, _ in outcomes}
            continue
        assert not isinstance(answer, BaseException) or isinstance(answer, CommandRefusedError), repr(answer)
        refused = isinstance(answer, CommandRefusedError)
        held[call.entity] = {result for result, was_refused, _ in outcomes if was_refused == refused}
        assert held[call.entity], f"{call} was told {answer!r}, which no order of the calls explains"
        if call.kind == "migrate":
            assert answer.outcome in {"NOT_OWNER", "NOT_IN_VIEW", "VIEW_UNSTABLE"}
    return held


async def story(directory, calls, stops_at):
    config = NodeConfig(name="n1", data=directory / "n1", bootstrap=True)
    node = ClusterNode(config)
    await node.start()
    await node.member()
    answers = await asked_of(node, calls, stops_at)
    assert not node._migrating
    assert not node._calls
    await node.close()
    again = ClusterNode(config)
    await again.start()
    entities = again.data.migration.entities
    owned = {entity: held.payload for entity, held in entities.items() if held.state == "owned"}
    kept = {entity: owned.get(entity, NOTHING) for entity in "ab"}
    await again.close()
    allowed = possible(calls, answers)
    assert all(kept[entity] in allowed[entity] for entity in "ab"), (kept, allowed, answers)


@example([Call("create", "a", 0, None), Call("remove", "a", 0, None)], None)
@settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(CALLS, st.none() | st.integers(0, 14))
def test_what_callers_were_told_is_true_of_the_store(calls, stops_at):
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(story(Path(made), calls, stops_at))
