"""`coordfsm members`: the members of a node's view."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json, print_table

NAME = "members"
HELP = "list the members of the cluster, in the line of succession"


def configure(parser: argparse.ArgumentParser) -> None:
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "members")
    if arguments.json:
        print_json(answer)
        return 0
    if answer["view"] is None:
        print("not a member of any view")
        return 0
    rows = [
        (
            member["node"],
            member["incarnation"],
            member["endpoint"],
            "coordinator" if member["coordinator"] else "",
            member["state"],
        )
        for member in answer["members"]
    ]
    print(f"view {answer['view']['number']} ({answer['view']['id'][:8]})")
    print_table(("member", "incarnation", "address", "role", "state"), rows)
    return 0
