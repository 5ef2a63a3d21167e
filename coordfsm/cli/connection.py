"""What the commands that talk to a running node share: finding its socket, tables for people, JSON for scripts."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordfsm.cli.exits import CommandError
from coordfsm.cli.text.terminal import shown

if TYPE_CHECKING:
    from coordfsm_runtime.admin.server import AdminClient

SOCKET_VARIABLE = "COORDFSM_SOCKET"
"""For operators. Not the node's own setting: a node started in the same shell must not make its socket there."""

NODE_VARIABLES = ("COORDFSM_ADMIN_SOCKET", "COORDFSM_NODE_DATA")
"""Settings of a node that tell where its socket is: in its container or unit, no more is needed."""


class NoSocketError(CommandError):
    """Nobody said which node to talk to."""


def add_connection(parser: argparse.ArgumentParser) -> None:
    """The arguments that every such command has."""
    parser.add_argument(
        "-s",
        "--socket",
        metavar="PATH",
        type=Path,
        help=f"the node's admin socket or data directory (default: ${SOCKET_VARIABLE})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def connect(arguments: argparse.Namespace, timeout_s: float = 60.0) -> "AdminClient":
    """A connection to the node that the arguments or the environment name.

    Raises:
        NoSocketError: nothing names one.
        AdminError: it does not answer.
    """
    from coordfsm_runtime.admin.server import AdminClient  # noqa: PLC0415  (only when a command runs)

    path = arguments.socket or _from_environment()
    if path is None:
        raise NoSocketError(
            f"which node? give --socket PATH (its admin socket or data directory) or set {SOCKET_VARIABLE}"
        )
    return AdminClient(path, timeout_s)


def _from_environment() -> Path | None:
    for variable in (SOCKET_VARIABLE, *NODE_VARIABLES):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return None


def ask(arguments: argparse.Namespace, command: str, **parameters: Any) -> Any:
    """The node's answer to one command.

    Raises:
        NoSocketError: nothing names a node.
        AdminError: no answer, or refused.
    """
    with connect(arguments) as client:
        return client.call(command, **parameters)


def print_json(result: Any) -> None:
    print(json.dumps(result, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as they must be; numbers to the right."""
    cells = [[shown(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in [list(headings), *cells]) for place in range(len(headings))]
    numeric = [
        bool(rows) and all(isinstance(row[place], int | float) for row in rows) for place in range(len(headings))
    ]
    for row in [list(headings), *cells]:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        print("  ".join(parts).rstrip())


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """One ``name  value`` a line."""
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        print(f"{name.ljust(width)}  {shown(str(value))}".rstrip())
