"""`coordfsm migrate`: move an entity to another member."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json
from coordfsm.cli.numbers import EPOCHS, whole

NAME = "migrate"
HELP = "move an entity from a node to another member"
EPILOG = "exit codes: 0 the entity is decided to be at the destination, 1 it is not, with the reason, 2 no answer\n"

MOVED = ("COMMITTED", "ALREADY_APPLIED")

EXPLAINED = {
    "ALREADY_APPLIED": "a request with this token moved it before",
    "TOKEN_EXPIRED": "the token is too old to know whether it was used; it stayed here",
    "ALREADY_MIGRATING": "another migration of it is under way",
    "NOT_OWNER": "it is not in service at this node",
    "NOT_IN_VIEW": "the destination is no member",
    "VIEW_UNSTABLE": "the view is new or about to change; ask again in a moment",
    "VIEW_CHANGED": "the view changed meanwhile; it stayed here",
    "WEDGED": "this node has no majority within reach",
    "NOT_STOPPED": "its application did not confirm that it has stopped; it stayed here",
    "REJECTED": "it stayed here",
    "TIMEOUT": "the destination did not answer in time; it stayed here",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="ENTITY")
    parser.add_argument("destination", metavar="NODE")
    parser.add_argument("--token", default="", help="idempotency token: the same request again gives the first outcome")
    parser.add_argument(
        "--since",
        type=whole(1, EPOCHS),
        default=0,
        metavar="EPOCH",
        help="the entity's epoch when the token was made: a token too old to be known is refused, not used again",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="begin at once, or not at all: wait for no stable view and for no room"
    )
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = ask(
        arguments,
        "migrate",
        entity=arguments.entity,
        destination=arguments.destination,
        token=arguments.token,
        since=arguments.since,
        wait=not arguments.no_wait,
    )
    if arguments.json:
        print_json(answer)
    else:
        reasons = [text for text in (EXPLAINED.get(answer["outcome"], ""), answer["reason"]) if text]
        line = f"{answer['entity']} to {answer['destination']}: {answer['outcome']}"
        print(f"{line}: {', '.join(reasons)}" if reasons else line)
    return 0 if answer["outcome"] in MOVED else 1
