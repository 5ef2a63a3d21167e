"""`coordfsm migrate`: move an entity to another member."""

import argparse

from coordfsm.cli.operate import add_connection, ask, print_json

NAME = "migrate"
HELP = "move an entity from a node to another member"
EPILOG = "exit codes: 0 the entity is decided to be at the destination, 1 it is not, with the reason, 2 no answer\n"

MOVED = ("COMMITTED", "ALREADY_APPLIED")

EXPLAINED = {
    "ALREADY_APPLIED": "a request with this token moved it before",
    "ALREADY_MIGRATING": "another migration of it is under way",
    "NOT_OWNER": "it is not in service at this node",
    "NOT_IN_VIEW": "the destination is no member",
    "VIEW_UNSTABLE": "the view is new or about to change; ask again in a moment",
    "VIEW_CHANGED": "the view changed meanwhile; it stayed here",
    "WEDGED": "this node has no majority within reach",
    "NOT_STOPPED": "the application did not stop serving it in time; it stayed here",
    "REJECTED": "it stayed here",
    "TIMEOUT": "the destination did not answer in time; it stayed here",
}


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
        reasons = [text for text in (EXPLAINED.get(answer["outcome"], ""), answer["reason"]) if text]
        line = f"{answer['entity']} to {answer['destination']}: {answer['outcome']}"
        print(f"{line}: {', '.join(reasons)}" if reasons else line)
    return 0 if answer["outcome"] in MOVED else 1
