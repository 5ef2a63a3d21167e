"""The audit of migrations: X1 and X3 to X7 of the property catalogue (X2 is read from the stores)."""

from collections import defaultdict

from coordfsm.protocols.migration.operator_rules import RESOLVED
from coordfsm_runtime.traces.evidence import Content, Event, Evidence, Finding, Findings, transaction_name
from coordfsm_runtime.traces.membership import members_by_view

CHECKED = {
    "X1": "no two processes have an entity in service in the same epoch",
    "X3": "all decisions about a transaction are the same, and what was aborted did not arrive",
    "X4": "a committed migration changes ownership once, and raises the epoch by one",
    "X5": "a process begins no migration of an entity while another one of it is open",
    "X6": "a commit is decided in the view of the prepare, for a member of it, not while wedged",
    "X7": "an entity arrives, or comes back into service, as it was frozen",
}

Key = tuple[str, str]
"""An entity and a transaction's name."""


def _key(event: Event) -> Key:
    return event.content["entity"], transaction_name(event.content["transaction"])


def _text(key: Key) -> str:
    return f"{key[0]}, transaction {key[1]}"


def _arrivals(evidence: Evidence) -> dict[Key, list[Event]]:
    """Activations by migration; those of creation have no transaction."""
    found: dict[Key, list[Event]] = defaultdict(list)
    for event in evidence.told_of("EntityArrived"):
        if event.content["transaction"]["source"]:
            found[_key(event)].append(event)
    return found


def check_epochs(evidence: Evidence) -> Findings:
    """X1."""
    arrived: dict[tuple[str, int], str] = {}
    for event in evidence.told_of("EntityArrived"):
        key = (event.content["entity"], event.content["epoch"])
        first = arrived.setdefault(key, event.node)
        if first != event.node:
            yield Finding("X1", f"{key[0]} entered service in epoch {key[1]} at {first} and at {event.node}")


def check_decisions(evidence: Evidence) -> Findings:
    """X3."""
    decided: dict[Key, tuple[bool, str]] = {}
    for event in evidence.sent_of("MigrationDecision"):
        commit, by = decided.setdefault(_key(event), (event.content["commit"], event.node))
        if commit != event.content["commit"]:
            yield Finding("X3", f"{_text(_key(event))}: {by} and {event.node} differ")
    arrivals = _arrivals(evidence)
    for event in evidence.told_of("MigrationEnded"):
        began, aborted = event.content["transaction"]["source"], event.content["outcome"] != "COMMITTED"
        # An operator's word for a lost source puts the entity into service at the destination, and fences the source.
        if began and aborted and event.content["reason"] != RESOLVED and _key(event) in arrivals:
            where = arrivals[_key(event)][0].node
            yield Finding("X3", f"{_text(_key(event))}: {event.content['outcome']} at its source, arrived at {where}")


def check_once(evidence: Evidence) -> Findings:
    """X4."""
    offered = {_key(event): event.content["epoch"] for event in evidence.sent_of("MigrationPrepare")}
    for key, events in _arrivals(evidence).items():
        if len(events) > 1:
            yield Finding("X4", f"{_text(key)}: arrived at {' and '.join(event.node for event in events)}")
        epoch = events[0].content["epoch"]
        if key in offered and epoch != offered[key] + 1:
            yield Finding("X4", f"{_text(key)}: offered in epoch {offered[key]}, arrived in {epoch}")
    committed: dict[tuple[str, str], str] = {}
    for event in evidence.told_of("MigrationEnded"):
        token = (event.content["entity"], event.content["token"])
        if event.content["outcome"] != "COMMITTED" or not event.content["token"]:
            continue
        name = transaction_name(event.content["transaction"])
        if committed.setdefault(token, name) != name:
            yield Finding("X4", f"{token[0]}: token {token[1]!r} was committed by {committed[token]} and by {name}")


def check_exclusive(evidence: Evidence) -> Findings:
    """X5: what freezes an entity comes to an end before it is frozen again. A kill ends it, too."""
    frozen: dict[tuple[int, str], str] = {}
    for event in evidence.told_of("EntityFrozen", "EntityThawed", "CommitDecided"):
        key = (event.run, event.content["entity"])
        if event.content["type"] != "EntityFrozen":
            frozen.pop(key, None)
            continue
        name = transaction_name(event.content["transaction"])
        if key in frozen:
            yield Finding("X5", f"{event.node} froze {key[1]} for {name} while {frozen[key]} was open")
        frozen[key] = name


def check_view(evidence: Evidence) -> Findings:
    """X6."""
    members = members_by_view(evidence)
    for event in evidence.told_of("CommitDecided"):
        wrong = _unfit(event.content, members.get(event.content["decided_in"]))
        if wrong:
            yield Finding("X6", f"{_text(_key(event))}: committed {wrong}")


def _unfit(decided: Content, members: frozenset[tuple[str, int]] | None) -> str:
    """Why this commit was not to be decided, empty when it was. `members` of its view; None when not known."""
    if decided["prepared_in"] != decided["decided_in"]:
        return "after the view had changed"
    if not decided["in_view"] or (members is not None and decided["destination"] not in {node for node, _ in members}):
        return f"for {decided['destination']}, outside the view"
    return "while wedged" if decided["service"] == "wedged" else ""


def check_faithful(evidence: Evidence) -> Findings:
    """X7."""
    frozen = {_key(event): event.content["payload"] for event in evidence.told_of("EntityFrozen")}
    for key, events in _arrivals(evidence).items():
        if key in frozen and any(event.content["payload"] != frozen[key] for event in events):
            yield Finding("X7", f"{_text(key)}: arrived otherwise than it was frozen")
    resting: dict[tuple[int, str], str] = {}
    for event in evidence.told_of("EntityFrozen", "EntityThawed"):
        place = (event.run, event.content["entity"])
        if event.content["type"] == "EntityFrozen":
            resting[place] = event.content["payload"]
        elif resting.pop(place, event.content["payload"]) != event.content["payload"]:
            yield Finding("X7", f"{place[1]} is in service again at {event.node} otherwise than it was frozen")


CHECKS = (check_epochs, check_decisions, check_once, check_exclusive, check_view, check_faithful)
