"""`coordfsm replay`: step a saved counterexample, or a node's trace, through the machines again."""

import argparse
import json
from pathlib import Path

NAME = "replay"
HELP = "step a saved counterexample or a node's trace again"
EPILOG = """\
a counterexample (saved by `coordfsm verify` or `fuzz`) shows its violation again; exit codes:
  0   the steps are possible, but the property is not violated any more
  1   reproduced: the same steps violate the same property
  2   the file is no trace, or does not fit the model as it is now

a node's trace (recorded with `coordfsm node --trace`) must have the recorded effects at every input; exit codes:
  0   every input has the effects that are recorded
  1   one has not: the first such line is shown, with what is recorded and what the machines do now
  2   the file is no trace, or of machines with other settings or types
`coordfsm audit` steps the traces of a whole cluster and checks the properties over all of them together.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a saved counterexample, or the trace of a node")
    parser.add_argument(
        "--model", metavar="MODEL", help="replay on this model (a name or a Python file) instead of the one recorded"
    )
    parser.add_argument("--real", action="store_true", help="a mutant's trace: replay it on the unbroken machines")
    parser.add_argument("--steps", action="store_true", help="a node's trace: print every step")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout")


def run(arguments: argparse.Namespace) -> int:
    """Replay the file."""
    if is_node_trace(arguments.file):
        from coordfsm.cli.reports import node_trace  # noqa: PLC0415  (slow to import)

        return node_trace.run(arguments)
    from coordfsm.cli.reports import counterexample_replay  # noqa: PLC0415  (slow to import)

    return counterexample_replay.run(arguments)


def is_node_trace(path: Path) -> bool:
    """Whether the file starts like a trace that a node records: with a line that is a header."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = json.loads(next((line for line in file if line.strip()), ""))
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and {"trace", "node"} <= first.keys()
