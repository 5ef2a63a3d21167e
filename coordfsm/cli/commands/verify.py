"""`coordfsm verify`: explore models exhaustively."""

import argparse
from pathlib import Path

NAME = "verify"
HELP = "explore models exhaustively and check their properties"
EPILOG = """\
examples:
  coordfsm verify                               the default models of all protocols
  coordfsm verify twophase -p rms=5             one model, another parameter
  coordfsm verify my_model.py                   a model of your own (a file with a function `build`)
  coordfsm verify twophase -p rms=9 --max-seconds 60
  coordfsm verify migration -p requests=3 --por fewer states, the same verdicts
  coordfsm verify migration --walks 10000       sample random walks of a model that is too large to be exhausted
  coordfsm verify --list                        models, parameters with defaults, properties
  coordfsm verify --mutants                     every seeded flaw must be caught (with --list: what they are)
  coordfsm verify --mutants migration           the flaws of one model, or one of them by name: prints its story
  coordfsm verify --manifest spec/manifest.json compare every recorded model with what was recorded
  coordfsm verify --json | jq '.[].verdict'     for scripts

A search that was cut short is `incomplete` (exit 3), never a pass. With --json, stdout is one array of objects.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a model's name, or a Python file that declares one; none: the default models of all protocols",
    )
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="set a parameter of the model"
    )
    parser.add_argument(
        "--list", action="store_true", help="explore nothing: show models, parameters and properties; or the mutants"
    )
    what = parser.add_argument_group("instead of exploring models").add_mutually_exclusive_group()
    what.add_argument("--mutants", action="store_true", help="explore the seeded broken variants; all must be caught")
    what.add_argument("--manifest", type=Path, metavar="FILE", help="explore what FILE lists and compare the results")
    parser.add_argument("--update", action="store_true", help="with --manifest: write the results found into FILE")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON to stdout")
    output.add_argument(
        "--output", type=Path, metavar="DIR", help="where counterexamples are saved (default: counterexamples)"
    )
    output.add_argument("--coverage", action="store_true", help="name every transition that never fired")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--max-states", type=positive, metavar="N", help="stop a model after N distinct states")
    limits.add_argument("--max-seconds", type=seconds, metavar="S", help="stop a model after S seconds")
    limits.add_argument("--max-depth", type=positive, metavar="N", help="stop a model after N breadth-first levels")
    limits.add_argument("--max-memory", type=size, metavar="SIZE", help="stop before SIZE is used, as in 8G or 500M")
    sample = parser.add_argument_group("random walks, for models too large to be exhausted")
    sample.add_argument("--walks", type=positive, metavar="N", help="make N random walks; the verdict is never `holds`")
    sample.add_argument("--depth", type=positive, metavar="D", help="actions a walk at most (default: 100)")
    sample.add_argument("--seed", type=int, metavar="S", help="the same seed makes the same walks (default: 0)")
    engine = parser.add_argument_group("engine")
    engine.add_argument(
        "--engine",
        choices=("auto", "native", "reference"),
        default="auto",
        help="native is fast, reference is short and obviously right; auto: native where it is installed",
    )
    engine.add_argument("--threads", type=positive, metavar="N", help="threads (default: one a processor)")
    engine.add_argument(
        "--symmetry",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="explore one state of each class of interchangeable nodes only; the counts are of classes (default: off)",
    )
    engine.add_argument(
        "--por",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="partial-order reduction: leave messages out that can have no effect any more (default: off)",
    )
    engine.add_argument("--checkpoint", type=Path, metavar="FILE", help="save the search in FILE from time to time")
    engine.add_argument("--resume", type=Path, metavar="FILE", help="go on with the search saved in FILE")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def size(text: str) -> int:
    """Bytes, with K, M or G for powers of 1024."""
    unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:].upper(), 1)
    return positive(text[:-1] if unit > 1 else text) * unit


def run(arguments: argparse.Namespace) -> int:
    """Explore, list, or compare."""
    from coordfsm.cli.reports import (  # noqa: PLC0415  (slow to import)
        catalogue,
        manifest,
        mutants,
        verification,
    )

    check_combination(arguments)
    if arguments.mutants:
        return mutants.run_list(arguments) if arguments.list else mutants.run(arguments)
    if arguments.list:
        return catalogue.run(arguments)
    if arguments.manifest is not None:
        return manifest.run(arguments)
    return verification.run(arguments)


def check_combination(arguments: argparse.Namespace) -> None:
    """Refuse what would silently be ignored.

    Raises:
        ParameterError: two arguments do not go together.
    """
    from coordfsm.kernel.errors import ParameterError  # noqa: PLC0415  (slow to import)

    other = next((name for name in ("list", "mutants", "manifest") if getattr(arguments, name)), "")
    if arguments.parameters and other:
        raise ParameterError(f"-p sets a parameter of a model to explore; it does not go with --{other}")
    if arguments.parameters and len(arguments.models) != 1:
        raise ParameterError("-p sets a parameter of one model; name exactly one model")
    if arguments.list and arguments.manifest is not None:
        raise ParameterError("--list explores nothing; it does not go with --manifest")
    if arguments.models and arguments.manifest is not None:
        raise ParameterError("--manifest explores what its file lists; it takes no model")
    if arguments.update and arguments.manifest is None:
        raise ParameterError("--update goes with --manifest FILE")
    if arguments.walks is None and (arguments.depth is not None or arguments.seed is not None):
        raise ParameterError("--depth and --seed are of random walks; they go with --walks N")
    if arguments.walks is not None and (
        other or arguments.engine != "auto" or arguments.symmetry is not None or arguments.por is not None
    ):
        raise ParameterError(
            "--walks goes through the model at random: "
            "without --list, --mutants, --manifest, --engine, --symmetry and --por"
        )
    if arguments.walks is not None and arguments.max_depth is not None:
        raise ParameterError("--max-depth counts breadth-first levels; of random walks say --depth D")
    if (arguments.checkpoint or arguments.resume) and (other or len(arguments.models) != 1):
        raise ParameterError("--checkpoint and --resume save one search; name exactly one model")
