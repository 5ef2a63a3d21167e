"""Every message, every field at and beyond its limits, in every state of a node: nothing raises, nothing is lost.

The datagrams are sealed with the cluster's key and go through the transport of a node. What comes through is stepped on
a node's data in each of its states; what a node would keep must be read back, and what it would send, sent.
"""

import types
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coordfsm.kernel import (
    Decoder,
    Map,
    Message,
    Persist,
    Received,
    Recover,
    Send,
    Value,
    apply_writes,
    encode,
    out_of_range,
)
from coordfsm.protocols.coordinator.messages import RegisterBubbles, Topology
from coordfsm.protocols.coordinator.registry import HOSTED_LIMIT, Hosting
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.membership.messages import Cut, Decision, MemberId, Stamp, ViewDecision, ViewWelcome
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.migration.messages import CreateEntity, Migrate
from coordfsm.protocols.node import MESSAGES, RECORDS, NodeSettings, composition, decode_message, initial
from coordfsm.protocols.view import Member, View
from coordfsm.simulate.faults import Crash, Heal, Partition
from coordfsm.simulate.nodes import form, node_cluster
from coordfsm_runtime.host.assembly import union_of
from coordfsm_runtime.wire.datagram import Envelope, Frame, pack_frame
from coordfsm_runtime.wire.keyring import Keyring
from tests.runtime.wire.datagrams import ENDPOINT, KEY, LABEL, Target

NUMBERS = (*(0, 1, 2, 3, (1 << 48) - 1, 1 << 48) * 4, -1, -2, (1 << 48) + 1, (1 << 63) - 1, -(1 << 63))
"""Most within the limits: a message with one field beyond them goes no further."""

TEXTS = (
    *("", "n1", "n2", "n3", "n9", "en1", "bn1", "cluster", "x" * 64, "x" * 65) * 4,
    *("y" * 1_025, "two\nlines", "\x1b[2J"),
)
RECORD = Decoder(union_of(RECORDS))
SEALED = Envelope(LABEL, Keyring((KEY,)))


@cache
def states() -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """A node's data and durable records, some of each combination of its machines' states."""
    found: dict[Any, list[tuple[Any, tuple[Any, ...]]]] = {}

    def note(happening: Any) -> None:
        data = happening.step.data
        if happening.process.data is data:
            entities = frozenset(held.state for held in data.migration.entities.values())
            coordination = data.coordination
            key = (
                *(data.membership.lifecycle.state, data.membership.view_change.state, data.migration.service.state),
                *(coordination.monitor.state, coordination.coordinator.state, coordination.registrar.state, entities),
            )
            kept = found.setdefault(key, [])
            if len(kept) < 2:
                kept.append((data, happening.process.durable))

    cluster = node_cluster(3)
    found["detached"] = [(cluster.data("n1"), ())]
    cluster.observers.append(note)
    form(cluster)
    for name in ("n1", "n2", "n3"):
        cluster.command(name, RegisterBubbles((f"b{name}",)))
        cluster.command(name, CreateEntity(f"e{name}", b"payload"))
    cluster.run(3_000)
    cluster.command("n1", Migrate("en1", "n2"))
    cluster.run(2_000)
    cluster.command("n2", Migrate("en2", "n3"))
    cluster.inflict(Partition((frozenset({"n1"}), frozenset({"n2", "n3"}))))
    cluster.run(20_000)
    cluster.inflict(Heal())
    cluster.run(30_000)
    cluster.inflict(Crash("n2"))
    cluster.start("n2")
    cluster.command("n3", Leave())
    cluster.run(10_000)
    return tuple(state for kept in found.values() for state in kept)


@cache
def views() -> tuple[View, ...]:
    held = (data.coordination.monitor.view for data, _ in states())
    return tuple(dict.fromkeys(view for view in held if view is not None))


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  (one each)
    """Values of a type, fields at and beyond their limits, and those that real nodes hold."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).flatmap(
            lambda items: st.sampled_from([tuple(items), tuple(items * 2)])
        )
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=2)
    if origin is Map:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2).map(Map)
    if kind is View:
        return st.one_of(st.sampled_from(views()), structures(kind))
    if kind is Stamp:
        real = [Stamp(view.lineage, view.number, view.id) for view in views()]
        return st.one_of(st.sampled_from(real), structures(kind))
    if kind is Member or kind is MemberId:
        real = [member for view in views() for member in view.members]
        made = real if kind is Member else [MemberId(member.node, member.incarnation) for member in real]
        return st.one_of(st.sampled_from(made), structures(kind))
    if isinstance(kind, type) and issubclass(kind, Value):
        return structures(kind)
    if kind is str:
        return st.sampled_from((*TEXTS, *(view.id for view in views()), *(view.lineage for view in views())))
    plain = {int: st.sampled_from(NUMBERS), bool: st.booleans(), bytes: st.sampled_from((b"", b"x", bytes(1_000)))}
    return st.none() if kind is type(None) else plain[kind]


@cache
def structures(kind: type[Value]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    fields = {
        field.name: st.deferred(lambda name=field.name: values(hints[name])) for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **fields)


def taken(message: Message) -> bool:
    """Whether a message comes through a node's door; what does not is counted as out of range and nothing else."""
    target = Target()
    content = encode(message)
    target.transport.take(SEALED.close(pack_frame(Frame(ENDPOINT, 0, 0, 1, content))))
    target.transport.close()
    if not target.delivered:
        assert target.outcomes == {"out_of_range": 1}
        return False
    assert target.delivered == [message]
    assert target.outcomes == {}
    return True


