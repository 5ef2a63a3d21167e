"""`coordfsm render`: draw the machines, or a saved counterexample."""

import argparse
from pathlib import Path

from coordfsm.cli.text.formats import FORMATS

NAME = "render"
HELP = "draw the machines as state diagrams, or a counterexample as a sequence chart"
EPILOG = """\
examples:
  coordfsm render --list                                the machines
  coordfsm render Migration --format svg,mermaid        one machine, two formats
  coordfsm render --overview                            only what changes the state, with few labels
  coordfsm render my_machines.py --output pictures      the machines that a file declares
  coordfsm render counterexamples/X.json --format png   a message sequence chart, beside the file
  coordfsm render --check                               are the committed texts those of the code?

svg and png need Graphviz: the program dot, or the wheel graphviz-pure (extra `render`). dot and mermaid are text;
without Graphviz they are written instead, and the exit code is 2.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "machines",
        nargs="*",
        metavar="MACHINE|FILE",
        help="machines by name, Python files that declare some, or saved counterexamples (.json); none: all machines",
    )
    parser.add_argument(
        "--format", default="svg", metavar="LIST", help=f"of {', '.join(FORMATS)}; for a trace also text; default: svg"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="default: diagrams; for a counterexample: beside its file"
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="a counterexample that `verify` or `fuzz` saved")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--overview", action="store_true", help="only overviews: what changes the state, with few labels")
    kind.add_argument("--full", action="store_true", help="only full diagrams; default: both, NAME and NAME-overview")
    parser.add_argument(
        "--check", action="store_true", help="compare DIR with the code instead of writing; exit 1 if stale"
    )
    parser.add_argument("--list", action="store_true", help="list the machines")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout")


def run(arguments: argparse.Namespace) -> int:
    """Draw."""
    from coordfsm.cli.reports import pictures  # noqa: PLC0415  (slow to import)

    return pictures.run(arguments)
