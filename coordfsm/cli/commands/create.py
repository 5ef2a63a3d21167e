"""`coordfsm create`: put entities into service at a node."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "create"
HELP = "put a new entity into service at a node"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="ENTITY", help="id, unique in the cluster")
    parser.add_argument("payload", metavar="TEXT", nargs="?", default="", help="its state")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "create", entity=arguments.entity, payload=arguments.payload)
    if arguments.json:
        print_json(answer)
    else:
        print(f"{answer['entity']} {answer['state']}, epoch {answer['epoch']}")
    return 0
