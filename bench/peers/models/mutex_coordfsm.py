"""Mutual exclusion (Lamport, "Time, clocks, and the ordering of events", 1978), as a user's model of this project.

``coordfsm verify bench/peers/models/mutex_coordfsm.py -p latest=6``
"""

from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node, Ordered, Property
from coordfsm.kernel import Command, Effect, Input, Machine, Message, Received, Send, Value, compile_machine

Result = tuple["ProcessData", tuple[Effect, ...]]


class Request(Message):
    """Somebody wants to enter; `time` is the sender's logical clock."""

    time: int


class Agree(Message):
    """The answer to a request."""


class Release(Message):
    """The sender left the critical section."""


class Ask(Command):
    """The application wants to enter."""


class Enter(Command):
    """The application enters."""


class Leave(Command):
    """The application leaves."""


class ProcessData(Value):
    """One process. `asked` holds the requests that it knows of, its own included, as (time, process)."""

    name: str
    others: tuple[str, ...]
    clock: int = 1
    asked: tuple[tuple[int, str], ...] = ()
    agreed: frozenset[str] = frozenset()
    state: str = "outside"


def _with(data: ProcessData, **fields: object) -> ProcessData:
    kept = {name: fields.get(name, getattr(data, name)) for name in data.__struct_fields__}
    return ProcessData(**kept)  # type: ignore[arg-type]  # the fields' own types are checked where they are made


def _without(data: ProcessData, process: str) -> tuple[tuple[int, str], ...]:
    return tuple(item for item in data.asked if item[1] != process)


def _asked_by(data: ProcessData, process: str, time: int) -> tuple[tuple[int, str], ...]:
    return tuple(sorted((*_without(data, process), (time, process))))


def first_in_line(data: ProcessData, given: Input) -> bool:  # noqa: ARG001  (the shape of every guard)
    """All agreed, and no known request is before one's own."""
    return len(data.agreed) == len(data.others) and data.asked[0][1] == data.name


def ask(data: ProcessData, given: Input) -> Result:  # noqa: ARG001  (the shape of every action)
    """Request with the present clock."""
    asked = _asked_by(data, data.name, data.clock)
    effects = tuple(Send(other, Request(data.clock)) for other in data.others)
    return _with(data, asked=asked, agreed=frozenset()), effects


def leave(data: ProcessData, given: Input) -> Result:  # noqa: ARG001  (the shape of every action)
    """Forget one's request and tell all."""
    effects = tuple(Send(other, Release()) for other in data.others)
    return _with(data, asked=_without(data, data.name), agreed=frozenset()), effects


def hear_request(data: ProcessData, given: Received) -> Result:
    """Note it, move the clock beyond it, and agree."""
    time = given.message.time  # type: ignore[attr-defined]  # the event's message is a Request
    asked = _asked_by(data, given.sender, time)
    return _with(data, clock=max(data.clock, time) + 1, asked=asked), (Send(given.sender, Agree()),)


def hear_agree(data: ProcessData, given: Received) -> Result:
    """Note who agreed."""
    return _with(data, agreed=data.agreed | {given.sender}), ()


def hear_release(data: ProcessData, given: Received) -> Result:
    """Forget the sender's request."""
    return _with(data, asked=_without(data, given.sender)), ()


class Process(Machine):
    """Asks, waits for all and for its turn, enters, leaves."""

    outside = State(initial=True)
    waiting = State()
    inside = State()

    local_ask = outside.to(waiting, on=ask)
    # The specification lets a process that is inside enter again.
    local_enter = waiting.to(inside, cond=first_in_line) | inside.to(inside, cond=first_in_line)
    local_leave = inside.to(outside, on=leave)
    recv_request = (
        outside.to(outside, internal=True, on=hear_request)
        | waiting.to(waiting, internal=True, on=hear_request)
        | inside.to(inside, internal=True, on=hear_request)
    )
    recv_agree = waiting.to(waiting, internal=True, on=hear_agree)
    recv_release = (
        outside.to(outside, internal=True, on=hear_release)
        | waiting.to(waiting, internal=True, on=hear_release)
        | inside.to(inside, internal=True, on=hear_release)
    )

    ignored = {  # noqa: RUF012  (read, never written)
        ("waiting", "local_ask"): "asked already",
        ("inside", "local_ask"): "asked already",
        ("outside", "local_enter"): "has not asked",
        ("waiting", "local_enter"): "it is not its turn",
        ("inside", "local_enter"): "it is not its turn",
        ("outside", "local_leave"): "is not inside",
        ("waiting", "local_leave"): "is not inside",
        ("outside", "recv_agree"): "asks nothing",
        ("inside", "recv_agree"): "all agreed already",
    }


TABLE = compile_machine(Process)


def _commands(_local: Local) -> tuple[Command, ...]:
    return Ask(), Enter(), Leave()


def _state(local: Local) -> str:
    state: str = local.data.state
    return state


def _exclusive(states: tuple[str, ...]) -> bool:
    return states.count("inside") <= 1


def _some_inside(states: tuple[str, ...]) -> bool:
    return "inside" in states


def build(latest: int = 4) -> Model:
    """Three processes with ordered channels, as far as no logical clock exceeds `latest`."""
    names = ("p1", "p2", "p3")
    return Model(
        name="mutex",
        parameters={"latest": latest},
        nodes=tuple(
            Node(
                name,
                ProcessData(name, tuple(other for other in names if other != name)),
                TABLE.step,
                _commands,
                rules=TABLE.rule_names,
            )
            for name in names
        ),
        network=Ordered(),
        boundary=lambda local: local.data.clock <= latest,
        properties=(
            Property("exclusive", "At most one process is inside.", _exclusive, observe=_state),
            Property("progress", "A process can enter.", _some_inside, kind="sometimes", observe=_state),
        ),
    )
