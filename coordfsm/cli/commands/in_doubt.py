"""`coordfsm in-doubt`: entities whose migration waits for another process, and the operator's word for them."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json, print_table

NAME = "in-doubt"
HELP = "list entities whose migration waits for another process, or resolve one"
EPILOG = """\
An entity in doubt is safe but not in service. It resolves by itself when the other process is back. Only when that
process is gone for good, and stays so, may an operator decide. --commit: the entity changes hands; --abort: it stays.
                         state prepared (source lost)              state departing (destination lost)
  in-doubt --commit E    into service here; the source is fenced   end it: the destination has the entity
  in-doubt --abort E     forget it here: the source has it         back into service here; the destination is fenced
Look with `coordfsm entities` on all members first that the entity has not moved on. The word is refused while the other
process is a member of the view, or the view is not settled.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    word = parser.add_mutually_exclusive_group()
    word.add_argument("--commit", metavar="ENTITY", help="it changes hands")
    word.add_argument("--abort", metavar="ENTITY", help="it stays where it was")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    entity = arguments.commit or arguments.abort
    if entity:
        answer = ask(arguments, "resolve", entity=entity, commit=bool(arguments.commit))
        if arguments.json:
            print_json(answer)
        else:
            print(f"{answer['entity']} {answer['state']}")
        return 0
    waiting = ask(arguments, "in-doubt")
    if arguments.json:
        print_json(waiting)
    elif not waiting:
        print("none")
    else:
        rows = [(held["entity"], held["state"], held["epoch"], held["peer"], held["transaction"]) for held in waiting]
        print_table(("entity", "state", "epoch", "waits for", "transaction"), rows)
    return 0
