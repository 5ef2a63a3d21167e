"""`coordfsm watch`: what a terminal shows, and how an event reads in a line."""

from collections import deque

from rich.console import Console

from coordfsm.cli.connection import print_fields, print_table
from coordfsm.cli.reports.live_screen import picture
from coordfsm.cli.text.event_line import sentence

STATUS = {
    "node": "n1",
    "label": "harbor",
    "uptime_s": 5.4,
    "state": "wedged",
    "stable": False,
    "wedged": {"needed": 1, "missing": ["n2", "n3"]},
    "view": {
        "number": 4,
        "id": "0123456789abcdef",
        "members": [
            {"node": "n1", "incarnation": 1, "endpoint": "127.0.0.1:1", "coordinator": True, "state": "self"},
            {"node": "n2", "incarnation": 7, "endpoint": "127.0.0.1:2", "coordinator": False, "state": "accused"},
        ],
    },
    "topology": None,
    "entities": {"owned": 3},
    "migrations": {},
}


def test_a_terminal_shows_status_members_and_the_latest_events_that_fit():
    console = Console(width=90, height=16, record=True, file=None, force_terminal=True, no_color=True)
    events = deque(f"event {place} {'x' * 100}" for place in range(50))
    with console.capture() as shown:
        console.print(picture(STATUS, events, 16))
    lines = [line.rstrip() for line in shown.get().splitlines()]
    assert "state       wedged: 1 more of n2, n3 must come back" in lines
    assert "view        4 (01234567)" in lines
    assert "migrations  none" in lines
    assert any(line.startswith("n2") and line.endswith("accused") for line in lines)
    assert lines[-1].startswith("event 49 ")
    assert len(lines) <= 16


def test_names_are_data_on_a_terminal():
    odd = {"node": "[red]n2[/red]", "incarnation": 7, "endpoint": "\x1b[2J", "coordinator": False, "state": "trusted"}
    status = STATUS | {"label": "[link=x]harbor", "view": STATUS["view"] | {"members": [odd]}}
    status |= {"wedged": {"needed": 1, "missing": ["\x07n3"]}}
    console = Console(width=90, height=16, record=True, file=None, force_terminal=True, no_color=True)
    with console.capture() as captured:
        console.print(picture(status, deque(), 16))
    told = captured.get()
    assert "n1 in [link=x]harbor, up 5 s" in told
    assert "[red]n2[/red]" in told
    assert r"\x1b[2J" in told
    assert r"1 more of \x07n3 must" in told
    assert not {"\x1b[2J", "\x07"} & {told[place : place + size] for place in range(len(told)) for size in (1, 4)}


def test_events_read_as_a_line():
    transaction = {"type": "TransactionId", "source": "n1", "incarnation": 2, "counter": 3}
    assert sentence({"type": "EntityFrozen", "entity": "ship", "transaction": transaction, "token": ""}) == (
        "EntityFrozen: entity ship, transaction n1.2.3"
    )
    assert sentence({"type": "MemberLeft"}) == "MemberLeft"


def test_what_a_terminal_would_act_on_is_shown_escaped(capsys):
    assert sentence({"type": "MemberLeft", "reason": "\x1b[2J\nforged \x9b0m"}) == (
        r"MemberLeft: reason \x1b[2J\nforged \x9b0m"
    )
    print_table(("name\n",), [("\x1b]0;title\x07",)])
    print_fields((("name", "\u202ereversed"),))
    assert capsys.readouterr().out == "name\n\\x1b]0;title\\x07\nname  \\u202ereversed\n"
