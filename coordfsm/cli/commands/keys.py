"""`coordfsm keys`: make cluster keys, show the ids of a node's keys, rotate them without downtime."""

import argparse
from pathlib import Path

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "keys"
HELP = "make, show or rotate cluster keys"
EPILOG = """\
To rotate without downtime, at every node before the next step:
  1. put the new key last in the key file, coordfsm keys reload FILE
  2. move it to the first line (it now seals), coordfsm keys reload FILE
  3. delete the old line, coordfsm keys reload FILE
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("new", "list", "reload"), help="new: print a fresh key; reload: read FILE")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", type=Path, help="key file, one base64 key a line; - for standard input"
    )
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    from coordfsm_runtime.wire.keyring import format_key, new_key  # noqa: PLC0415  (heavy)

    if arguments.action == "new":
        print(new_key())
        return 0
    replace = None
    if arguments.action == "reload":
        from coordfsm_runtime.config import read_key_file  # noqa: PLC0415  (heavy)

        if arguments.file is None:
            print("coordfsm keys reload: FILE is missing, expected a file with one base64 key a line")
            return 2
        replace = [format_key(key) for key in read_key_file(arguments.file)]
    answer = ask(arguments, "keys", replace=replace)
    if arguments.json:
        print_json(answer)
    elif not answer["sealed"]:
        print("not sealed")
    else:
        for place, identity in enumerate(answer["keys"]):
            print(identity + ("  primary" if place == 0 else ""))
    return 0
