"""What the traces of a cluster tell, in the form in which the audit's checks read it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from coordfsm_runtime.traces.trace import TraceRun

Content = dict[str, Any]


class Event(NamedTuple):
    """One thing that a process told or sent.

    Attributes:
        node: who.
        run: which of all runs.
        now_ms: its monotonic clock.
        content: the event or message, readable.
    """

    node: str
    run: int
    now_ms: int
    content: Content


class Finding(NamedTuple):
    """A property that did not hold."""

    property: str
    text: str


Findings = Iterator[Finding]


class Evidence:
    """All traces of a cluster. The order is that of each process; between processes there is none.

    Args:
        runs: of all processes, those of one process in order.

    Attributes:
        told: what the machines told the application.
        sent: what they sent.
        runs: as given.
    """

    def __init__(self, runs: Sequence[TraceRun]) -> None:
        self.runs = tuple(runs)
        self.told = tuple(_effects(runs, "Notify", "event"))
        self.sent = tuple(_effects(runs, "Send", "message"))

    def told_of(self, *kinds: str) -> Iterator[Event]:
        """What was told, of these types."""
        return (event for event in self.told if event.content["type"] in kinds)

    def sent_of(self, *kinds: str) -> Iterator[Event]:
        """What was sent, of these types."""
        return (event for event in self.sent if event.content["type"] in kinds)


def _effects(runs: Sequence[TraceRun], kind: str, field: str) -> Iterator[Event]:
    for place, run in enumerate(runs):
        for line in run.lines:
            for effect in line.effects:
                if effect["type"] == kind:
                    yield Event(run.node, place, line.now_ms, effect[field])


def transaction_name(transaction: Content) -> str:
    """``source.incarnation.counter``, empty for none."""
    if not transaction["source"]:
        return ""
    return f"{transaction['source']}.{transaction['incarnation']}.{transaction['counter']}"
