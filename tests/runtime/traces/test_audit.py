"""The audits find what they are for: each property, broken on purpose in a made-up trace or store."""

import base64
from pathlib import Path

import msgspec
import pytest

from coordfsm.kernel import Command, Message, Notify, Recover, Send, Value, encode
from coordfsm.protocols.coordinator.messages import (
    CoordinatorNamed,
    Topology,
    TopologyAccepted,
    TopologyBroadcast,
    TopologyPart,
)
from coordfsm.protocols.coordinator.registry import Hosting
from coordfsm.protocols.membership.events import ViewChanged
from coordfsm.protocols.migration.messages import (
    CommitDecided,
    EntityArrived,
    EntityFrozen,
    EntityRecord,
    EntityThawed,
    MigrationDecision,
    MigrationEnded,
    MigrationPrepare,
    RemoveEntity,
    TransactionId,
)
from coordfsm.protocols.view import Member, View
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import TraceError
from coordfsm_runtime.host.driver import Line
from coordfsm_runtime.host.recorder import TraceRecorder
from coordfsm_runtime.machines import initial_data, node_settings
from coordfsm_runtime.traces.audit import CHECKED, audit_traces
from coordfsm_runtime.traces.ownership import audit_records


def view(number: int, parent: str, *members: str, lineage: str = "blue") -> View:
    """Members as ``name.incarnation``."""
    return View(lineage, number, parent, tuple(Member(*_split(text), f"{text}:1") for text in members))


def _split(text: str) -> tuple[str, int]:
    name, _, incarnation = text.partition(".")
    return name, int(incarnation)


FIRST = view(1, "", "a.1", "b.1", "c.1")
SECOND = view(2, FIRST.id, "a.1", "b.1")
THIRD = view(3, SECOND.id, "a.1", "b.1", "c.2")


MOVE = TransactionId("a", 1, 1)
CREATED = TransactionId("", 0, 0)


def arrived(entity: str, epoch: int, transaction: TransactionId = CREATED, payload: bytes = b"") -> Value:
    return EntityArrived(entity, epoch, payload, transaction)


def decided(transaction: TransactionId, *, commit: bool) -> Value:
    return MigrationDecision("ship", transaction, commit=commit, epoch=1)


def committed(where: str = "b", prepared: View = FIRST, service: str = "stable", *, in_view: bool = True) -> Value:
    return CommitDecided("ship", MOVE, where, prepared.id, FIRST.id, in_view, service)


def ended(transaction: TransactionId, outcome: str, token: str = "") -> Value:
    return MigrationEnded("ship", "b", outcome, token=token, transaction=transaction)


def topology(version: int, *entries: Hosting, base: int = 0, of: View = FIRST) -> Value:
    return Topology(of.number, of.id, version, base, entries)


def part(place: int, *entries: Hosting) -> Value:
    """One of two parts of a topology."""
    return TopologyPart(FIRST.number, FIRST.id, 3, 2, place, 2, entries)


def named(view: View, leader: str) -> Value:
    return CoordinatorNamed(view.number, view.id, leader)


SETTINGS = {"settings": {"coordination": {"cooldown_ms": 1_000}}}
STEP_MS = 10


def found(directory: Path, **told: list[Value]) -> set[str]:
    """The properties that an audit finds broken when these nodes tell or send these values, ten milliseconds apart."""
    paths = []
    for node, events in told.items():
        paths.append(directory / f"{node}.jsonl")
        recorder = TraceRecorder(paths[-1], node, SETTINGS)
        for place, event in enumerate(events):
            effect = Send("x:1", event) if isinstance(event, Message) else Notify(event)
            given = event if isinstance(event, Command) else Recover()
            recorder.record(Line(given, () if isinstance(event, Command) else (effect,), place * STEP_MS, None))
        recorder.close()
    return {finding.property for finding in audit_traces(paths, replay=False).findings}


def changed(*views: View) -> list[Value]:
    return [ViewChanged(each) for each in views]


