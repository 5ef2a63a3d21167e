"""`coordfsm leave`: have a node leave the cluster and end."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "leave"
HELP = "have a node leave the cluster gracefully and end"


def configure(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "leave")
    if arguments.json:
        print_json(answer)
    else:
        print("leaving")
    return 0
