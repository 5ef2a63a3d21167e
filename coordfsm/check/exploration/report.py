"""What an exploration found: the verdict, the counts, what was covered and what was not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from coordfsm.check.traces.trace import Trace

Verdict = Literal["holds", "violated", "incomplete"]
"""``holds`` means exhausted: a search that was cut short is ``incomplete``, never a pass, and so is one in which the
verdict on a property lies beyond the model's boundary.
"""


@dataclass(frozen=True)
class Limits:
    """When to stop before the state space is exhausted; None means no limit.

    Attributes:
        max_states: distinct states.
        max_seconds: wall-clock seconds.
        max_depth: breadth-first levels, initial states being level 1.
    """

    max_states: int | None = None
    max_seconds: float | None = None
    max_depth: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Progress:
    """A moment of a running exploration.

    Attributes:
        states: distinct states found so far.
        transitions: transitions computed so far.
        frontier: states of the level in work that wait to be expanded.
        depth: breadth-first level in work.
        seconds: since the start.
        memory_bytes: of the states; 0 where it is not known.
        left: about how many states are still to be found; None where nothing points to an end yet.
        round: of a partial-order reduction, from 1; 0 without one. Each round begins anew.
        learned: local steps tried so far, while a round still learns what it may leave out; 0 after that.
    """

    states: int
    transitions: int
    frontier: int
    depth: int
    seconds: float
    memory_bytes: int = 0
    left: int | None = None
    round: int = 0
    learned: int = 0


@dataclass(frozen=True)
class PropertyResult:
    """The verdict on one property.

    Attributes:
        id: as in the catalogue.
        kind: as in `Property.kind`; ``deadlock`` for the freedom of deadlocks.
        verdict: of this property alone.
        witness: for ``sometimes``: the depth of the first state in which it was true, None if there was none.
        vacuous: for ``leads_to``: no state ever triggered it.
    """

    id: str
    kind: str
    verdict: Verdict
    witness: int | None = None
    vacuous: bool = False


def overall(results: Iterable[PropertyResult], stopped: str | None) -> Verdict:
    """The verdict over all properties of a search that `stopped` cut short, if anything did."""
    verdicts = {result.verdict for result in results}
    if "violated" in verdicts:
        return "violated"
    return "incomplete" if stopped is not None or "incomplete" in verdicts else "holds"


@dataclass(frozen=True)
class Report:
    """The result of one exploration.

    Attributes:
        model: the model's name.
        parameters: those it was built with.
        verdict: over all properties.
        distinct_states: states found, initial ones included.
        transitions: the initial states and every enabled action of every expanded state, self-loops included (what
            TLC calls states generated).
        depth: breadth-first levels, initial states being level 1.
        seconds: wall clock.
        properties: one result per property.
        never_fired: rules of the machines that no transition took.
        counterexample: the shortest one to the first violated property.
        stopped: the limit that cut the search short, None if it was exhausted or ended by a violation.
        cut_off: successors beyond the model's boundary that were not explored.
        engine: ``reference`` or ``native``.
        faults: how often each kind of action was taken: a fault that stays at 0 never took effect.
        details: engine-specific figures (rate, bytes a state, threads).
    """

    model: str
    parameters: dict[str, Any]
    verdict: Verdict
    distinct_states: int
    transitions: int
    depth: int
    seconds: float
    properties: tuple[PropertyResult, ...]
    never_fired: tuple[str, ...]
    counterexample: Trace | None = None
    stopped: str | None = None
    cut_off: int = 0
    engine: str = "reference"
    faults: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def why_incomplete(self) -> str:
        """What cut the search short, or which properties the boundary leaves open; empty if nothing is missing."""
        if self.verdict != "incomplete":
            return ""
        if self.stopped is not None:
            return self.stopped
        return f"cut by the boundary: {', '.join(item.id for item in self.properties if item.verdict == 'incomplete')}"

    @property
    def holds(self) -> bool:
        """Whether all properties hold in all states; a search that was cut short says no."""
        return self.verdict == "holds"

    def __bool__(self) -> bool:
        """Refuse to be taken for a verdict.

        Raises:
            TypeError: always; a report of a violation is an object like any other.
        """
        raise TypeError("a report is neither true nor false; ask report.holds, or compare report.verdict")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready object; its keys are the stable interface of ``coordfsm verify --json``."""
        return {
            "model": self.model,
            "params": dict(self.parameters),
            "verdict": self.verdict,
            "distinct_states": self.distinct_states,
            "transitions": self.transitions,
            "depth": self.depth,
            "seconds": round(self.seconds, 3),
            "properties": [
                {
                    "id": result.id,
                    "kind": result.kind,
                    "verdict": result.verdict,
                    "witness_depth": result.witness,
                    "vacuous": result.vacuous,
                }
                for result in self.properties
            ],
            "never_fired": list(self.never_fired),
            "counterexample": None if self.counterexample is None else self.counterexample.to_json(),
            "stopped": self.stopped,
            "cut_off": self.cut_off,
            "engine": self.engine,
            "faults": dict(self.faults),
            "details": dict(self.details),
        }
