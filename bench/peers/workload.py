"""What every checker explores: models whose counts are known, at several sizes."""

from collections.abc import Callable
from dataclasses import dataclass

TELLING_STATES = 100_000
"""A model with fewer states is for the counts: its time says nothing about a larger one."""


class WrongCountError(Exception):
    """A checker reported another number of states, or a violation, where the answer is known."""


@dataclass(frozen=True)
class Counts:
    """What a checker says it found.

    Attributes:
        distinct: distinct states.
        generated: the initial state and every enabled action of every state, self-loops included; None if the checker
            does not tell.
        holds: whether it finished and found the invariant to hold.
        seconds: its own measure of the exploration, None if it does not tell.
    """

    distinct: int
    generated: int | None
    holds: bool
    seconds: float | None = None


@dataclass(frozen=True)
class Known:
    """The right answer.

    Attributes:
        distinct: distinct states.
        generated: the initial state and all transitions, those that leave the bounds of the model included. Some
            checkers count these.
        inside: the initial state and all transitions that stay within the bounds. The others count these.
    """

    distinct: int
    generated: int
    inside: int


@dataclass(frozen=True)
class Workload:
    """A model that all checkers have, with one size parameter.

    Attributes:
        name: as in the file names of the models.
        title: for the tables.
        parameter: the name of the size in ``coordfsm verify -p``.
        unit: what the size counts.
        sizes: those that can be measured.
        known: the right answer for a size.
    """

    name: str
    title: str
    parameter: str
    unit: str
    sizes: tuple[int, ...]
    known: Callable[[int], Known]

    @property
    def smallest(self) -> int:
        """The size that measures start-up: so few states that nothing but the start takes time."""
        return self.sizes[0]

    def describe(self, size: int) -> str:
        """For tables and progress."""
        return f"{self.title}, {size} {self.unit}"


def twophase_known(rms: int) -> Known:
    """In closed form for any number of resource managers: checked against TLC up to 9."""
    generated = 2 + (rms + 1) * 4**rms + 4 * rms * 6**rms // 3 + rms * 2**rms
    return Known(int(2**rms + 4**rms + 6**rms), int(generated), int(generated))


MUTEX_KNOWN = {
    2: Known(511, 2_203, 1_231),
    4: Known(70_472, 276_114, 232_041),
    6: Known(724_274, 2_729_079, 2_496_351),
    7: Known(1_528_797, 5_694_623, 5_322_265),
    8: Known(2_763_329, 10_216_216, 9_678_157),
}
"""By the latest logical clock. Found by TLC (distinct, generated) and by SPIN (distinct, inside), independently."""

TWOPHASE = Workload("twophase", "Two-phase commit", "rms", "resource managers", tuple(range(1, 11)), twophase_known)
"""Gray and Lamport, "Consensus on Transaction Commit" (2006); messages are never removed."""

MUTEX = Workload("mutex", "Mutual exclusion", "latest", "clock ticks", tuple(MUTEX_KNOWN), MUTEX_KNOWN.__getitem__)
"""Lamport, "Time, clocks, and the ordering of events" (1978): three processes, ordered channels, bounded clocks."""

WORKLOADS = {item.name: item for item in (TWOPHASE, MUTEX)}


def require_exact(name: str, workload: Workload, size: int, counts: Counts) -> None:
    """Refuse a result that is not the known one: a faster wrong answer is not a measurement.

    Raises:
        WrongCountError: names the checker, what it found and what is known.
    """
    known = workload.known(size)
    where = f"{name}, {workload.describe(size)}"
    if counts.distinct != known.distinct:
        raise WrongCountError(f"{where}: {counts.distinct} distinct states, expected {known.distinct}")
    if counts.generated not in {None, known.generated, known.inside}:
        raise WrongCountError(f"{where}: {counts.generated} states generated, expected {known.generated}")
    if not counts.holds:
        raise WrongCountError(f"{where}: did not report that the invariant holds")
