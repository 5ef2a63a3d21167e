"""`coordfsm demo`: the whole story with real processes, in under a minute."""

import argparse
import json
from pathlib import Path

from coordfsm.cli.exits import Exit
from coordfsm.cli.numbers import whole

NAME = "demo"
HELP = "watch real processes lose their coordinator while entities migrate"
EPILOG = """\
Starts real processes on loopback, kills the coordinator with kill -9 while entities migrate, starts it again, and
audits every store and trace at the end: every entity exactly once, none lost, none twice.
  coordfsm demo --loss 0.3 --kills 5    a bad day: every third datagram is lost, five coordinators are killed
exit codes: 0 the audit is clean, 1 it is not, or the cluster did not recover in time
"""


MAXIMUM_LOSS = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", metavar="N", type=int, default=5, choices=range(3, 12), help="3 to 11 (default: 5)")
    parser.add_argument(
        "--entities", metavar="N", type=whole(1, 100_000), default=200, help="how many entities (default: 200)"
    )
    parser.add_argument("--seconds", metavar="S", type=float, default=3.0, help="load before and after the kill, each")
    parser.add_argument(
        "--kills", metavar="N", type=whole(0, 100), default=1, help="how often a coordinator is killed (default: 1)"
    )
    parser.add_argument(
        "--loss", metavar="P", type=_share, default=0.0, help="share of datagrams that is lost, 0 to 0.5 (default: 0)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the choice of migrations (default: 1)")
    parser.add_argument(
        "--keep", metavar="DIR", type=Path, help="keep stores, logs and traces in DIR, which must be new"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON; the story goes to stderr")


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= MAXIMUM_LOSS:
        raise argparse.ArgumentTypeError(f"{share}, expected 0 to {MAXIMUM_LOSS}")
    return share


def run(arguments: argparse.Namespace) -> int:
    from coordfsm_runtime.lab.demo import Story  # noqa: PLC0415  (heavy)

    result = Story(arguments).tell()
    if arguments.json:
        print(json.dumps(result, indent=2))
    return Exit.OK if result["clean"] else Exit.COUNTEREXAMPLE
