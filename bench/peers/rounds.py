"""Interleaved rounds: every contender once in each, so that a slow hour of the machine is everyone's."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.contender import Contender
from bench.peers.measure import Cost, ProgramError, run
from bench.peers.workload import (
    TELLING_STATES,
    Counts,
    Workload,
    WrongCountError,
    require_exact,
)

ROOT = Path(__file__).parent.parent.parent
HEADROOM = 1.5  # growth beyond proportion that the estimates allow for


@dataclass(frozen=True)
class Measurement:
    """One contender on one model in one round.

    Attributes:
        contender: its name.
        workload: the model's name.
        size: its size.
        round: from 1.
        start_seconds: wall clock of the same program on the smallest model, just before.
        start_cpu_seconds: its processor time.
        start_bytes: its peak resident memory.
        seconds: wall clock of the exploration, start included.
        cpu_seconds: its processor time, of all threads.
        peak_bytes: peak resident memory of the exploration.
        own_seconds: what the checker itself says that the exploration took, None if it does not tell.
        build_seconds: compilers before the first state, outside of the other times.
    """

    contender: str
    workload: str
    size: int
    round: int
    start_seconds: float
    start_cpu_seconds: float
    start_bytes: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    own_seconds: float | None
    build_seconds: float


@dataclass(frozen=True)
class Limit:
    """The physical limit beside a model in one round.

    Attributes:
        workload: the model's name.
        size: its size.
        round: from 1.
        threads: that share the operations.
        table_bytes: of all tables.
        rates: operations a second of each loop.
        cpu_rates: operations a second of processor time of each loop.
    """

    workload: str
    size: int
    round: int
    threads: int
    table_bytes: int
    rates: dict[str, float]
    cpu_rates: dict[str, float]


@dataclass(frozen=True)
class Skip:
    """Something that was not measured, and why."""

    name: str
    reason: str


@dataclass
class Results:
    """All that the rounds brought."""

    measurements: list[Measurement] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


@dataclass(frozen=True)
class Patience:
    """What a single exploration may cost.

    Attributes:
        longest_seconds: one that would take longer, by estimate, is skipped.
        once_seconds: one that took longer is not repeated in later rounds.
        memory_bytes: one that would need more, by estimate, is skipped.
    """

    longest_seconds: float
    once_seconds: float
    memory_bytes: float


def tell(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def measure_limits(workload: Workload, size: int, number: int, threads: Iterable[int]) -> list[Limit]:
    """The physical limit for a model, for each number of threads, each in a process of its own."""
    known = workload.known(size)
    found = []
    for count in threads:
        words = [str(known.distinct), str(known.inside), str(count)]
        cost = run([sys.executable, "-m", "bench.peers.limit", *words], directory=ROOT)
        told = json.loads(cost.output.splitlines()[-1])
        found.append(Limit(workload.name, size, number, count, told["table_bytes"], told["rates"], told["cpu_rates"]))
    return found


def run_rounds(
    contenders: Sequence[Contender],
    models: Sequence[tuple[Workload, int]],
    repeat: int,
    patience: Patience,
    threads: Sequence[int],
) -> Results:
    """Measure all contenders on all models, `repeat` times, interleaved.

    The order rotates from round to round, so that nobody always runs after the same neighbour. Ctrl-C ends the rounds
    and keeps what was measured.
    """
    results = Results()
    try:
        for number in range(1, repeat + 1):
            for workload, size in models:
                results.limits += measure_limits(workload, size, number, threads)
                start = (number - 1) % max(len(contenders), 1)
                for contender in [*contenders[start:], *contenders[:start]]:
                    _measure_into(results, contender, workload, size, number, patience)
    except KeyboardInterrupt:
        tell("stopped; what was measured so far is kept")
    return results


def _measure_into(
    results: Results, contender: Contender, workload: Workload, size: int, number: int, patience: Patience
) -> None:
    name = f"{contender.name}: {workload.describe(size)}"
    if any(skip.name == name for skip in results.skips):
        return
    earlier = [
        item for item in results.measurements if (item.contender, item.workload) == (contender.name, workload.name)
    ]
    if any(item.size == size and item.seconds > patience.once_seconds for item in earlier):
        return
    reason = too_costly(earlier, workload, size, patience)
    if reason:
        tell(f"round {number}: {name}: skipped, {reason}")
        results.skips.append(Skip(name, reason))
        return
    try:
        found = measure(contender, workload, size, number, timeout_seconds=HEADROOM * patience.longest_seconds)
    except (WrongCountError, ValueError) as error:
        tell(f"round {number}: {name}: FAILED, {error}")
        results.skips.append(Skip(name, f"failed: {error}"))
        return
    except ProgramError as error:  # the next round may be luckier
        tell(f"round {number}: {name}: FAILED, {error}")
        results.skips.append(Skip(f"{name}, round {number}", f"failed: {error}"))
        return
    tell(f"round {number}: {name}: {found.seconds:.2f} s, of which start-up {found.start_seconds:.2f} s")
    results.measurements.append(found)


def too_costly(earlier: Sequence[Measurement], workload: Workload, size: int, patience: Patience) -> str:
    """Why a run would cost too much, judged by the same contender's smaller sizes; empty if it would not."""
    smaller = [item for item in earlier if item.size < size and workload.known(item.size).distinct >= TELLING_STATES]
    if not smaller:
        return ""
    last = max(smaller, key=lambda item: item.size)
    before, after = workload.known(last.size), workload.known(size)
    seconds = (last.seconds - last.start_seconds) * after.inside / before.inside
    growth = HEADROOM * (last.peak_bytes - last.start_bytes) * after.distinct / before.distinct
    if seconds > patience.longest_seconds:
        return f"it would take about {seconds:.0f} s (--longest {patience.longest_seconds:.0f})"
    if growth > patience.memory_bytes:
        return f"it might take {growth / 2**30:.0f} GiB (--max-memory {patience.memory_bytes / 2**30:.0f})"
    return ""


def measure(contender: Contender, workload: Workload, size: int, number: int, timeout_seconds: float) -> Measurement:
    """One start-up and one exploration.

    Raises:
        ProgramError: a program failed.
        WrongCountError: it reported other counts than the known ones.
        ValueError: its output has another form than expected.
    """
    contender.build(workload, workload.smallest)
    start, _ = _checked(contender, workload, workload.smallest, timeout_seconds)
    build_seconds = contender.build(workload, size)
    cost, counts = _checked(contender, workload, size, timeout_seconds)
    return Measurement(
        contender=contender.name,
        workload=workload.name,
        size=size,
        round=number,
        start_seconds=start.seconds,
        start_cpu_seconds=start.cpu_seconds,
        start_bytes=start.peak_bytes,
        seconds=cost.seconds,
        cpu_seconds=cost.cpu_seconds,
        peak_bytes=cost.peak_bytes,
        own_seconds=counts.seconds,
        build_seconds=build_seconds,
    )


def _checked(contender: Contender, workload: Workload, size: int, timeout_seconds: float) -> tuple[Cost, Counts]:
    cost = run(contender.command(workload, size), timeout_seconds=timeout_seconds)
    counts = contender.read(cost.output)
    require_exact(contender.name, workload, size, counts)
    return cost, counts