def test_an_orderly_history_is_clean(tmp_path):
    told = [*changed(FIRST, SECOND, THIRD), TopologyAccepted(1, 1), TopologyAccepted(1, 2), TopologyAccepted(2, 1)]
    a = [
        named(FIRST, "a"),
        TopologyBroadcast(1, 1),
        topology(1, Hosting("a", 1, 1, ("north",)), Hosting("b", 1, 1, ())),
        # A bubble moves from one process to another within one delta.
        topology(2, Hosting("a", 1, 2, ()), Hosting("b", 1, 2, ("north",)), base=1),
        # And back, in a delta that is sent in parts, repeated and out of order.
        part(1, Hosting("b", 1, 3, ())),
        part(0, Hosting("a", 1, 3, ("north",))),
        part(1, Hosting("b", 1, 3, ())),
        EntityFrozen("ship", MOVE, b"hull"),
        MigrationPrepare("ship", MOVE, 1, b"hull", FIRST.id),
        committed(),
        decided(MOVE, commit=True),
        ended(MOVE, "COMMITTED", "token"),
        ended(CREATED, "ALREADY_APPLIED", "token"),
    ]
    b = [
        *changed(FIRST, FIRST, SECOND),
        arrived("ship", 2, MOVE, b"hull"),
        decided(TransactionId("b", 1, 1), commit=True),
    ]
    assert found(tmp_path, a=[*told, *a], b=[*b, *changed(THIRD)], c=[arrived("ship", 3)]) == set()


BROKEN = [
    ("M1", {"a": changed(FIRST, SECOND), "b": changed(FIRST, view(2, FIRST.id, "b.1", "c.1"))}),
    ("M2", {"a": changed(FIRST, view(2, "f" * 32, "a.1", "b.1"))}),
    ("M3", {"a": changed(FIRST, SECOND, FIRST)}),
    ("M4", {"c": changed(SECOND)}),
    ("M6", {"a": changed(FIRST, SECOND, view(3, SECOND.id, "a.1", "b.1", "c.1"))}),
    ("C1", {"a": [named(FIRST, "a")], "b": [named(FIRST, "b")]}),
    ("C1", {"a": [*changed(SECOND), named(SECOND, "c")]}),
    ("C2", {"a": [named(SECOND, "a"), TopologyAccepted(1, 5)]}),
    (
        "C2",
        {"a": [named(FIRST, "a"), TopologyBroadcast(1, 1)], "b": [named(FIRST, "a"), TopologyBroadcast(1, 1)]},
    ),
    ("C3", {"a": [topology(1, Hosting("a", 1, 1, ("north",)), Hosting("b", 1, 1, ("north",)))]}),
    (
        "C3",
        {"a": [topology(1, Hosting("a", 1, 1, ("north",))), topology(2, Hosting("b", 1, 1, ("north",)), base=1)]},
    ),
    (
        "C3",
        {
            "a": [
                topology(2, Hosting("c", 1, 1, ())),
                part(0, Hosting("a", 1, 1, ("north",))),
                part(1, Hosting("b", 1, 1, ("north",))),
            ]
        },
    ),
    ("C3", {"a": [*changed(FIRST), topology(1, Hosting("d", 1, 1, ()))]}),
    ("C3", {"a": [*changed(FIRST), topology(1, Hosting("c", 2, 1, ()))]}),
    ("C4", {"a": [TopologyAccepted(2, 1), TopologyAccepted(2, 1)]}),
    ("C4", {"a": [topology(1, Hosting("a", 1, 1, ("north",))), topology(1, Hosting("a", 1, 2, ("south",)))]}),
    ("C5", {"a": [named(FIRST, "a"), TopologyBroadcast(1, 1), TopologyBroadcast(1, 2)]}),
    ("X1", {"a": [arrived("ship", 2)], "b": [arrived("ship", 2)]}),
    ("X3", {"a": [decided(MOVE, commit=True), decided(MOVE, commit=False)]}),
    ("X3", {"a": [ended(MOVE, "TIMEOUT")], "b": [arrived("ship", 2, MOVE)]}),
    ("X4", {"b": [arrived("ship", 2, MOVE)], "c": [arrived("ship", 3, MOVE)]}),
    ("X4", {"a": [MigrationPrepare("ship", MOVE, 1, b"", FIRST.id)], "b": [arrived("ship", 3, MOVE)]}),
    ("X4", {"a": [ended(MOVE, "COMMITTED", "t")], "b": [ended(TransactionId("b", 1, 1), "COMMITTED", "t")]}),
    ("X5", {"a": [EntityFrozen("ship", MOVE, b""), EntityFrozen("ship", TransactionId("a", 1, 2), b"")]}),
    ("X6", {"a": [committed(prepared=SECOND)]}),
    ("X6", {"a": [committed(in_view=False)]}),
    ("X6", {"a": [*changed(FIRST), committed(where="d")]}),
    ("X6", {"a": [committed(service="wedged")]}),
    ("X7", {"a": [EntityFrozen("ship", MOVE, b"hull")], "b": [arrived("ship", 2, MOVE, b"wreck")]}),
    ("X7", {"a": [EntityFrozen("ship", MOVE, b"hull"), EntityThawed("ship", 1, b"wreck")]}),
]


