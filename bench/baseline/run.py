"""The whole comparison: both designs in turn, at every size, in virtual time and on real sockets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from bench.baseline import sockets, virtual
from bench.baseline.designs import DESIGNS, Design
from bench.baseline.figures import Agreement, Load, Storm
from bench.peers.rounds import tell
from coordfsm.simulate.network import CALM, Weather

VIRTUAL, SOCKETS = "virtual time", "loopback sockets"
ALL = "all"
"""Of every kind: messages may share a datagram."""

STORM_PROCESSES = 8
STORM_LOSS = 0.1


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        virtual: sizes in virtual time.
        sockets: sizes on sockets. Two cores do not carry the replaced design with 128 processes.
        seeds: crashes in virtual time, at each size.
        rest_s: how long a cluster is watched at rest.
        window_s: how long it is watched after a crash; on sockets a tenth of a second more for each process.
        settle_s: how long a cluster of processes may take to come to rest, likewise.
        storm: whether to send the storm of changes, too.
    """

    virtual: tuple[int, ...] = (3, 8, 32, 128)
    sockets: tuple[int, ...] = (3, 8, 32)
    seeds: int = 5
    rest_s: float = 5.0
    window_s: float = 8.0
    settle_s: float = 5.0
    storm: bool = True


@dataclass(frozen=True)
class Row:
    """One design at one size; a process and second where it is a rate. Kinds are those of `designs`.

    Attributes:
        mode: `VIRTUAL` or `SOCKETS`.
        design: its name.
        processes: how many.
        messages: sent at rest, by kind.
        octets: bytes sent at rest, by kind; on sockets those of sealed datagrams, of all kinds.
        machine_cpu_ms: processor time of the machines' steps at rest, by kind.
        cpu_ms: processor time of the whole process at rest; None in virtual time.
        memory_bytes: on sockets what a process shares with no other; in virtual time its data, encoded.
        crash_messages: sent after a crash of the coordinator, by kind; empty if none was made.
        crash_octets: likewise.
        crash_cpu_ms: of the whole process; None in virtual time.
        agreements: one a crash.
        refused: messages and datagrams that could not be sent or taken: more than none means that this machine cannot
            carry the design at this size.
        steady: whether all named one coordinator while nothing was wrong.
    """

    mode: str
    design: str
    processes: int
    messages: Mapping[str, float]
    octets: Mapping[str, float]
    machine_cpu_ms: Mapping[str, float]
    cpu_ms: float | None
    memory_bytes: float
    crash_messages: Mapping[str, float]
    crash_octets: Mapping[str, float]
    crash_cpu_ms: float | None
    agreements: Sequence[Agreement]
    refused: float
    steady: bool


@dataclass(frozen=True)
class StormRow:
    """A storm of changes of one design."""

    mode: str
    design: str
    loss: float
    result: Storm


@dataclass
class Results:
    """Everything measured."""

    rows: list[Row]
    storms: list[StormRow]
    skips: list[str]


def measure(plan: Plan) -> Results:
    """All of the plan; what was measured so far when interrupted."""
    results = Results([], [], [])
    try:
        for count in plan.virtual:
            for make in DESIGNS.values():
                results.rows.append(_virtual(make(), count, plan))
        for count in plan.sockets:
            for make in DESIGNS.values():
                _try_sockets(make(), count, plan, results)
        if plan.storm:
            results.storms.extend(_storms(plan))
    except KeyboardInterrupt:
        tell("interrupted")
        results.skips.append("the rest: stopped by hand")
    return results


def _virtual(design: Design, count: int, plan: Plan) -> Row:
    tell(f"{design.name}, {count} processes, {VIRTUAL}")
    load, memory = virtual.rest(design, count, int(plan.rest_s * 1000))
    crash = virtual.crash(design, count, int(plan.window_s * 1000), range(plan.seeds)) if design.can_crash else None
    return Row(
        VIRTUAL,
        design.name,
        count,
        load.messages,
        load.octets,
        load.cpu_ms,
        None,
        memory,
        _mean(crash.loads, "messages") if crash else {},
        _mean(crash.loads, "octets") if crash else {},
        None,
        tuple(crash.agreements) if crash else (),
        0.0,
        steady=True,
    )


def _mean(loads: Sequence[Load], field: str) -> dict[str, float]:
    kinds = {kind for load in loads for kind in getattr(load, field)}
    return {kind: mean(getattr(load, field).get(kind, 0.0) for load in loads) for kind in sorted(kinds)}


def _try_sockets(design: Design, count: int, plan: Plan, results: Results) -> None:
    tell(f"{design.name}, {count} processes, {SOCKETS}")
    try:
        # Many processes share few cores: they get time to start, and to agree.
        more_s = count / 10
        found = sockets.measure(design, count, plan.settle_s + more_s, plan.rest_s, plan.window_s + more_s)
    except (sockets.SilentError, OSError, EOFError) as error:
        results.skips.append(f"{design.name}, {count} processes, {SOCKETS}: {error}")
        tell(results.skips[-1])
        return
    crash = found.crash
    results.rows.append(
        Row(
            SOCKETS,
            design.name,
            count,
            found.rest.messages,
            {ALL: found.rest.octets},
            found.rest.machine_cpu_ms,
            found.rest.cpu_ms,
            found.private_bytes,
            crash.messages if crash else {},
            {ALL: crash.octets} if crash else {},
            crash.cpu_ms if crash else None,
            (found.agreement,) if found.agreement else (),
            found.rest.refused,
            found.agreed_before,
        )
    )


def _storms(plan: Plan) -> Iterator[StormRow]:
    designs = [make() for make in DESIGNS.values() if make().can_crash]
    for design in designs if plan.virtual else ():
        for weather in (CALM, Weather(loss=STORM_LOSS)):
            tell(f"{design.name}, storm, {weather.loss:.0%} loss, {VIRTUAL}")
            yield StormRow(VIRTUAL, design.name, weather.loss, virtual.storm(design, STORM_PROCESSES, weather))
    for design in designs if plan.sockets else ():
        tell(f"{design.name}, storm, {SOCKETS}")
        found = sockets.storm(design, STORM_PROCESSES, virtual.CHANGES, virtual.STORM_MS / 1000, plan.settle_s)
        yield StormRow(SOCKETS, design.name, 0.0, found)


def as_json(results: Results) -> dict[str, Any]:
    """Plain values."""
    return {
        "rows": [asdict(row) for row in results.rows],
        "storms": [asdict(row) for row in results.storms],
        "skips": results.skips,
    }


__all__ = ["SOCKETS", "VIRTUAL", "Plan", "Results", "Row", "as_json", "measure"]
