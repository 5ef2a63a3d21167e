"""What every checker explores: two-phase commit, whose counts are known in closed form.

Source: Gray and Lamport, "Consensus on Transaction Commit" (2006), the specification with messages that are never
removed.
"""

from dataclasses import dataclass

SMALLEST = 1
"""Resource managers of the run that measures start-up: 12 states, so nothing but the start."""
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


def distinct_states(rms: int) -> int:
    """Distinct states of two-phase commit with `rms` resource managers."""
    return int(2**rms + 4**rms + 6**rms)


def generated_states(rms: int) -> int:
    """The initial state and all transitions of two-phase commit with `rms` resource managers."""
    return int(2 + (rms + 1) * 4**rms + 4 * rms * 6**rms // 3 + rms * 2**rms)


def require_exact(name: str, rms: int, counts: Counts) -> None:
    """Refuse a result that is not the known one: a faster wrong answer is not a measurement.

    Raises:
        WrongCountError: names the checker, what it found and what is known.
    """
    expected = Counts(distinct_states(rms), generated_states(rms), holds=True)
    if counts.distinct != expected.distinct:
        raise WrongCountError(f"{name}, {rms} RMs: {counts.distinct} distinct states, expected {expected.distinct}")
    if counts.generated not in {None, expected.generated}:
        raise WrongCountError(f"{name}, {rms} RMs: {counts.generated} states generated, expected {expected.generated}")
    if not counts.holds:
        raise WrongCountError(f"{name}, {rms} RMs: did not report that the invariant holds")
