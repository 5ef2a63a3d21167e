"""BROADCASTER: at every tick the leader looks whether the registry changed, and then tells everyone, once.

A change that falls into the time after a broadcast waits. What the network loses is lost: nothing is acknowledged.
"""

import msgspec
from statemachine import State

from bench.baseline.data import (
    POLL,
    BaselineData,
    BroadcasterData,
    Enrollment,
    LeaderKnown,
    PeerLost,
    Snapshot,
    SnapshotSent,
    SnapshotTaken,
    endpoint_of,
)
from coordfsm.kernel import (
    Effect,
    Machine,
    Map,
    Notify,
    Received,
    Send,
    SetTimer,
    TimerFired,
    Value,
    compile_machine,
)
from coordfsm.protocols.coordinator.messages import RegisterBubbles

Result = tuple[BroadcasterData, tuple[Effect, ...]]


def leads(data: BroadcasterData, given: LeaderKnown, context: BaselineData) -> bool:
    """This process is the new leader."""
    return given.leader == context.node


def may_broadcast(data: BroadcasterData, given: TimerFired) -> bool:
    """Something changed, and the last broadcast is long enough ago."""
    return data.changed and data.wait <= 1


def is_registered(data: BroadcasterData, given: PeerLost) -> bool:
    """The leader knows what the lost process hosted."""
    return given.process in data.registry


def has_leader(data: BroadcasterData, given: Value, context: BaselineData) -> bool:
    """Some process is known to lead."""
    return context.bully.leader != ""


def start(data: BroadcasterData, given: Value, context: BaselineData) -> Result:
    """The tick begins."""
    return data, (SetTimer(POLL, context.settings.poll_ms),)


def take_over(data: BroadcasterData, given: LeaderKnown, context: BaselineData) -> Result:
    """Lead with what this process hosts itself; the others tell what they host."""
    registry = Map({context.node: data.own})
    return msgspec.structs.replace(data, registry=registry, changed=True), ()


def enroll(data: BroadcasterData, given: LeaderKnown, context: BaselineData) -> Result:
    """Tell the new leader what this process hosts."""
    message = Enrollment(context.node, data.own)
    return msgspec.structs.replace(data, registry=Map(), changed=False), (
        Send(endpoint_of(context, given.leader), message),
    )


def host_and_enroll(data: BroadcasterData, given: RegisterBubbles, context: BaselineData) -> Result:
    """Host more, and tell the leader."""
    data, _ = host(data, given)
    return data, (Send(endpoint_of(context, context.bully.leader), Enrollment(context.node, data.own)),)


def host(data: BroadcasterData, given: RegisterBubbles) -> Result:
    """Host more; nobody leads yet."""
    return msgspec.structs.replace(data, own=tuple(sorted({*data.own, *given.bubbles}))), ()


def host_and_note(data: BroadcasterData, given: RegisterBubbles, context: BaselineData) -> Result:
    """Host more, as leader."""
    data, _ = host(data, given)
    return msgspec.structs.replace(data, registry=data.registry.set(context.node, data.own), changed=True), ()


def note(data: BroadcasterData, given: Received) -> Result:
    """Into the registry."""
    told = given.message
    assert isinstance(told, Enrollment)
    return msgspec.structs.replace(data, registry=data.registry.set(told.process, told.bubbles), changed=True), ()


def drop(data: BroadcasterData, given: PeerLost) -> Result:
    """What a lost process hosted is hosted no more."""
    return msgspec.structs.replace(data, registry=data.registry.delete(given.process), changed=True), ()


def wait(data: BroadcasterData, given: TimerFired, context: BaselineData) -> Result:
    """Nothing to do, or too early: look again at the next tick."""
    waited = msgspec.structs.replace(data, wait=max(data.wait - 1, 0)) if data.wait else data
    return waited, (SetTimer(POLL, context.settings.poll_ms),)


def broadcast(data: BroadcasterData, given: TimerFired, context: BaselineData) -> Result:
    """Tell everyone all of it."""
    entries = tuple(sorted(data.registry.items()))
    version = data.version + 1
    message = Snapshot(context.node, version, entries)
    sent = msgspec.structs.replace(
        data, changed=False, version=version, wait=context.settings.quiet_ticks, topology=data.registry
    )
    return sent, (
        *(Send(peer.endpoint, message) for peer in context.peers),
        Notify(SnapshotSent(version)),
        SetTimer(POLL, context.settings.poll_ms),
    )


def take(data: BroadcasterData, given: Received, context: BaselineData) -> Result:
    """Believe it: there is nothing to compare it with."""
    snapshot = given.message
    assert isinstance(snapshot, Snapshot)
    taken = msgspec.structs.replace(data, topology=Map(snapshot.entries))
    return taken, (Notify(SnapshotTaken(snapshot.process, context.bully.leader)),)


class Broadcaster(Machine):
    """IDLE before the start, then ENROLLED with a leader, or PUBLISHING as the leader."""

    idle = State(initial=True)
    enrolled = State()
    publishing = State()

    local_recover = idle.to(enrolled, on=start)
    local_leader_known = (
        enrolled.to(publishing, cond=leads, on=take_over)
        | enrolled.to(enrolled, internal=True, on=enroll)
        | publishing.to(enrolled, unless=leads, on=enroll)
    )
    local_register_bubbles = (
        enrolled.to(enrolled, internal=True, cond=has_leader, on=host_and_enroll)
        | enrolled.to(enrolled, internal=True, on=host)
        | publishing.to(publishing, internal=True, on=host_and_note)
    )
    local_peer_lost = publishing.to(publishing, internal=True, cond=is_registered, on=drop)
    recv_enrollment = publishing.to(publishing, internal=True, on=note)
    timeout_poll = (
        enrolled.to(enrolled, internal=True, on=wait)
        | publishing.to(publishing, internal=True, cond=may_broadcast, on=broadcast)
        | publishing.to(publishing, internal=True, on=wait)
    )
    recv_snapshot = enrolled.to(enrolled, internal=True, on=take) | publishing.to(publishing, internal=True, on=take)

    ignored = {
        ("enrolled", "local_recover"): "the first input of a process only",
        ("publishing", "local_recover"): "the first input of a process only",
        ("publishing", "local_leader_known"): "leads already",
        ("*", "local_peer_lost"): "not in the registry, or not the leader",
        ("enrolled", "recv_enrollment"): "does not lead",
        **{
            ("idle", event): "not started"
            for event in (
                "local_leader_known",
                "local_register_bubbles",
                "recv_enrollment",
                "timeout_poll",
                "recv_snapshot",
            )
        },
    }


BROADCASTER = compile_machine(Broadcaster)
