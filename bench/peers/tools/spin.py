"""SPIN: a C program is generated from the Promela model and compiled for each size."""

import functools
import re
import shutil
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options
from bench.peers.measure import run
from bench.peers.workload import Counts, Workload

MODELS = Path(__file__).parent.parent / "models"
FLAGS = ("-O3", "-march=native", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=20000")
SIGNIFICANT_DIGITS = 8
FEWEST_SLOTS = 18  # log2; the parallel search needs some room
DEPTH = 10_000  # the graphs are shallow: paths have fewer than a hundred steps


def read(output: str) -> Counts:
    """The counts from a pan verifier's report.

    Raises:
        ValueError: the report is incomplete.
    """
    stored = re.search(r"^\s*([\d.e+]+) states, stored", output, re.MULTILINE)
    transitions = re.search(r"^\s*([\d.e+]+) transitions \(= ", output, re.MULTILINE)
    elapsed = re.search(r"elapsed time\s+([\d.e+-]+) seconds", output)
    if not (stored and transitions and elapsed):
        raise ValueError(f"not the report of a verifier: {output[-200:]!r}")
    partial = ("max search depth too small", "Search incomplete", "Search not completed", "Interrupted")
    complete = "errors: 0" in output and not any(sign in output for sign in partial)
    distinct = _exactly(stored[1])
    if distinct is None:
        raise ValueError(f"the report rounds the number of states: {stored[1]}")
    return Counts(distinct, _exactly(transitions[1]), complete, float(elapsed[1]))


def _exactly(printed: str) -> int | None:
    """A count from a report, which prints eight significant digits; None if there are more."""
    count = int(float(printed))
    return count if count < 10**SIGNIFICANT_DIGITS else None


def find(options: Options) -> list[Contender]:
    """Depth first, the same without state compression, breadth first, and breadth first on several cores.

    Raises:
        MissingError: spin or gcc is not on the path.
    """
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            raise MissingError(f"{program} is not on the path (Debian packages: spin, gcc)")
    told = re.search(r"Version ([\d.]+)", run(["spin", "-V"]).output)
    version = told[1] if told else "unknown"
    many = options.threads
    settings = {
        "SPIN depth first": (1, True, (), ()),
        "SPIN depth first, -DNOCOMP": (1, True, ("-DNOCOMP",), ()),
        "SPIN breadth first": (1, True, ("-DBFS",), ()),
        f"SPIN breadth first, {many} cores": (many, False, ("-DBFS_PAR", "-pthread"), (f"-u{many}",)),
    }
    return [
        Contender(
            name,
            "spin",
            version,
            threads,
            exact,
            command=functools.partial(_command, options.work, flags, extra),
            read=read,
            build=functools.partial(_build, options.work, flags),
        )
        for name, (threads, exact, flags, extra) in settings.items()
    ]


def _place(work: Path, flags: tuple[str, ...], workload: Workload, size: int) -> Path:
    return (work / "spin" / "-".join([workload.name, str(size), *flags])).resolve()


def _build(work: Path, flags: tuple[str, ...], workload: Workload, size: int) -> float:
    place = _place(work, flags, workload, size)
    place.mkdir(parents=True, exist_ok=True)
    generated = run(["spin", f"-DSIZE={size}", "-a", str(MODELS / f"{workload.name}.pml")], directory=place)
    compiled = run(["gcc", *FLAGS, *flags, "-o", "pan", "pan.c"], directory=place)
    return generated.seconds + compiled.seconds


def _command(work: Path, flags: tuple[str, ...], extra: tuple[str, ...], workload: Workload, size: int) -> list[str]:
    slots = max(FEWEST_SLOTS, workload.known(size).distinct.bit_length())  # log2: at most one state a slot
    depth = [] if "-DBFS" in flags or "-DBFS_PAR" in flags else [f"-m{DEPTH}"]
    return [str(_place(work, flags, workload, size) / "pan"), "-E", f"-w{slots}", *depth, *extra]
