"""The composed node: routing, decoding, and what it starts with."""

import pytest

from coordfsm.kernel import EncodingError, Message, Raise, Recover, encode, event_of
from coordfsm.kernel.inputs import Received
from coordfsm.protocols.coordinator.messages import TopologyAccepted
from coordfsm.protocols.membership.events import Bootstrap, ViewChanged
from coordfsm.protocols.node import (
    COMMANDS,
    MACHINES,
    MESSAGES,
    RECORDS,
    NodeSettings,
    composition,
    decode_message,
    initial,
)
from tests.protocols.examples import example_of

FAMILIES = ("recv_", "timeout_")


@pytest.mark.parametrize("family", FAMILIES)
def test_messages_and_timers_of_one_protocol_never_reach_another(family):
    owners: dict[str, list[str]] = {}
    for part in composition.parts:
        for event in part.machine.events:
            if event.startswith(family):
                owners.setdefault(event, []).append(part.field)
    assert {event: parts for event, parts in owners.items() if len(parts) > 1} == {}


def test_every_message_that_a_machine_receives_can_be_decoded():
    received = {event for event in composition.events if event.startswith("recv_")}
    assert {event_of(Received("peer", example_of(kind))) for kind in MESSAGES} == received


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_messages_survive_the_wire(kind: type[Message]):
    message = example_of(kind)
    assert decode_message(encode(message)) == message


@pytest.mark.parametrize("datagram", [b"", b"\xc1", encode(("Unheard", 1)), encode(("TopologyAck", 1, 2, 3))])
def test_malformed_datagrams_raise_one_typed_error(datagram):
    with pytest.raises(EncodingError):
        decode_message(datagram)


def test_tags_are_unique_over_messages_commands_and_records():
    for group in (MESSAGES, COMMANDS, RECORDS):
        names = [kind.__name__ for kind in group]
        assert len(names) == len(set(names))


def test_every_machine_is_listed_with_its_table():
    assert {"Lifecycle", "ViewChange", "ViewMonitor", "Coordinator", "Registrar"} <= set(MACHINES)
    for name, table in MACHINES.items():
        assert table.declaration.__name__ == name


def test_every_command_that_is_raised_is_one_that_some_machine_takes():
    step = composition.step(initial(NodeSettings("a", "a")), Recover())
    step = composition.step(step.data, Bootstrap("token"))
    raised = [effect.command for effect in step.effects if isinstance(effect, Raise)]
    assert raised
    assert {type(command) for command in raised} <= set(COMMANDS)


def test_a_founder_is_member_coordinator_and_reader_of_its_own_topology_in_one_step():
    step = composition.step(initial(NodeSettings("a", "a")), Recover())
    step = composition.step(step.data, Bootstrap("token"))
    events = [effect.event for effect in step.effects if type(effect).__name__ == "Notify"]
    assert [type(event).__name__ for event in events if isinstance(event, ViewChanged | TopologyAccepted)] == [
        "ViewChanged",
        "TopologyAccepted",
    ]
    data = step.data
    assert data.membership.lifecycle.state == "member"
    assert data.coordination.coordinator.state == "cooldown"
    assert data.coordination.registrar.state == "registered"
