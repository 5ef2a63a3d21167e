"""`coordfsm fuzz`: run models at random, with more nodes and faults than can be explored exhaustively."""

import argparse
from pathlib import Path

from coordfsm.cli.commands.verify import positive

NAME = "fuzz"
HELP = "run models at random, larger than can be explored exhaustively"
EPILOG = """\
examples:
  coordfsm fuzz                              every model, with the parameters that it names for fuzzing
  coordfsm fuzz twophase -p rms=7 --examples 1000
  coordfsm fuzz twophase --seed 42           the same runs again
  coordfsm fuzz my_model.py --json

exit codes: 0 no violation was found (which proves nothing: see `coordfsm verify`), 1 a counterexample, 2 usage,
3 interrupted by Ctrl-C.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="a model's name, or a Python file that declares one; none: all"
    )
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="set a parameter of the model"
    )
    parser.add_argument("--examples", type=positive, default=100, metavar="N", help="runs of a model (default: 100)")
    parser.add_argument("--steps", type=positive, default=100, metavar="N", help="actions a run (default: 100)")
    parser.add_argument("--seed", type=int, metavar="S", help="picks the runs (default: a new one, which is printed)")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where counterexamples are saved (default: counterexamples)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Fuzz the named models, or all."""
    from coordfsm.cli.reports import random_runs  # noqa: PLC0415  (slow to import)

    return random_runs.run(arguments)
