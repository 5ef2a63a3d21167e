"""Durable migrations between two real processes: how many a second, how soon, and where the time goes.

Every entity is sent back as soon as it has arrived. Each run ends with a count: every entity exists exactly once.
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

from bench.migration.report import plot, table
from bench.migration.trial import Setting, measure
from bench.peers.store import machine

HERE = Path(__file__).parent
BEGIN, END = "<!-- migration: begin -->", "<!-- migration: end -->"
PLOT = "performance-migration.svg"
CONCURRENT, PAYLOADS = (1, 10, 100, 1_000), (100, 10_000, 100_000)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.migration", description=__doc__)
    add = parser.add_argument
    add("--concurrent", type=int, nargs="+", default=CONCURRENT, metavar="N", help="migrations under way at a time")
    add("--payload", type=int, nargs="+", default=PAYLOADS, metavar="BYTES", help="bytes of an entity")
    add("--seconds", type=float, default=4.0, help="how long each setting is watched (4)")
    add("--no-shares", action="store_true", help="do not measure where the time goes, for 100 B")
    add("--directory", type=Path, help="where the stores are put for the time of the run: which disk is measured")
    add("--json", action="store_true", help="print JSON instead of tables")
    add("--out", type=Path, default=HERE / "results", help="where results.json, table.md and plot.svg go")
    add("--publish", type=Path, metavar="PAGE", help="also put the tables into this Markdown page, the plot beside it")
    add("--render", action="store_true", help="measure nothing: make tables and plot from the stored results.json")
    given = parser.parse_args(words)
    if min(*given.concurrent, *given.payload, given.seconds) <= 0:
        parser.error("--concurrent, --payload and --seconds take positive numbers")
    return given


def _measure(given: argparse.Namespace, words: Sequence[str]) -> dict[str, Any]:
    load = os.getloadavg()[0]
    settings = [Setting(number, size) for size in given.payload for number in given.concurrent]
    trials, skips = [], []
    for setting in settings:
        if not setting.fits:
            skips.append(f"{setting.concurrent:,} times {setting.payload_bytes // 1000} KB")
            continue
        _tell(setting)
        trials.append(measure(setting, given.seconds, given.directory))
    if not given.no_shares:
        for setting in (item for item in settings if item.payload_bytes == min(given.payload)):
            _tell(setting)
            trials.append(measure(setting, given.seconds, given.directory, shares=True))
    shown = [Path(word).name if os.sep in word else word for word in words]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": shlex.join(["python", "-m", "bench.migration", *shown]),
        "machine": machine(),
        "load": load,
        "trials": trials,
        "skips": skips,
    }


def _tell(setting: Setting) -> None:
    print(f"{setting.concurrent:,} under way, {setting.payload_bytes:,} bytes each", file=sys.stderr)


def _write(found: dict[str, Any], given: argparse.Namespace) -> None:
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (given.out / "table.md").write_text(table(found))
    (given.out / "plot.svg").write_text(plot(found))
    if given.publish:
        before, rest = given.publish.read_text().split(BEGIN, 1)
        given.publish.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{rest.split(END, 1)[1]}")
        given.publish.with_name(PLOT).write_text(plot(found))


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, 2 usage."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    stored = given.out / "results.json"
    if given.render and not stored.exists():
        print(f"no {stored.name} in {given.out}; measure first", file=sys.stderr)
        return 2
    found = json.loads(stored.read_text()) if given.render else _measure(given, words)
    _write(found, given)
    print(json.dumps(found, indent=1) if given.json else table(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
