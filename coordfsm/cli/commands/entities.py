"""`coordfsm entities`: what a node knows of entities."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json, print_table

NAME = "entities"
HELP = "list the entities that a node knows of"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="ENTITY", nargs="?", default="", help="only this one")
    parser.add_argument(
        "--state", default="", help="only those in this state (owned, frozen, departing, prepared, ...)"
    )
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "entities", entity=arguments.entity, state=arguments.state)
    if arguments.json:
        print_json(answer)
    elif not answer:
        print("none")
    else:
        rows = [(held["entity"], held["state"], held["epoch"], held["bytes"], held["peer"]) for held in answer]
        print_table(("entity", "state", "epoch", "bytes", "peer"), rows)
    return 0