def step_soundly(data: Any, durable: tuple[Any, ...], message: Message) -> None:
    """A step raises nothing, and what it keeps, holds and sends can be kept, held and sent."""
    step = composition.step(data, Received("n2", message, 1))
    encode(step.data)
    for effect in step.effects:
        if isinstance(effect, Send):
            assert decode_message(encode(effect.message)) == effect.message
        if isinstance(effect, Persist):
            for write in effect.writes:
                assert write.value is None or RECORD.decode(encode(write.value)) == write.value
            durable = apply_writes(durable, effect.writes)
    composition.step(initial(NodeSettings(data.membership.node, data.membership.endpoint)), Recover(durable))


def test_the_states_are_all_there():
    lifecycle = {data.membership.lifecycle.state for data, _ in states()}
    entities = {held.state for data, _ in states() for held in data.migration.entities.values()}
    assert {"detached", "seeking", "waiting", "member", "wedged", "leaving", "left"} <= lifecycle
    assert {"owned", "frozen", "departed", "prepared"} <= entities


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_with_any_fields_raises_nothing_in_any_state(kind):
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(structures(kind), st.data())
    def raises_nothing(message, chosen):
        if taken(message):
            for data, durable in chosen.draw(st.lists(st.sampled_from(states()), min_size=1, max_size=6)):
                step_soundly(data, durable, message)

    raises_nothing()


def lists_in(kind: Any) -> int:
    """How many fields of a message, at any depth, are lists."""
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis:
        return 1 + lists_in(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Value):
        return sum(map(lists_in, get_type_hints(kind).values()))
    return sum(map(lists_in, get_args(kind)))


def places(value: Any) -> list[tuple[str, ...]]:
    """Where in a message its lists are."""
    found = []
    for name, hint in get_type_hints(type(value)).items():
        if get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis:
            found.append((name,))
        elif isinstance(getattr(value, name), Value):
            found += [(name, *place) for place in places(getattr(value, name))]
    return found


def lengthened(value: Any, place: tuple[str, ...], chosen: st.DataObject) -> Any:
    """The value with the list at this place one entry longer than it may be."""
    name, *rest = place
    if rest:
        held = lengthened(getattr(value, name), tuple(rest), chosen)
    else:
        held = (chosen.draw(values(get_args(get_type_hints(type(value))[name])[0])),) * (value.longest_list + 1)
    return msgspec.structs.replace(value, **{name: held})


WITH_LISTS = tuple(kind for kind in MESSAGES if lists_in(kind))


def test_messages_with_lists_are_many():
    assert {"ViewWelcome", "ViewDecision", "Topology", "TopologyPart"} <= {kind.__name__ for kind in WITH_LISTS}


@pytest.mark.parametrize("kind", WITH_LISTS, ids=lambda kind: kind.__name__)
def test_a_list_that_is_too_long_does_not_come_through(kind):
    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(structures(kind), st.data())
    def is_refused(message, chosen):
        found = places(message)
        assume(found)  # none where there is no view
        longer = lengthened(message, chosen.draw(st.sampled_from(found)), chosen)
        assert out_of_range(longer) is not None
        assert not taken(longer)

    is_refused()


def test_as_much_as_settings_allow_comes_through():
    most = Settings.bounds["chain_limit"][1]
    view = views()[0]
    decision = Decision(1, view.id, Cut(joining=(Member("n9", 1, "127.0.0.1:9"),)), view.id)
    assert taken(ViewDecision(Stamp(view.lineage, 1, view.id), MemberId("n1", 1), (decision,) * most))
    assert out_of_range(Hosting("n1", 1, 1, tuple(f"b{number:03}" for number in range(HOSTED_LIMIT)))) is None


def test_a_node_that_is_in_a_view_twice_does_not_come_through():
    view = View("lineage", 1, "", (Member("n1", 1, "n1"), Member("n1", 2, "n1"), Member("n2", 1, "n2")))
    assert not taken(ViewWelcome(Stamp("lineage", 1, view.id), MemberId("n1", 1), view))


def test_a_bubble_that_is_in_a_topology_twice_does_not_come_through():
    same, one, other = (Hosting("n1", 1, 1, ("b", "b")), Hosting("n1", 1, 1, ("b",)), Hosting("n2", 1, 1, ("b",)))
    assert not taken(Topology(1, "view", 1, 0, (same,)))
    assert not taken(Topology(1, "view", 1, 0, (one, other)))
    assert not taken(Topology(1, "view", 1, 0, (one, one)))
    assert taken(Topology(1, "view", 1, 0, (one, Hosting("n2", 1, 1, ("c",)))))
