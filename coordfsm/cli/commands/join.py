"""`coordfsm join`: have a node that is in no cluster, or in a lost one, ask for admission."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "join"
HELP = "have a node ask members for admission to their cluster"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("seeds", metavar="HOST:PORT", nargs="+", help="members to ask")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "join", seeds=arguments.seeds)
    if arguments.json:
        print_json(answer)
    else:
        print(answer["state"])
    return 0
