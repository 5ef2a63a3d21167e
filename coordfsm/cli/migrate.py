"""`coordfsm migrate`: move an entity to another member."""

import argparse

from coordfsm.cli.operate import add_connection, ask, print_json

NAME = "migrate"
HELP = "move an entity from a node to another member"
EPILOG = "exit codes: 0 the entity is decided to be at the destination, 1 it is not, with the reason, 2 no answer\n"

MOVED = ("COMMITTED", "ALREADY_APPLIED")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="ENTITY")
    parser.add_argument("destination", metavar="NODE")
    parser.add_argument("--token", default="", help="idempotency token: the same request again gives the first outcome")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(
        arguments, "migrate", entity=arguments.entity, destination=arguments.destination, token=arguments.token
    )
    if arguments.json:
        print_json(answer)
    else:
        reason = f": {answer['reason']}" if answer["reason"] else ""
        print(f"{answer['entity']} to {answer['destination']}: {answer['outcome']}{reason}")
    return 0 if answer["outcome"] in MOVED else 1
