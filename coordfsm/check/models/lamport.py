"""Lamport's mutual exclusion with logical clocks ("Time, Clocks", 1978), after Merz's TLA+ module, an oracle of counts.

With three processes and clocks up to 6 there are 724,274 distinct states on 61 levels.
"""

from typing import Annotated

from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node, Ordered, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Effect, Machine, Map, Message, Received, Send, Value, compile_machine


class LockRequest(Message):
    """A process wants to enter, since this time of its clock."""

    clock: int


class LockAck(Message):
    """The request was noted."""


class LockRelease(Message):
    """The sender has left."""


class AskEntry(Command):
    """The application wants to enter."""


class Enter(Command):
    """The process enters if it may."""


class Leave(Command):
    """The process leaves."""


class MutexData(Value):
    """One process.

    Attributes:
        name: its own.
        peers: the others.
        clock: the logical clock, from 1.
        requests: per process: the time of its request; absent: it has none.
        acks: who has noted this process's request, itself included.
    """

    name: str
    peers: tuple[str, ...]
    clock: int = 1
    requests: Map[str, int] = Map()
    acks: frozenset[str] = frozenset()
    state: str = "idle"


def is_first(data: MutexData, given: Command) -> bool:
    """Everybody knows of the request, and no other known one is earlier."""
    own = (data.requests[data.name], data.name)
    earlier = any((clock, name) < own for name, clock in data.requests.items())
    return len(data.acks) == len(data.peers) + 1 and not earlier


def _with(
    data: MutexData, requests: Map[str, int], clock: int | None = None, acks: frozenset[str] | None = None
) -> MutexData:
    clock = data.clock if clock is None else clock
    return MutexData(data.name, data.peers, clock, requests, data.acks if acks is None else acks, data.state)


def request_entry(data: MutexData, given: Command) -> tuple[MutexData, tuple[Effect, ...]]:
    """Note the own request and tell everyone."""
    asked = _with(data, data.requests.set(data.name, data.clock), acks=frozenset({data.name}))
    return asked, tuple(Send(peer, LockRequest(data.clock)) for peer in data.peers)


def note_request(data: MutexData, given: Received) -> tuple[MutexData, tuple[Effect, ...]]:
    """Note another's request, set the clock past it, acknowledge."""
    assert isinstance(given.message, LockRequest)
    noted = data.requests.set(given.sender, given.message.clock)
    return _with(data, noted, clock=max(data.clock, given.message.clock) + 1), (Send(given.sender, LockAck()),)


def note_ack(data: MutexData, given: Received) -> tuple[MutexData, tuple[Effect, ...]]:
    """Count an acknowledgement."""
    return _with(data, data.requests, acks=data.acks | {given.sender}), ()


def note_release(data: MutexData, given: Received) -> tuple[MutexData, tuple[Effect, ...]]:
    """Forget another's request."""
    return _with(data, data.requests.delete(given.sender)), ()


def release(data: MutexData, given: Command) -> tuple[MutexData, tuple[Effect, ...]]:
    """Forget the own request and tell everyone."""
    left = _with(data, data.requests.delete(data.name), acks=frozenset())
    return left, tuple(Send(peer, LockRelease()) for peer in data.peers)


class Mutex(Machine):
    """Asks, waits until it is first, enters, leaves."""

    idle = State(initial=True)
    waiting = State()
    critical = State()

    local_ask_entry = idle.to(waiting, on=request_entry)
    # The specification leaves the action enabled inside, where it changes nothing.
    local_enter = waiting.to(critical, cond=is_first) | critical.to(critical, cond=is_first)
    local_leave = critical.to(idle, on=release)
    recv_lock_request = (
        idle.to(idle, internal=True, on=note_request)
        | waiting.to(waiting, internal=True, on=note_request)
        | critical.to(critical, internal=True, on=note_request)
    )
    recv_lock_ack = (
        idle.to(idle, internal=True, on=note_ack)
        | waiting.to(waiting, internal=True, on=note_ack)
        | critical.to(critical, internal=True, on=note_ack)
    )
    recv_lock_release = (
        idle.to(idle, internal=True, on=note_release)
        | waiting.to(waiting, internal=True, on=note_release)
        | critical.to(critical, internal=True, on=note_release)
    )

    ignored = {
        ("waiting", "local_ask_entry"): "asked already",
        ("critical", "local_ask_entry"): "inside",
        ("idle", "local_enter"): "has not asked",
        ("waiting", "local_enter"): "not first, or not everybody knows",
        ("critical", "local_enter"): "inside",
        ("idle", "local_leave"): "not inside",
        ("waiting", "local_leave"): "not inside",
    }


MUTEX_TABLE = compile_machine(Mutex)


def _commands(_local: Local) -> tuple[Command, ...]:
    return AskEntry(), Enter(), Leave()


def _inside(local: Local) -> bool:
    return bool(local.data.state == "critical")


def _alone(inside: tuple[bool, ...]) -> bool:
    return sum(inside) <= 1


def _somebody(inside: tuple[bool, ...]) -> bool:
    return any(inside)


def build(
    processes: Annotated[int, Parameter("processes", minimum=2, maximum=4)] = 3,
    top: Annotated[int, Parameter("the clocks' largest value", minimum=2, maximum=8)] = 6,
) -> Model:
    """Lamport's mutual exclusion by logical clocks, over first-in, first-out channels."""
    names = tuple(f"p{number}" for number in range(1, processes + 1))

    def within(local: Local) -> bool:
        return bool(local.data.clock <= top)

    return Model(
        name="lamport",
        parameters={"processes": processes, "top": top},
        nodes=tuple(
            Node(
                name,
                MutexData(name, tuple(peer for peer in names if peer != name)),
                MUTEX_TABLE.step,
                _commands,
                rules=MUTEX_TABLE.rule_names,
            )
            for name in names
        ),
        network=Ordered(),
        boundary=within,
        properties=(
            Property("LM", "At most one process is inside.", _alone, observe=_inside),
            Property("LM-enter", "A process gets inside.", _somebody, kind="sometimes", observe=_inside),
        ),
    )


DEFAULTS = {"lamport": ({"processes": 3, "top": 4},)}
FUZZ = {"lamport": ({"processes": 4, "top": 8},)}
