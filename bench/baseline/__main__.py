"""Compare coordination with the design that it replaces: all-to-all heartbeats, bully election, polling broadcaster.

Both run on the same kernel, codec, seal and driver, in virtual time and as real processes on loopback sockets.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.baseline import store, table
from bench.baseline.run import Plan, measure

HERE = Path(__file__).parent


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m bench.baseline", description=__doc__)
    add = parser.add_argument
    sizes = " ".join(map(str, plan.virtual))
    add("--virtual", type=int, nargs="*", default=plan.virtual, metavar="N", help=f"sizes in virtual time ({sizes})")
    sizes = " ".join(map(str, plan.sockets))
    add("--sockets", type=int, nargs="*", default=plan.sockets, metavar="N", help=f"sizes on loopback ({sizes})")
    add("--seeds", type=int, default=plan.seeds, help=f"crashes in virtual time at each size ({plan.seeds})")
    add("--rest", type=float, default=plan.rest_s, metavar="S", help=f"seconds watched at rest ({plan.rest_s:g})")
    add("--window", type=float, default=plan.window_s, metavar="S", help=f"seconds after a crash ({plan.window_s:g})")
    add("--settle", type=float, default=plan.settle_s, metavar="S", help=f"seconds to settle ({plan.settle_s:g})")
    add("--no-storm", action="store_true", help="leave the storm of changes out")
    add("--json", action="store_true", help="print JSON instead of tables")
    add("--out", type=Path, default=HERE / "results", help="where results.json, table.md and plot.svg go")
    add("--publish", type=Path, metavar="PAGE", help="also put the tables into this Markdown page, the plot beside it")
    add("--render", action="store_true", help="measure nothing: make tables and plot from the stored results.json")
    given = parser.parse_args(words)
    if min((*given.virtual, *given.sockets, 2)) < 2:
        parser.error("a cluster has at least 2 processes")
    if given.seeds < 1 or min(given.rest, given.window, given.settle) <= 0:
        parser.error("--seeds, --rest, --window and --settle take positive numbers")
    if not given.virtual and not given.sockets and not given.render:
        parser.error("nothing is left: give --virtual or --sockets a number")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, 1 something of the plan could not be measured, 2 usage."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    stored = given.out / "results.json"
    if given.render:
        if not stored.exists():
            print(f"no {stored.name} in {given.out}; measure first", file=sys.stderr)
            return 2
        found = json.loads(stored.read_text())
    else:
        plan = Plan(
            tuple(given.virtual),
            tuple(given.sockets),
            given.seeds,
            given.rest,
            given.window,
            given.settle,
            not given.no_storm,
        )
        before = os.getloadavg()[0]
        results = measure(plan)
        shown = [Path(word).name if os.sep in word else word for word in words]
        command = shlex.join(["python", "-m", "bench.baseline", *shown])
        found = store.complete(results, command, f"{before:.1f} before and {os.getloadavg()[0]:.1f} after")
        # What is stored and what is shown come from the same plain values.
        found = json.loads(json.dumps(found))
    store.write(found, given.out)
    if given.publish:
        store.publish(found, given.publish)
    print(json.dumps(found, indent=1) if given.json else table.render(found), end="")
    return 1 if found["skips"] else 0


if __name__ == "__main__":
    sys.exit(main())
