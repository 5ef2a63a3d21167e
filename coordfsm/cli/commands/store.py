"""`coordfsm store`: whether the store of a stopped node is whole, and the operator's word when it is not."""

import argparse
from pathlib import Path
from typing import Any

from coordfsm.cli.connection import print_fields, print_json
from coordfsm.cli.exits import CommandError, Exit

NAME = "store"
HELP = "check the store of a stopped node, or go on with what is left of it"
EPILOG = """\
A node refuses to start with a store that has less, or other, than was committed. Safe ways out: bring back the very
files that it had, or start the node with an empty directory, as a new member without entities.
  coordfsm store DIRECTORY                 check it; nothing is changed
  coordfsm store --accept-loss DIRECTORY   go on with what the database has, when its commit mark is missing, damaged
                                           or ahead of it. The node may then break what it promised: serve an entity
                                           that it has given away, or vote twice. Damaged records are not accepted.
                                           Other members that saw more of the store still do not let it act.
exit codes: 0 whole, 1 refused, 2 no such store, or it is in use
"""

STORE = "node.db"


class NoStoreError(CommandError):
    """There is no store at the path."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="DIRECTORY", type=Path, help="the node's directory, or its store's file")
    parser.add_argument("--accept-loss", action="store_true", help="make the commit mark agree with the database")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    path = arguments.path / STORE if arguments.path.is_dir() else arguments.path
    if not path.is_file():
        raise NoStoreError(f"{path}: no such store")
    result = _checked(path, accept_loss=arguments.accept_loss)
    if arguments.json:
        print_json(result)
    else:
        print_fields(
            [(name, "yes" if value is True else "no" if value is False else value) for name, value in result.items()]
        )
    return Exit.OK if result["whole"] else Exit.COUNTEREXAMPLE


def _checked(path: Path, *, accept_loss: bool) -> dict[str, Any]:
    from coordfsm_runtime.errors import StoreError, StoreInUseError  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.machines import RECORDS  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.storage.store import SqliteStore, copy_of_store  # noqa: PLC0415  (heavy)

    result: dict[str, Any] = {"store": str(path), "whole": True}
    try:
        if accept_loss:
            SqliteStore(path, RECORDS, accept_loss=True).close()
        with copy_of_store(path) as copy:
            store = SqliteStore(copy, RECORDS)
            try:
                result |= {"records": len(store.records()), "transactions": store.sequence, "owner": store.owner}
            finally:
                store.close()
    except StoreInUseError:
        raise
    except StoreError as error:
        result |= {"whole": False, "reason": str(error)}
    return result
