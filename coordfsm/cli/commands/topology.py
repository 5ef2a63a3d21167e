"""`coordfsm topology`: which process hosts which bubbles."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json, print_table

NAME = "topology"
HELP = "show which process hosts which bubbles"


def configure(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    topology = ask(arguments, "topology")
    if arguments.json:
        print_json(topology)
    elif topology is None:
        print("no topology yet")
    else:
        print(f"topology {topology['view_number']}.{topology['version']}")
        print_table(("process", "bubbles"), [(node, " ".join(held)) for node, held in topology["processes"].items()])
    return 0
