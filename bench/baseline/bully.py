"""BULLY: the highest process that answers leads (Garcia-Molina, Elections in a Distributed Computing System, 1982).

Whoever misses the leader asks all processes above it. If none answers in time it takes itself for the highest and
says so to everyone. It is right as long as silence means death and answers come in time; nothing enforces either.

Three things are kinder than the textbook, which floods a large cluster with elections: who follows a leader that it
hears calls no election because another one does; a leader answers only the caller; a victory that was overtaken by that
of a higher process is passed over.
"""

import msgspec
from statemachine import State

from bench.baseline.data import (
    ANSWER,
    VICTORY,
    Alive,
    BaselineData,
    BullyData,
    Election,
    LeaderKnown,
    LeaderNamed,
    PeerBack,
    PeerLost,
    Victory,
    endpoint_of,
)
from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Machine,
    Notify,
    Raise,
    Received,
    Send,
    SetTimer,
    Value,
    compile_machine,
)

Result = tuple[BullyData, tuple[Effect, ...]]


def is_highest(data: BullyData, given: Value, context: BaselineData) -> bool:
    """No process of the list has a higher id."""
    return all(peer.node < context.node for peer in context.peers)


def is_leader(data: BullyData, given: PeerLost) -> bool:
    """The lost process is the leader."""
    return given.process == data.leader


def comes_from_above(data: BullyData, given: Received, context: BaselineData) -> bool:
    """The new leader has a higher id."""
    assert isinstance(given.message, Victory)
    return given.message.process > context.node


def is_late(data: BullyData, given: Received, context: BaselineData) -> bool:
    """A higher process leads meanwhile, and lives: the victory was overtaken by that one's."""
    assert isinstance(given.message, Victory)
    return given.message.process < data.leader and data.leader not in context.heartbeats.lost


def has_live_leader(data: BullyData, given: Received, context: BaselineData) -> bool:
    """Another process leads, and is heard: it hears the caller, too, and will say so."""
    return data.leader != "" and data.leader not in context.heartbeats.lost


def call(data: BullyData, given: Value, context: BaselineData) -> Result:
    """Ask everyone above whether it is there."""
    asks = (Send(peer.endpoint, Election(context.node)) for peer in context.peers if peer.node > context.node)
    return data, (*asks, SetTimer(ANSWER, context.settings.answer_ms))


def proclaim(data: BullyData, given: Value, context: BaselineData) -> Result:
    """Nobody above answered: lead, and tell everyone. Once."""
    told = (Send(peer.endpoint, Victory(context.node)) for peer in context.peers)
    named = (Notify(LeaderNamed(context.node)),) if data.leader != context.node else ()
    stop = (CancelTimer(ANSWER), CancelTimer(VICTORY))
    leading = msgspec.structs.replace(data, leader=context.node)
    return leading, (*stop, *told, *named, Raise(LeaderKnown(context.node)))


def answer(data: BullyData, given: Received, context: BaselineData) -> Result:
    """Be quiet, somebody higher is here."""
    assert isinstance(given.message, Election)
    return data, (Send(endpoint_of(context, given.message.process), Alive(context.node)),)


def answer_and_call(data: BullyData, given: Received, context: BaselineData) -> Result:
    """Take the election over."""
    _, answered = answer(data, given, context)
    data, called = call(data, given, context)
    return data, (*answered, *called)


def answer_and_proclaim(data: BullyData, given: Received, context: BaselineData) -> Result:
    """Take the election over, and win it."""
    _, answered = answer(data, given, context)
    data, told = proclaim(data, given, context)
    return data, (*answered, *told)


def wait_for_victory(data: BullyData, given: Received, context: BaselineData) -> Result:
    """Somebody higher is there: wait until it leads."""
    return data, (CancelTimer(ANSWER), SetTimer(VICTORY, context.settings.victory_ms))


def follow(data: BullyData, given: Received) -> Result:
    """Somebody higher leads."""
    assert isinstance(given.message, Victory)
    leader = given.message.process
    named = (Notify(LeaderNamed(leader)),) if data.leader != leader else ()
    following = msgspec.structs.replace(data, leader=leader)
    return following, (CancelTimer(ANSWER), CancelTimer(VICTORY), *named, Raise(LeaderKnown(leader)))


def tell_caller(data: BullyData, given: Received, context: BaselineData) -> Result:
    """This process leads already: to tell the caller is enough."""
    assert isinstance(given.message, Election)
    return data, (Send(endpoint_of(context, given.message.process), Victory(context.node)),)


def tell_again(data: BullyData, given: PeerBack, context: BaselineData) -> Result:
    """Whoever comes back may not know who leads."""
    return data, (Send(endpoint_of(context, given.process), Victory(context.node)),)


class Bully(Machine):
    """FOLLOWING, ELECTING (somebody above?), WAITING (somebody above took over), LEADING."""

    following = State(initial=True)
    electing = State()
    waiting = State()
    leading = State()

    local_recover = following.to(leading, cond=is_highest, on=proclaim) | following.to(electing, on=call)
    local_peer_lost = following.to(leading, cond=[is_leader, is_highest], on=proclaim) | following.to(
        electing, cond=is_leader, on=call
    )
    local_peer_back = leading.to(leading, internal=True, on=tell_again)
    recv_election = (
        following.to(leading, cond=is_highest, on=answer_and_proclaim)
        | following.to(following, internal=True, cond=has_live_leader, on=answer)
        | following.to(electing, on=answer_and_call)
        | electing.to(electing, internal=True, on=answer)
        | waiting.to(waiting, internal=True, on=answer)
        | leading.to(leading, internal=True, on=tell_caller)
    )
    recv_alive = electing.to(waiting, on=wait_for_victory)
    timeout_answer = electing.to(leading, on=proclaim)
    timeout_victory = waiting.to(electing, on=call)
    recv_victory = (
        following.to(following, internal=True, cond=is_late)
        | following.to(following, internal=True, cond=comes_from_above, on=follow)
        | following.to(leading, cond=is_highest, on=proclaim)
        | following.to(electing, on=call)
        | electing.to(following, cond=comes_from_above, on=follow)
        | waiting.to(following, cond=comes_from_above, on=follow)
        | leading.to(following, cond=comes_from_above, on=follow)
        | leading.to(leading, internal=True, on=proclaim)
    )

    ignored = {
        ("*", "local_recover"): "the first input of a process only",
        ("*", "local_peer_lost"): "not the leader, or an election runs already",
        ("*", "local_peer_back"): "the leader tells it",
        ("*", "recv_alive"): "no answer is awaited any more",
        ("*", "timeout_answer"): "no answer is awaited any more",
        ("*", "timeout_victory"): "no victory is awaited any more",
        ("*", "recv_victory"): "from below, while an election runs",
    }


BULLY = compile_machine(Bully)
