"""`coordfsm coordinator`: who coordinates, and who would next."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_fields, print_json

NAME = "coordinator"
HELP = "show the coordinator and the line of succession"


def configure(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "coordinator")
    if arguments.json:
        print_json(answer)
        return 0
    print_fields(
        [
            ("coordinator", answer["coordinator"] or "none"),
            ("then", " ".join(answer["succession"][1:]) or "nobody"),
            ("view", "stable" if answer["stable"] else "about to change"),
        ]
    )
    return 0
