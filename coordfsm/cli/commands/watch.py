"""`coordfsm watch`: the cluster and what happens in it, as one node sees it."""

import argparse
import contextlib
import json
import sys

from coordfsm.cli.connection import add_connection, connect
from coordfsm.cli.text.event_line import sentence

NAME = "watch"
HELP = "watch the cluster live, as one node sees it, until Ctrl-C"
EPILOG = (
    "On a terminal: status, members and the latest events. Otherwise, or with --lines or --json: one event a line.\n"
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", action="store_true", help="one event a line, also on a terminal")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    with contextlib.suppress(KeyboardInterrupt):  # the usual end
        return _watch(arguments)
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    if sys.stdout.isatty() and not arguments.lines and not arguments.json:
        from coordfsm.cli.reports import live_screen  # noqa: PLC0415  (rich, on a terminal only)

        return live_screen.run(arguments)
    with connect(arguments) as client:
        for event in client.watch():
            print(json.dumps(event) if arguments.json else sentence(event), flush=True)
    return 0
