"""The command `coordfsm`. One file per command; heavy imports wait until a command runs, so `--help` is quick.

Every command file exposes:

- ``NAME``: the command's word; ``HELP``: one line; optional ``EPILOG``: examples, as written;
- ``configure(parser)``: adds the arguments;
- ``run(arguments) -> int``: does it and returns an exit code. Results go to stdout, progress and logs to stderr.

A `CoordfsmError` or `CommandError` that leaves `run` is a mistake in what the user gave: one line on stderr, exit 2.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from coordfsm.cli.exits import EXIT_CODES, CommandError, Exit

COMMANDS = (
    *("verify", "explore", "replay", "fuzz", "render", "simulate"),
    *("demo", "cluster", "node", "store", "audit"),
    *("status", "members", "coordinator", "topology", "register", "create", "entities", "migrate", "in_doubt"),
    "confirm_stopped",
    *("join", "leave", "force_view", "keys", "watch", "completion"),
)
"""In the order of `--help`. A file that is not there is a command that this installation does not have."""

DESCRIPTION = """\
Coordination protocols as explicit state machines: membership, coordinator and migration.
The machines that are explored exhaustively, fuzzed and drawn are the ones that run."""

EXAMPLES = """\
examples:
  coordfsm verify                        explore the default models of all protocols
  coordfsm verify twophase -p rms=5      explore one model with other parameters
  coordfsm verify --list                 the models, their parameters and properties
  coordfsm replay counterexamples/X.json step a saved counterexample again

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; None: that of this process.

    Returns:
        The exit code.
    """
    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:
        from coordfsm.cli.commands.completion import answer_shell  # noqa: PLC0415  (only when a shell asks)

        answer_shell(parser)
    parsed = parser.parse_args(arguments)
    if parsed.run is None:
        parser.print_help()
        return Exit.OK
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("coordfsm: interrupted", file=sys.stderr)
        return Exit.INCOMPLETE
    except BrokenPipeError:
        # The reader (head, less) has enough. Python would complain again when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:  # noqa: BLE001  (the last frame: every error becomes a message and an exit code)
        return _report_error(error)
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="coordfsm",
        description=DESCRIPTION,
        epilog=EXAMPLES + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in COMMANDS:
        try:
            module = importlib.import_module(f"coordfsm.cli.commands.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"coordfsm.cli.commands.{name}":
                raise
            continue
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    """Reads the version only when it is asked for: the package metadata take longer than all the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415  (slow to import)

        print(f"coordfsm {version('coordfsm')}")
        parser.exit()


def _report_error(error: Exception) -> int:
    from coordfsm.kernel.errors import CoordfsmError  # noqa: PLC0415  (not needed for --help)

    if isinstance(error, CoordfsmError | CommandError):
        print(f"coordfsm: error: {error}", file=sys.stderr)
        return Exit.USAGE
    if isinstance(error, ModuleNotFoundError) and error.name is not None and not error.name.startswith("coordfsm"):
        print(
            f"coordfsm: error: this command needs {error.name}, which is not installed; "
            "install coordfsm with its extras: pip install 'coordfsm[check,render,runtime]'",
            file=sys.stderr,
        )
        return Exit.USAGE
    import traceback  # noqa: PLC0415  (not needed for --help)

    traceback.print_exception(error)
    print(f"coordfsm: internal error: {type(error).__name__}: {error}", file=sys.stderr)
    return Exit.INTERNAL


if __name__ == "__main__":
    sys.exit(main())
