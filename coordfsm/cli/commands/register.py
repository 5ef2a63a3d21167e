"""`coordfsm register`: tell the cluster what a node hosts."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "register"
HELP = "register bubbles that a node hosts, or take them back"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bubbles", metavar="BUBBLE", nargs="+", help="ids of bubbles")
    parser.add_argument("--remove", action="store_true", help="the node no longer hosts them")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "unregister" if arguments.remove else "register", bubbles=arguments.bubbles)
    if arguments.json:
        print_json(answer)
    else:
        pending = "" if answer["confirmed"] else " (not yet confirmed by a coordinator)"
        print("hosts " + (" ".join(answer["hosted"]) or "no bubbles") + pending)
    return 0
