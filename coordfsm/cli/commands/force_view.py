"""`coordfsm force-view`: carry on without a lost majority, as an operator's explicit decision."""

import argparse

from coordfsm.cli.connection import add_connection, ask, print_json

NAME = "force-view"
HELP = "carry on without a majority, in a new lineage (dangerous)"
EPILOG = """\
Only for a wedged node whose missing members are lost for good. The survivors found a new lineage; the lost members
must be stopped and must never run again with their old stores. Give the same --token at every survivor.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("survivors", metavar="NODE", nargs="+", help="the members that carry on")
    parser.add_argument("--token", default="", help="as printed at the first survivor; the same at all of them")
    parser.add_argument("--yes", action="store_true", help="the missing members are stopped and will not come back")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        status = ask(arguments, "status")
        missing = ", ".join(status["wedged"]["missing"]) if status["wedged"] else "nobody"
        print(f"missing now: {missing}")
        print("nothing was changed; give --yes when the missing members are stopped for good")
        return 2
    answer = ask(arguments, "force-view", survivors=arguments.survivors, token=arguments.token)
    if arguments.json:
        print_json(answer)
    else:
        print(f"view {answer['view']['number']} of a new lineage, token {answer['token']}")
    return 0
