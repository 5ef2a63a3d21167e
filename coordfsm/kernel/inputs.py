"""Inputs: all that can happen to a machine. Time and chance come in here, never through a side door.

The name of the event that an input triggers follows from its type, so a machine's declaration and its
messages cannot drift apart:

====================================  ==========================
input                                 event
====================================  ==========================
``Received(sender, VoteRequest(..))``    ``recv_vote_request``
``TimerFired(Timer("probe", "n2"))``     ``timeout_probe``
``Migrate(entity, destination)``         ``local_migrate`` (any `Command`)
====================================  ==========================
"""

import re
from functools import cache

from coordfsm.kernel.data import Value

Endpoint = str
"""Where a process is reached: ``host:port`` in the runtime, the node id in models and simulations."""


class Message(Value):
    """Base of everything one process sends to another."""


class Command(Value):
    """Base of local inputs: requests of the application or operator, and facts raised by a sibling machine."""


class Timer(Value):
    """A timer's identity. Setting it again replaces it; a fired or cancelled timer never fires later.

    `kind` picks the event (``timeout_<kind>``), `subject` tells timers of one kind apart (a peer, an entity).
    """

    kind: str
    subject: str = ""


class Received(Value):
    """A message arrived. `now_ms` is the receiver's monotonic clock, 0 where time does not matter."""

    sender: Endpoint
    message: Message
    now_ms: int = 0


class TimerFired(Value):
    """A timer that was set has come due. It may be late by any amount, and is never early."""

    timer: Timer
    now_ms: int = 0


class Write(Value):
    """One durable record under a key; `value` None deletes the key."""

    key: str
    value: Value | None


class Recover(Command):
    """The first input of every process: what its store held when it started (empty the very first time).

    Attributes:
        records: sorted by key, each key once.
    """

    records: tuple[Write, ...] = ()


Input = Received | TimerFired | Command
"""What a machine's step takes."""


@cache
def snake_case(name: str) -> str:
    """Class name to event suffix: ``ViewPrepare`` to ``view_prepare``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def event_of(given: Value) -> str:
    """The event that an input triggers.

    Raises:
        TypeError: the value is not an input.
    """
    if type(given) is Received:
        return _message_event(type(given.message))
    if type(given) is TimerFired:
        return _timer_event(given.timer.kind)
    if isinstance(given, Command):
        return _command_event(type(given))
    raise TypeError(f"expected Received, TimerFired or a Command, got {type(given).__name__}")


@cache
def _message_event(kind: type[Value]) -> str:
    return "recv_" + snake_case(kind.__name__)


@cache
def _timer_event(kind: str) -> str:
    return "timeout_" + kind


@cache
def _command_event(kind: type[Value]) -> str:
    return "local_" + snake_case(kind.__name__)
