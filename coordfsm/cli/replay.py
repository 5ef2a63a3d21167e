"""`coordfsm replay`: step a saved counterexample through the machines again."""

import argparse
from pathlib import Path

NAME = "replay"
HELP = "step a saved counterexample again and show the violation"
EPILOG = """\
exit codes:
  0   the steps are possible, but the property is not violated any more
  1   reproduced: the same steps violate the same property
  2   the file is no trace, or does not fit the model as it is now
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that `coordfsm verify` or `fuzz` saved")
    parser.add_argument(
        "--model", metavar="MODEL", help="replay on this model (a name or a Python file) instead of the one recorded"
    )
    parser.add_argument("--real", action="store_true", help="a mutant's trace: replay it on the unbroken machines")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout")


def run(arguments: argparse.Namespace) -> int:
    """Replay the file."""
    from coordfsm.cli import replaying  # noqa: PLC0415  (slow to import)

    return replaying.run(arguments)
