"""Models in which different things take the memory."""

from collections.abc import Callable

from coordfsm.check.modelling.model import Local, Model, Node, Ordered, Property
from coordfsm.check.models import twophase
from coordfsm.kernel import Command, Input, Message, Received, Send, Step, Value

NODES = 40


class Count(Message):
    """The sender's number."""

    number: int


class Go(Command):
    """Count on."""


class At(Value):
    """How far a node has counted."""

    number: int = 0


def _count(data: At, given: Input) -> Step:
    after = At(data.number + 1)
    return Step(after, (Send("b", Count(after.number)),) if isinstance(given, Go) else (), ())


def _go(_local: Local) -> tuple[Command, ...]:
    return (Go(),)


def channel() -> Model:
    """Tables and local states without end: a channel in which ever new messages wait."""
    nodes = (Node("a", At(), _count, commands=_go), Node("b", At(), _count))
    return Model("channel", nodes, (Property("any", "Always.", lambda _seen: True),), network=Ordered())


def _step_once(data: At, given: Input) -> Step:
    if data.number < 2 and not isinstance(given, Received):
        return Step(At(data.number + 1), (), ())
    return Step(data, (), ())


def _few(seen: tuple[int, ...]) -> bool:
    return sum(seen) >= 0


def tuples() -> Model:
    """Verdicts without end: a property that looks at all of many nodes."""
    nodes = tuple(Node(f"n{at}", At(), _step_once, commands=_go) for at in range(NODES))
    return Model("tuples", nodes, (Property("few", "Holds.", _few, observe=lambda local: local.data.number),))


def states() -> Model:
    """States without end, few table entries: two-phase commit."""
    return twophase.build(11)


MODELS: dict[str, Callable[[], Model]] = {"channel": channel, "states": states, "tuples": tuples}
