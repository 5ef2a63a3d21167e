"""`coordfsm confirm-stopped`: an application outside the node's process has stopped serving an entity."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json
from coordfsm.cli.numbers import whole

NAME = "confirm-stopped"
HELP = "tell a node that its application serves an entity no longer"
EPILOG = """\
Before an entity moves, and after a fence took it, the node waits until its application has stopped serving it. Who
hears of that over the admin socket (watch, with "serves": true) answers with this. Never say it of an application that
may serve the entity still: it would be served twice.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="ENTITY")
    number = whole(1, (1 << 53) - 1)  # as JSON can carry
    parser.add_argument(
        "--freeze", metavar="N", type=number, default=0, help="as in the event that asks (default: whichever is open)"
    )
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "confirm-stopped", entity=arguments.entity, freeze=arguments.freeze)
    if arguments.json:
        print_json(answer)
    else:
        print(f"{answer['entity']} {answer['state']}")
    return 0
