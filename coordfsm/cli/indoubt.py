"""`coordfsm in-doubt`: entities whose migration waits for another process, and the operator's word for them."""

import argparse

from coordfsm.cli.operate import add_connection, ask, print_json, print_table

NAME = "in-doubt"
HELP = "list entities whose migration waits for another process, or resolve one"
EPILOG = """\
An entity in doubt is safe but not in service. It resolves by itself when the other process is back. Only when that
process is gone for good, and stays so, may an operator decide:
  coordfsm in-doubt --commit ENTITY    put the prepared entity into service here, and fence the lost source
  coordfsm in-doubt --abort ENTITY     forget the prepared entity: the source still has it
"""


def configure(parser: argparse.ArgumentParser) -> None:
    word = parser.add_mutually_exclusive_group()
    word.add_argument("--commit", metavar="ENTITY", help="put it into service here")
    word.add_argument("--abort", metavar="ENTITY", help="forget it here")
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