@pytest.mark.parametrize(("broken", "told"), BROKEN)
def test_each_broken_property_is_found(tmp_path, broken, told):
    assert found(tmp_path, **told) == {broken}


def test_every_property_that_is_said_to_be_checked_has_a_broken_example():
    assert {broken for broken, _ in BROKEN} | {"replay"} == set(CHECKED)


def test_a_trace_that_the_machines_do_not_repeat_is_found(tmp_path):
    settings = node_settings(NodeConfig(name="a", data=tmp_path), "127.0.0.1:1")
    recorder = TraceRecorder(tmp_path / "t", "a", {"bytes": base64.b64encode(encode(settings)).decode()})
    recorder.record(Line(Recover(), (Notify(ViewChanged(FIRST)),), 0, None))
    recorder.close()
    assert initial_data(settings).membership.node == "a"
    (finding,) = audit_traces([tmp_path / "t"]).findings
    assert (finding.property, finding.text) == (
        "replay",
        f"{tmp_path}/t:2: step 1 of a (Recover) has other effects now",
    )


def test_entities_that_must_be_somewhere(tmp_path):
    found(tmp_path, a=[arrived("ship", 1), arrived("boat", 1), RemoveEntity("boat")])
    assert audit_traces([tmp_path / "a.jsonl"], replay=False).entities == {"ship"}


def test_what_is_no_trace_is_refused(tmp_path):
    (tmp_path / "junk").write_text("hello\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "later").write_text('{"trace": 99, "node": "a", "settings": {}}\n')
    for name in ("junk", "empty", "later", "missing"):
        with pytest.raises(TraceError, match=name):
            audit_traces([tmp_path / name])


OWNED = EntityRecord("owned", epoch=3, payload=b"x")


@pytest.mark.parametrize(
    ("records", "holders"),
    [
        ({"a": OWNED}, ("a",)),
        ({"a": OWNED, "b": EntityRecord("departed", epoch=2)}, ("a",)),
        ({"a": EntityRecord("frozen", epoch=3), "b": EntityRecord("prepared", offered=3)}, ("a",)),
        ({"a": EntityRecord("departing", epoch=3), "b": EntityRecord("prepared", offered=3)}, ("a",)),
        ({"a": EntityRecord("departing", epoch=3), "b": msgspec.structs.replace(OWNED, epoch=4)}, ("b",)),
        ({"a": OWNED, "b": OWNED}, ("a", "b")),
        ({"a": OWNED, "b": EntityRecord("departing", epoch=3)}, ("a", "b")),
        ({"a": EntityRecord("departed", epoch=3), "b": EntityRecord("prepared", offered=3)}, ()),
        ({"a": EntityRecord("absent", epoch=3)}, ()),
    ],
)
def test_who_has_an_entity(records, holders):
    audit = audit_records({node: {"ship": record} for node, record in records.items()}, ["ship"])
    assert audit.entities.get("ship", ()) == holders
    assert audit.lost == (() if holders else ("ship",))
    assert audit.duplicated == (("ship",) if len(holders) > 1 else ())
    assert audit.clean == (len(holders) == 1)


def test_an_entity_in_no_store_is_lost_only_if_it_was_expected():
    assert audit_records({"a": {}}, ["ship"]).lost == ("ship",)
    assert audit_records({"a": {"boat": EntityRecord("absent", epoch=2)}}).clean
