"""``python -m bench.serf``: our nodes beside Serf agents on loopback, in one run, taking turns.

Every trial runs in a network namespace of its own (``unshare``, also without privileges where the system lets users
make namespaces): a cluster forms, rests, and loses members by kill -9. What is not installed is skipped with a word.
"""

import argparse
import datetime as dt
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.store import machine
from bench.serf.contender import CONTENDERS, AbsentError
from bench.serf.report import plot, table

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BEGIN, END = "<!-- serf: begin -->", "<!-- serf: end -->"
TRIAL_LONGEST_S = 600.0


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serf", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--members", type=int, nargs="+", default=[3, 10, 30], metavar="N", help="sizes of clusters (3 10 30)")
    add("--only", nargs="+", choices=list(CONTENDERS), metavar="NAME", help=f"of: {', '.join(CONTENDERS)}")
    add("--rounds", type=int, default=3, help="interleaved rounds (3)")
    add("--rest", type=float, default=30.0, metavar="S", help="how long a cluster at rest is watched (30)")
    add("--settle", type=float, default=5.0, metavar="S", help="pause before that, and after each kill (5)")
    add("--kills", type=int, default=3, help="members killed one after the other, fewer than half (3)")
    add("--out", type=Path, default=HERE / "results", help="where results.json, table.md and plot.svg go")
    add("--publish", type=Path, metavar="PAGE", help="also put the table into this Markdown page, the plot beside it")
    add("--render", action="store_true", help="measure nothing: make table and plot from the stored results.json")
    add("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args(words)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _namespace() -> list[str]:
    """The command that runs another in a new network namespace; empty where none can be made."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return []
    for options in (["--net"], ["--net", "--user", "--map-root-user"]):
        made = subprocess.run(["unshare", *options, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
        if made.returncode == 0:
            return ["unshare", *options]
    return []


def _measure(given: argparse.Namespace, namespace: list[str], words: Sequence[str]) -> dict[str, Any]:
    contenders, skips = [], []
    for key in given.only or CONTENDERS:
        try:
            contenders.append({"key": key, "name": CONTENDERS[key].name, "version": CONTENDERS[key].version()})
        except AbsentError as error:
            _tell(f"{CONTENDERS[key].name} skipped: {error}")
            skips.append({"name": CONTENDERS[key].name, "reason": str(error)})
    trials: list[dict[str, Any]] = []
    loads = [os.getloadavg()[0]]
    for number in range(1, given.rounds + 1):
        for size in given.members:
            start = (number - 1) % max(1, len(contenders))
            for contender in [*contenders[start:], *contenders[:start]]:
                _try(given, namespace, contender, size, number, trials, skips)
                loads.append(os.getloadavg()[0])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": shlex.join(["python", "-m", "bench.serf", *words]),
        "machine": machine(),
        "rounds": given.rounds,
        "load": [min(loads), max(loads)],
        "contenders": contenders,
        "trials": trials,
        "skips": skips,
    }


def _try(
    given: argparse.Namespace,
    namespace: list[str],
    contender: dict[str, str],
    size: int,
    number: int,
    trials: list[dict[str, Any]],
    skips: list[dict[str, str]],
) -> None:
    kills = min(given.kills, (size - 1) // 2)
    name = f"{contender['name']}, {size} members, round {number}"
    trial = [sys.executable, "-m", "bench.serf.trial", contender["key"], str(size)]
    command = [*namespace, *trial, str(given.settle), str(given.rest), str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TRIAL_LONGEST_S)
    if done.returncode != 0:
        _tell(f"{name}: FAILED, {done.stderr.strip()}")
        skips.append({"name": name, "reason": f"failed: {done.stderr.strip().splitlines()[-1][:200]}"})
        return
    found = json.loads(done.stdout)
    trials.append(found | {"round": number})
    gone = ", ".join(f"{seconds:.1f}" for seconds in found["every_seconds"])
    _tell(
        f"{name}: formed in {found['form_seconds']:.1f} s, {found['bytes_per_second']:.0f} bytes/s and "
        f"{found['cpu_percent']:.2f} % of a core a member, killed members gone after {gone} s"
    )


def _write(found: dict[str, Any], given: argparse.Namespace) -> None:
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (given.out / "table.md").write_text(table(found))
    (given.out / "plot.svg").write_text(plot(found))
    if given.publish:
        before, rest = given.publish.read_text().split(BEGIN, 1)
        given.publish.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{rest.split(END, 1)[1]}")
        given.publish.with_name(f"{given.publish.stem}-serf.svg").write_text(plot(found))


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, 1 a trial failed, 2 nothing could be measured."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    stored = given.out / "results.json"
    if given.render:
        if not stored.exists():
            _tell(f"no {stored.name} in {given.out}; measure first")
            return 2
        found = json.loads(stored.read_text())
    else:
        namespace = _namespace()
        if not namespace:
            _tell("skipped: this system lets us make no network namespace (unshare --net)")
            return 2
        found = _measure(given, namespace, words)
    if not found["trials"]:
        _tell("nothing was measured")
        return 2
    _write(found, given)
    print(json.dumps(found, indent=1) if given.json else table(found), end="")
    return 1 if any(skip["reason"].startswith("failed") for skip in found["skips"]) else 0


if __name__ == "__main__":
    sys.exit(main())
