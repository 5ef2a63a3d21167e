"""Measure every checker that is installed, side by side, and write what came out."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.peers import store, table
from bench.peers.contender import Contender, MissingError, Options
from bench.peers.rounds import Patience, Results, Skip, run_rounds, tell
from bench.peers.startup import measure_startup
from bench.peers.tools import TOOLS
from bench.peers.workload import WORKLOADS

HERE = Path(__file__).parent
DEFAULT_SIZES = {"twophase": [7, 8, 9], "mutex": [6, 8]}


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    add = parser.add_argument
    for name, default in DEFAULT_SIZES.items():
        item = WORKLOADS[name]
        sizes, usual = " ".join(map(str, item.sizes)), " ".join(map(str, default))
        shown = f"{item.title}: {item.unit}, among {sizes}; none to skip it ({usual})"
        add(f"--{item.parameter}", type=int, nargs="*", default=default, metavar="N", help=shown)
    add("--repeat", type=int, default=3, help="interleaved rounds (3)")
    add("--threads", type=int, default=2, help="the larger number of threads (2)")
    add("--only", nargs="+", choices=list(TOOLS), metavar="TOOL", help=f"of: {', '.join(TOOLS)}")
    add("--tla2tools", type=Path, metavar="JAR", help="the jar that holds TLC; without it TLC is skipped")
    add("--musil-python", default=sys.executable, metavar="PATH", help="an interpreter that has musil")
    add("--minicheck-python", default=sys.executable, metavar="PATH", help="an interpreter that has minicheck")
    add("--longest", type=float, default=400, metavar="S", help="skip explorations estimated to take longer (400)")
    add("--once", type=float, default=60, metavar="S", help="do not repeat explorations that took longer (60)")
    add("--max-memory", type=float, default=12, metavar="GIB", help="skip explorations that might take more (12)")
    add("--work", type=Path, default=HERE / "work", help="where models are built")
    add("--out", type=Path, default=HERE / "results", help="where results.json, table.md and plot.svg go")
    add("--publish", type=Path, metavar="PAGE", help="also put the tables into this Markdown page, the plot beside it")
    add("--render", action="store_true", help="measure nothing: make tables and plot from the stored results.json")
    given = parser.parse_args(words)
    given.models = [(item, size) for item in WORKLOADS.values() for size in vars(given)[item.parameter]]
    for item, size in given.models:
        if size not in item.sizes:
            parser.error(f"--{item.parameter} takes {', '.join(map(str, item.sizes))}")
    given.models.sort(key=lambda model: model[0].known(model[1]).distinct)
    if not given.models:
        parser.error("no model is left: give --rms or --latest a number")
    if given.repeat < 1 or given.threads < 1:
        parser.error("--repeat and --threads take positive numbers")
    return given


def _contenders(given: argparse.Namespace) -> tuple[list[Contender], list[Skip]]:
    options = Options(given.work, given.tla2tools, given.musil_python, given.minicheck_python, given.threads)
    found: list[Contender] = []
    skips: list[Skip] = []
    for name in given.only or TOOLS:
        try:
            found += TOOLS[name](options)
        except MissingError as error:
            tell(f"{name} skipped: {error}")
            skips.append(Skip(name, str(error)))
    return found, skips


def _command(words: Sequence[str]) -> str:
    """The command line without the paths of this machine."""
    shown = [Path(word).name if os.sep in word else word for word in words]
    return shlex.join(["python", "-m", "bench.peers", *shown])


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, 1 a checker gave a wrong count or failed, 2 usage or nothing to measure."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    stored = given.out / "results.json"
    if given.render:
        if not stored.exists():
            tell(f"no {stored.name} in {given.out}; measure first")
            return 2
        found = json.loads(stored.read_text())
    else:
        contenders, skips = _contenders(given)
        if not contenders:
            tell("no checker is installed")
            return 2
        patience = Patience(given.longest, given.once, given.max_memory * 2**30)
        startup = measure_startup(given.repeat)
        results: Results = run_rounds(contenders, given.models, given.repeat, patience, sorted({1, given.threads}))
        results.skips[:0] = skips
        found = store.as_json(results, contenders, startup, _command(words))
    store.write(found, given.out)
    if given.publish:
        store.publish(found, given.publish)
    print(table.render(found), end="")
    return 1 if any(skip["reason"].startswith("failed") for skip in found["skips"]) else 0


if __name__ == "__main__":
    sys.exit(main())
