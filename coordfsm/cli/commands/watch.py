"""`coordfsm watch`: the cluster and what happens in it, as one node sees it."""

import argparse
import contextlib
import json
import sys
from typing import Any

from coordfsm.cli.connection import add_connection, connect
from coordfsm.cli.reports.terminal import shown

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
        from coordfsm.cli.reports import live_screen as screen  # noqa: PLC0415  (rich, on a terminal only)

        return screen.run(arguments)
    with connect(arguments) as client:
        for event in client.watch():
            print(json.dumps(event) if arguments.json else sentence(event), flush=True)
    return 0


def sentence(event: dict[str, Any]) -> str:
    """An event in a line."""
    fields = ", ".join(f"{name} {_short(value)}" for name, value in event.items() if name != "type" and value != "")
    return shown(f"{event['type']}: {fields}" if fields else str(event["type"]))


def _short(value: Any) -> str:
    if isinstance(value, dict) and value.get("type") == "View":
        return f"{value['number']} of " + " ".join(member["node"] for member in value["members"])
    if isinstance(value, dict) and value.get("type") == "TransactionId":
        return f"{value['source']}.{value['incarnation']}.{value['counter']}" if value["source"] else "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."
