"""``python -m bench.migration``: entities that move between two real processes, over UDP, durably.

Both processes commit to SQLite with ``synchronous=FULL``. Beside each trial, with the same settings and in the same
directory, one process commits one row at a time: the physical limit of whoever waits for the disk each time. Every
trial ends with an audit of both stores: each entity exists exactly once, with its payload.
"""

import argparse
import datetime as dt
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.migration.report import plot, size, table
from bench.migration.trial import Case, run
from bench.peers.store import machine

HERE = Path(__file__).parent
BEGIN, END = "<!-- migration: begin -->", "<!-- migration: end -->"
CONCURRENT, PAYLOADS = (1, 10, 100, 1000), (100, 10_000, 100_000)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.migration", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add(
        "--concurrent", type=int, nargs="+", default=CONCURRENT, metavar="N", help="under way at a time (1 10 100 1000)"
    )
    add("--payload", type=int, nargs="+", default=PAYLOADS, metavar="BYTES", help="of an entity (100 10000 100000)")
    add("--seconds", type=float, default=3.0, metavar="S", help="measured for each pair of them (3)")
    add("--quick", action="store_true", help="100 bytes only, two seconds each")
    add("--no-shares", action="store_true", help="leave out the trials that measure where the time goes")
    add("--out", type=Path, default=HERE / "results", help="where results.json, table.md and plot.svg go")
    add("--publish", type=Path, metavar="PAGE", help="also put the tables into this Markdown page, the plot beside it")
    add("--render", action="store_true", help="measure nothing: make tables and plot from the stored results.json")
    add("--json", action="store_true", help="print JSON instead of the tables")
    given = parser.parse_args(words)
    if min(given.concurrent) < 1 or min(given.payload) < 0 or given.seconds <= 0:
        parser.error("--concurrent and --seconds take positive numbers, --payload takes sizes in bytes")
    return given


def _cases(given: argparse.Namespace) -> list[Case]:
    payloads, seconds = (given.payload, given.seconds) if not given.quick else (PAYLOADS[:1], 2.0)
    grid = [(number, payload) for payload in payloads for number in given.concurrent]
    cases = [Case(number, payload, seconds=seconds) for number, payload in grid]
    if not given.no_shares:
        cases += [Case(number, payload, seconds=seconds, shares=True) for number, payload in grid]
    return cases


def _measure(given: argparse.Namespace, words: Sequence[str]) -> dict[str, Any]:
    trials: list[dict[str, Any]] = []
    failures: list[str] = []
    loads = [os.getloadavg()[0]]
    for case in _cases(given):
        name = f"{case.concurrent} concurrent, {size(case.payload_bytes)}{', shares' if case.shares else ''}"
        try:
            trial = run(case)
        except RuntimeError as error:
            failures.append(f"{name}: {error}")
            print(f"{name}: FAILED, {error}", file=sys.stderr, flush=True)
            continue
        trials.append(trial)
        loads.append(os.getloadavg()[0])
        print(
            f"{name}: {trial['per_second']:,.0f}/s, p50 {trial['latency_ms']['p50']:.1f} ms, "
            f"{trial['cpu_us_per_process']:.0f} µs a process; one at a time {trial['limit_per_second']:.0f}/s; audited",
            file=sys.stderr,
            flush=True,
        )
    shown = [Path(word).name if os.sep in word else word for word in words]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": shlex.join(["python", "-m", "bench.migration", *shown]),
        "machine": machine(),
        "load": [min(loads), max(loads)],
        "trials": trials,
        "failures": failures,
    }


def _write(found: dict[str, Any], given: argparse.Namespace) -> None:
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (given.out / "table.md").write_text(table(found))
    (given.out / "plot.svg").write_text(plot(found))
    if given.publish:
        before, rest = given.publish.read_text().split(BEGIN, 1)
        given.publish.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{rest.split(END, 1)[1]}")
        given.publish.with_name(f"{given.publish.stem}-migration.svg").write_text(plot(found))


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured and audited, 1 a trial or its audit failed, 2 usage."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    stored = given.out / "results.json"
    if given.render:
        if not stored.exists():
            print(f"no {stored.name} in {given.out}; measure first", file=sys.stderr)
            return 2
        found = json.loads(stored.read_text())
    else:
        found = _measure(given, words)
    _write(found, given)
    print(json.dumps(found, indent=1) if given.json else table(found), end="")
    return 1 if found["failures"] or not found["trials"] else 0


if __name__ == "__main__":
    sys.exit(main())
