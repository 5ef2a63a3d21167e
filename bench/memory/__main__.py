"""What a search adds to its process at most, beside what it was allowed, on three models that are too large.

    python -m bench.memory [--limits 100M 200M 400M]

Each search runs in a process of its own, after a small one that loads the engine. Linux only.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from bench.memory.models import MODELS
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Model
from coordfsm.check.native import explore

MIB = 1 << 20


def peak_of(name: str) -> int:
    """A figure of this process, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status[status.index(name) :].split()[1]) * 1024


def measure(model: Model, most_bytes: int) -> str:
    """Search within a limit; one line of the table."""
    explore(model, Limits(max_states=2_000))
    before = peak_of("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    report = explore(model, Limits(max_seconds=120), max_memory=most_bytes)
    added = peak_of("VmHWM:") - before
    stopped = report.stopped or report.verdict
    return (
        f"| {most_bytes // MIB} MiB | {added // MIB} MiB | {added / most_bytes:.2f} | {report.distinct_states:,} "
        f"| {report.seconds:.1f} | {stopped} |"
    )


def main() -> None:
    """Measure every model within every limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--limits", nargs="+", type=int, default=[100, 200, 400], metavar="MIB")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        name, limit = arguments.one
        print(measure(MODELS[name](), int(limit) * MIB))
        return
    print("| model | allowed | added at most | share | states | seconds | ended by |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for name in MODELS:
        for limit in arguments.limits:
            command = [sys.executable, "-m", "bench.memory", "--one", name, str(limit)]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            print(f"| {name} {line}", flush=True)


if __name__ == "__main__":
    main()
