"""The cluster live in a terminal, as one node sees it: status, members, and what happens, newest last."""

import argparse
import contextlib
import threading
import time
from collections import deque
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from coordfsm.cli.connection import connect
from coordfsm.cli.text.event_line import sentence
from coordfsm.cli.text.terminal import shown
from coordfsm_runtime.admin.server import AdminClient
from coordfsm_runtime.errors import AdminError

REFRESH_S = 0.5
EVENTS = 200
FRAME_LINES = 10
"""Lines that are neither members nor events."""

STYLES = {"self": "bold", "trusted": "green", "accused": "yellow", "condemned": "red"}


def run(arguments: argparse.Namespace) -> int:
    """Show until the node stops, or Ctrl-C.

    Raises:
        AdminError: the node does not answer at the start.
    """
    events: deque[str] = deque(maxlen=EVENTS)
    console = Console()
    with connect(arguments) as asking, connect(arguments) as listening:
        threading.Thread(target=_listen, args=(listening, events), daemon=True).start()
        with Live(console=console, auto_refresh=False, screen=True) as live, contextlib.suppress(AdminError):
            while True:
                live.update(picture(asking.call("status"), events, console.height), refresh=True)
                time.sleep(REFRESH_S)
    print("the node has stopped")
    return 0


def _listen(client: AdminClient, events: deque[str]) -> None:
    # Ends with the process, or when the node hangs up.
    with contextlib.suppress(OSError, ValueError, AdminError):
        for event in client.watch():
            events.append(f"{time.strftime('%H:%M:%S')}  {sentence(event)}")


def picture(status: dict[str, Any], events: deque[str], height: int) -> Group:
    """What is shown, `height` lines at most."""
    members = status["view"]["members"] if status["view"] else []
    room = max(1, height - FRAME_LINES - len(members))
    lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in list(events)[-room:]]
    return Group(
        _head(status), Text(), _members(members), Text(), *(lines or [Text("nothing has happened yet", "dim")])
    )


def _head(status: dict[str, Any]) -> Table:
    view, topology, wedged = status["view"], status["topology"], status["wedged"]
    state = Text(status["state"] + (", view stable" if status["stable"] else ""))
    state.stylize("green" if status["state"] == "member" else "red")
    if wedged is not None:
        state.append(shown(f": {wedged['needed']} more of {', '.join(wedged['missing'])} must come back"), "red")
    table = Table.grid(padding=(0, 2))
    table.add_row("node", _data(f"{status['node']} in {status['label']}, up {status['uptime_s']:.0f} s"))
    table.add_row("state", state)
    table.add_row("view", _data(f"{view['number']} ({view['id'][:8]})" if view else "none"))
    table.add_row("topology", _data(f"{topology['view_number']}.{topology['version']}" if topology else "none"))
    for group in ("entities", "migrations"):
        counts = ", ".join(f"{count} {name}" for name, count in status[group].items())
        table.add_row(group, _data(counts or "none"))
    return table


def _members(members: list[dict[str, Any]]) -> Table:
    table = Table("member", "incarnation", "address", "role", "seen as", box=None, pad_edge=False)
    for member in members:
        role = "coordinator" if member["coordinator"] else ""
        seen = _data(member["state"], STYLES.get(member["state"], ""))
        table.add_row(_data(member["node"]), str(member["incarnation"]), _data(member["endpoint"]), role, seen)
    return table


def _data(text: str, style: str = "") -> Text:
    """Text that comes from the node: a name like ``[red]`` is no style, and no terminal acts on it."""
    return Text(shown(text), style)
