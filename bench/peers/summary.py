"""From measurements to figures: rates, memory, ratios. The summary is a pure function of the stored results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.peers.workload import TELLING_STATES, distinct_states, generated_states

SHORTEST_SECONDS = 0.1  # an exploration shorter than this beyond its start-up says nothing about a rate
OURS = "coordfsm"
OUR_REFERENCE = "coordfsm reference"


@dataclass(frozen=True)
class Figures:
    """One contender on one model: medians over the rounds.

    Attributes:
        name: the contender.
        tool: the checker it belongs to.
        threads: its worker threads.
        exact: whether it compares states in full.
        rms: resource managers of the model.
        rounds: how often it was measured.
        seconds: exploration, start-up subtracted; None if too short to tell.
        spread: the slowest round less the fastest, as a share of the median.
        states_per_second: distinct states, None if too short to tell.
        transitions_per_second: likewise.
        peak_bytes: resident at most.
        bytes_per_state: the peak above that of the start-up, a distinct state.
        start_seconds: start-up.
        build_seconds: compilers before it.
    """

    name: str
    tool: str
    threads: int
    exact: bool
    rms: int
    rounds: int
    seconds: float | None
    spread: float
    states_per_second: float | None
    transitions_per_second: float | None
    peak_bytes: int
    bytes_per_state: float
    start_seconds: float
    build_seconds: float


@dataclass(frozen=True)
class Ratio:
    """How many times faster this project is than a checker: distinct states a second, both at their best."""

    rms: int
    ours: str
    peer: str
    times: float


def figures(results: Mapping[str, Any]) -> list[Figures]:
    """The medians, the fastest contender of the largest model first.

    Args:
        results: the content of a results file.
    """
    contenders = {item["name"]: item for item in results["contenders"]}
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for item in results["measurements"]:
        groups.setdefault((item["contender"], item["rms"]), []).append(item)
    found = [_figures(contenders[name], rms, group) for (name, rms), group in groups.items()]
    return sorted(found, key=lambda item: (-item.rms, -(item.states_per_second or 0), item.name))


def _figures(contender: Mapping[str, Any], rms: int, group: Sequence[Mapping[str, Any]]) -> Figures:
    times = sorted(item["seconds"] - item["start_seconds"] for item in group)
    seconds = median(times)
    told = seconds >= SHORTEST_SECONDS and distinct_states(rms) >= TELLING_STATES
    return Figures(
        name=contender["name"],
        tool=contender["tool"],
        threads=contender["threads"],
        exact=contender["exact"],
        rms=rms,
        rounds=len(group),
        seconds=seconds if told else None,
        spread=(times[-1] - times[0]) / seconds if told else 0.0,
        states_per_second=distinct_states(rms) / seconds if told else None,
        transitions_per_second=generated_states(rms) / seconds if told else None,
        peak_bytes=int(median(item["peak_bytes"] for item in group)),
        bytes_per_state=median(item["peak_bytes"] - item["start_bytes"] for item in group) / distinct_states(rms),
        start_seconds=median(item["start_seconds"] for item in group),
        build_seconds=median(item["build_seconds"] for item in group),
    )


def _fastest(items: Iterable[Figures]) -> Figures | None:
    timed = [item for item in items if item.states_per_second is not None]
    return max(timed, key=lambda item: item.states_per_second or 0.0, default=None)


def ratios(items: Sequence[Figures]) -> list[Ratio]:
    """Each of our settings against the fastest setting of each other checker, on each model that both explored."""
    found = []
    for rms in sorted({item.rms for item in items}, reverse=True):
        here = [item for item in items if item.rms == rms]
        for ours in (item for item in here if item.tool == OURS and item.states_per_second):
            for tool in dict.fromkeys(item.tool for item in here if item.tool != OURS):
                peer = _fastest(item for item in here if item.tool == tool)
                if peer is not None and peer.states_per_second and ours.states_per_second:
                    times = ours.states_per_second / peer.states_per_second
                    found.append(Ratio(rms, ours.name, peer.name, times))
    return found


def limits(results: Mapping[str, Any]) -> dict[tuple[int, int], float]:
    """The physical limit by (RMs, threads): operations a second of the faster loop, the median over the rounds."""
    groups: dict[tuple[int, int], list[float]] = {}
    for item in results["limits"]:
        groups.setdefault((item["rms"], item["threads"]), []).append(max(item["plain"], item["batched"]))
    return {key: median(rates) for key, rates in groups.items()}


def best(items: Sequence[Figures]) -> list[Figures]:
    """All of our settings and the fastest of each other checker, on each model; the order is kept."""
    chosen = []
    seen: set[tuple[int, str]] = set()
    for item in items:  # sorted by rate within a model
        if item.states_per_second and (item.tool == OURS or (item.rms, item.tool) not in seen):
            seen.add((item.rms, item.tool))
            chosen.append(item)
    return chosen


def shares(results: Mapping[str, Any]) -> list[tuple[Figures, float]]:
    """Our transitions a second as a share of the physical limit with the same number of threads."""
    limit = limits(results)
    return [
        (item, item.transitions_per_second / limit[item.rms, item.threads])
        for item in figures(results)
        if item.tool == OURS and item.transitions_per_second and (item.rms, item.threads) in limit
    ]
