"""From measurements to figures: rates, memory, ratios. The summary is a pure function of the stored results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.peers.workload import TELLING_STATES, WORKLOADS, Known

SHORTEST_SECONDS = 0.1  # an exploration shorter than this says nothing about a rate
OURS = "coordfsm"
OUR_REFERENCE = "reference"


@dataclass(frozen=True, order=True)
class Model:
    """A workload of a size; the order is that of the tables, reversed."""

    workload: str
    size: int

    @property
    def known(self) -> Known:
        """Its counts."""
        return WORKLOADS[self.workload].known(self.size)

    def __str__(self) -> str:
        return WORKLOADS[self.workload].describe(self.size)


@dataclass(frozen=True)
class Figures:
    """One contender on one model: medians over the rounds.

    Attributes:
        name: the contender.
        tool: the checker it belongs to.
        threads: its worker threads.
        exact: whether it compares states in full.
        model: workload and size.
        rounds: how often it was measured.
        seconds: exploration, as the checker itself measures it, else with the start-up subtracted; None if too short
            to tell.
        process_seconds: the whole process, start included.
        spread: the slowest round less the fastest, as a share of the median.
        cpu_seconds: processor time of all threads, that of the start-up subtracted.
        states_per_second: distinct states, None if too short to tell.
        transitions_per_second: those that stay within the bounds of the model, likewise.
        peak_bytes: resident at most.
        bytes_per_state: the peak above that of the start-up, a distinct state.
        start_seconds: start-up.
        build_seconds: compilers before it.
    """

    name: str
    tool: str
    threads: int
    exact: bool
    model: Model
    rounds: int
    seconds: float | None
    process_seconds: float
    spread: float
    cpu_seconds: float
    states_per_second: float | None
    transitions_per_second: float | None
    peak_bytes: int
    bytes_per_state: float
    start_seconds: float
    build_seconds: float


@dataclass(frozen=True)
class Ratio:
    """How many times faster this project is than a checker.

    Attributes:
        model: that both explored.
        ours: our setting.
        peer: the fastest setting of the checker.
        times: by distinct states a second.
        cpu_times: by distinct states a second of processor time, which other processes on the machine disturb less.
    """

    model: Model
    ours: str
    peer: str
    times: float
    cpu_times: float


def figures(results: Mapping[str, Any]) -> list[Figures]:
    """The medians, the fastest contender of the largest model first.

    Args:
        results: the content of a results file.
    """
    contenders = {item["name"]: item for item in results["contenders"]}
    groups: dict[tuple[str, Model], list[Mapping[str, Any]]] = {}
    for item in results["measurements"]:
        groups.setdefault((item["contender"], _model(item)), []).append(item)
    found = [_figures(contenders[name], model, group) for (name, model), group in groups.items()]
    by_rate = sorted(found, key=lambda item: (-(item.states_per_second or 0), item.name))
    return sorted(by_rate, key=lambda item: item.model, reverse=True)


def _model(item: Mapping[str, Any]) -> Model:
    return Model(item["workload"], item["size"])


def _figures(contender: Mapping[str, Any], model: Model, group: Sequence[Mapping[str, Any]]) -> Figures:
    times = sorted(
        item["own_seconds"] if item["own_seconds"] is not None else item["seconds"] - item["start_seconds"]
        for item in group
    )
    seconds = median(times)
    told = seconds >= SHORTEST_SECONDS and model.known.distinct >= TELLING_STATES
    return Figures(
        name=contender["name"],
        tool=contender["tool"],
        threads=contender["threads"],
        exact=contender["exact"],
        model=model,
        rounds=len(group),
        seconds=seconds if told else None,
        process_seconds=median(item["seconds"] for item in group),
        spread=(times[-1] - times[0]) / seconds if told else 0.0,
        cpu_seconds=median(item["cpu_seconds"] - item["start_cpu_seconds"] for item in group),
        states_per_second=model.known.distinct / seconds if told else None,
        transitions_per_second=model.known.inside / seconds if told else None,
        peak_bytes=int(median(item["peak_bytes"] for item in group)),
        bytes_per_state=median(item["peak_bytes"] - item["start_bytes"] for item in group) / model.known.distinct,
        start_seconds=median(item["start_seconds"] for item in group),
        build_seconds=median(item["build_seconds"] for item in group),
    )


def _fastest(items: Iterable[Figures]) -> Figures | None:
    timed = [item for item in items if item.states_per_second is not None]
    return max(timed, key=lambda item: item.states_per_second or 0.0, default=None)


def ratios(items: Sequence[Figures]) -> list[Ratio]:
    """Each of our settings against the fastest setting of each other checker, on each model that both explored."""
    found = []
    for model in dict.fromkeys(item.model for item in items):
        here = [item for item in items if item.model == model]
        for ours in (item for item in here if item.tool == OURS and item.states_per_second):
            for tool in dict.fromkeys(item.tool for item in here if item.tool != OURS):
                peer = _fastest(item for item in here if item.tool == tool)
                if peer is not None and peer.states_per_second and ours.states_per_second:
                    times = ours.states_per_second / peer.states_per_second
                    cpu_times = peer.cpu_seconds / ours.cpu_seconds
                    found.append(Ratio(model, ours.name, peer.name, times, cpu_times))
    return found


@dataclass(frozen=True)
class Limit:
    """The physical limit: operations a second, and a second of processor time; the faster loop, medians."""

    rate: float
    cpu_rate: float


def limits(results: Mapping[str, Any]) -> dict[tuple[Model, int], Limit]:
    """The physical limit by (model, threads)."""
    groups: dict[tuple[Model, int], list[Mapping[str, Any]]] = {}
    for item in results["limits"]:
        groups.setdefault((_model(item), item["threads"]), []).append(item)
    return {
        key: Limit(
            median(max(item["rates"].values()) for item in group),
            median(max(item["cpu_rates"].values()) for item in group),
        )
        for key, group in groups.items()
    }


@dataclass(frozen=True)
class Share:
    """Our transitions a second as a share of the physical limit, by wall clock and by processor time."""

    ours: Figures
    limit: Limit
    share: float
    cpu_share: float


def best(items: Sequence[Figures]) -> list[Figures]:
    """All of our settings and the fastest of each other checker, on each model; the order is kept."""
    chosen = []
    seen: set[tuple[Model, str]] = set()
    for item in items:  # sorted by rate within a model
        if item.states_per_second and (item.tool == OURS or (item.model, item.tool) not in seen):
            seen.add((item.model, item.tool))
            chosen.append(item)
    return chosen


def shares(results: Mapping[str, Any]) -> list[Share]:
    """Each of our settings against the limit with the same number of threads."""
    limit = limits(results)
    found = []
    for item in figures(results):
        here = limit.get((item.model, item.threads))
        if item.tool == OURS and item.transitions_per_second and here is not None:
            cpu_rate = item.model.known.inside / item.cpu_seconds
            found.append(Share(item, here, item.transitions_per_second / here.rate, cpu_rate / here.cpu_rate))
    return found
