"""`coordfsm status`: one node at a glance."""

import argparse
from typing import Any

from coordfsm.cli.connection import add_connection, ask, print_fields, print_json

NAME = "status"
HELP = "show a running node at a glance"
EPILOG = """\
with --check, for supervisors and containers: exit 0 while the node acts as a member, 1 while it runs and does not
(joining, without a majority, leaving), 2 when it does not answer
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="exit 1 unless the node acts as a member")
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    status = ask(arguments, "status")
    code = 1 if arguments.check and status["state"] != "member" else 0
    if arguments.json:
        print_json(status)
        return code
    view, topology, wedged = status["view"], status["topology"], status["wedged"]
    fields: list[tuple[str, object]] = [
        ("node", f"{status['node']} (incarnation {status['incarnation']}) at {status['endpoint']}"),
        ("cluster", f"{status['label']}, {'sealed' if status['sealed'] else 'not sealed'}"),
        ("state", status["state"] + (", view stable" if status["stable"] else "")),
        ("view", "none" if view is None else f"{view['number']} ({view['id'][:8]}), {_members(view)}"),
        ("coordinator", status["coordinator"] or "none"),
        ("topology", "none" if topology is None else f"{topology['view_number']}.{topology['version']}"),
        ("hosts", " ".join(status["hosted"]) or "no bubbles"),
        ("entities", ", ".join(f"{count} {state}" for state, count in status["entities"].items()) or "none"),
        *(("stopping", unconfirmed(stops)) for stops in [status["unconfirmed_stops"]] if stops is not None),
        ("up", f"{status['uptime_s']:.0f} s"),
    ]
    for key, title in (("dropped", "dropped"), ("refused_by_others", "refused")):
        if status[key]:
            fields.append((title, ", ".join(f"{count} {reason}" for reason, count in status[key].items())))
    if wedged is not None:
        fields.insert(3, ("wedged", f"{wedged['needed']} more of {', '.join(wedged['missing'])} must come back"))
    if refused := status.get("join_refused"):
        fields.insert(3, ("not let in", f"{refused['reason']}, says {refused['by']}"))
    if (disk := status.get("disk")) and disk["slow"]:
        taken_ms = max(disk["commit_ms"], disk["waiting_ms"])
        silent = "; the node is silent until it is well" if disk["hopeless"] else ""
        fields.append(("disk", f"slow: a commit takes {taken_ms:,} ms{silent}"))
    print_fields(fields)
    return code


def unconfirmed(stops: dict[str, Any]) -> str:
    """What the application has not confirmed yet."""
    return f"{stops['count']} wait for the application, the first for {stops['longest_s']:.0f} s"


def _members(view: dict[str, Any]) -> str:
    count = len(view["members"])
    return f"{count} member" if count == 1 else f"{count} members"
