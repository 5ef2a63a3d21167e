"""What is measured, as plain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What one process does in a second, by kind (`LIVENESS`, `COORDINATION`).

    Attributes:
        messages: sent.
        octets: bytes sent.
        cpu_ms: milliseconds of processor time.
    """

    messages: Mapping[str, float]
    octets: Mapping[str, float]
    cpu_ms: Mapping[str, float]


@dataclass(frozen=True)
class Agreement:
    """How the survivors of a crash found a coordinator.

    Attributes:
        agreed_ms: from the crash until all name the same survivor and go on doing so; None: not in the window.
        spread_ms: from the first of them to name it for good to the last.
    """

    agreed_ms: float | None
    spread_ms: float | None


@dataclass(frozen=True)
class Crash:
    """Crashes of the coordinator, one a seed: the load in the window after each, and the agreement."""

    loads: Sequence[Load]
    agreements: Sequence[Agreement]


@dataclass(frozen=True)
class Storm:
    """A storm of changes.

    Attributes:
        broadcasts: how many were started.
        holders: processes that hold all changes at the end.
        processes: of how many.
    """

    broadcasts: int
    holders: int
    processes: int


def agreement(events: Iterable[tuple[float, str, str]], survivors: Sequence[str], victim: str) -> Agreement:
    """When the survivors agreed.

    Args:
        events: (milliseconds since the crash, who, whom it names), in any order.
        survivors: who must agree.
        victim: who crashed.
    """
    final: dict[str, tuple[float, str]] = {}
    for at_ms, process, leader in sorted(events):
        before = final.get(process)
        if before is None or before[1] != leader:
            final[process] = at_ms, leader
    leaders = {leader for _, leader in final.values()}
    if set(survivors) - set(final) or len(leaders) != 1 or leaders <= {victim}:
        return Agreement(None, None)
    times = [final[process][0] for process in survivors]
    return Agreement(max(times), max(times) - min(times))
