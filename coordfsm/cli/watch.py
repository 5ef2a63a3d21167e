"""`coordfsm watch`: what happens at a node, as it happens."""

import argparse
import json
from typing import Any

from coordfsm.cli.operate import add_connection, connect

NAME = "watch"
HELP = "print what happens at a node, one event a line, until Ctrl-C"


def configure(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    with connect(arguments) as client:
        for event in client.watch():
            print(json.dumps(event) if arguments.json else _sentence(event), flush=True)
    return 0


def _sentence(event: dict[str, Any]) -> str:
    fields = ", ".join(f"{name} {_short(value)}" for name, value in event.items() if name != "type")
    return f"{event['type']}: {fields}" if fields else str(event["type"])


def _short(value: Any) -> str:
    if isinstance(value, dict) and value.get("type") == "View":
        return f"{value['number']} of " + " ".join(member["node"] for member in value["members"])
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."
