"""The audit of coordination: C1 to C5 of the property catalogue.

What topologies held is put together from the messages that carried them, whole or as the entries that changed.
"""

from typing import NamedTuple

from coordfsm_runtime.traces.evidence import Content, Event, Evidence, Finding, Findings
from coordfsm_runtime.traces.membership import members_by_view

CHECKED = {
    "C1": "all processes name the same coordinator for a view, and it is a member of it",
    "C2": "a process accepts no topology of a view below its own; one coordinator acts per view",
    "C3": "a bubble has one host; a topology names members of its view only",
    "C4": "the topologies that a process accepts strictly increase; a version has one content",
    "C5": "a coordinator starts at most one broadcast per cooldown",
}

Entries = dict[str, Content]
"""What a topology says, by process."""


class Published(NamedTuple):
    """A topology as one message tells it, put together with those before it.

    Attributes:
        by: who sent it.
        content: the message.
        entries: all that it says; None when the version that it builds on is not known.
    """

    by: str
    content: Content
    entries: Entries | None

    def __str__(self) -> str:
        return f"topology {self.content['view_number']}.{self.content['version']} of {self.by}"


def check_coordinators(evidence: Evidence) -> Findings:
    """C1."""
    members = members_by_view(evidence)
    named: dict[str, tuple[str, str]] = {}
    for event in evidence.told_of("CoordinatorNamed"):
        view, leader, number = (event.content[key] for key in ("view_id", "coordinator", "view_number"))
        name, by = named.setdefault(view, (leader, event.node))
        if name != leader:
            yield Finding("C1", f"view {number}: {by} named {name}, {event.node} {leader}")
        if view in members and leader not in {node for node, _ in members[view]}:
            yield Finding("C1", f"view {number}: {event.node} named {leader}, which is no member of it")


def check_fencing(evidence: Evidence) -> Findings:
    """C2."""
    current: dict[str, Event] = {}
    acting: dict[str, str] = {}
    for event in evidence.told_of("CoordinatorNamed", "TopologyAccepted", "TopologyBroadcast"):
        if event.content["type"] == "CoordinatorNamed":
            current[event.node] = event
            continue
        view = current.get(event.node)
        if view is None:
            continue
        number = event.content["view_number"]
        if event.content["type"] == "TopologyAccepted" and number < view.content["view_number"]:
            yield Finding("C2", f"{event.node} accepted a topology of view {number} in {view.content['view_number']}")
        if event.content["type"] == "TopologyBroadcast":
            first = acting.setdefault(view.content["view_id"], event.node)
            if first != event.node:
                yield Finding("C2", f"{first} and {event.node} published topologies in view {number}")


def check_registry(evidence: Evidence) -> Findings:
    """C3."""
    members = members_by_view(evidence)
    for topology in _published(evidence):
        hosts: dict[str, str] = {}
        for process, entry in sorted((topology.entries or {}).items()):
            for bubble in entry["bubbles"]:
                host = hosts.setdefault(bubble, process)
                if host != process:
                    yield Finding("C3", f"{topology}: {bubble!r} is hosted by {host} and by {process}")
        present = members.get(topology.content["view_id"])
        for entry in topology.content["entries"] if present is not None else ():
            if (entry["process"], entry["incarnation"]) not in (present or ()):
                yield Finding("C3", f"{topology} names {entry['process']}.{entry['incarnation']}, outside its view")


def check_topologies(evidence: Evidence) -> Findings:
    """C4."""
    newest: dict[str, tuple[int, int]] = {}
    for event in evidence.told_of("TopologyAccepted"):
        stamp = (event.content["view_number"], event.content["version"])
        if stamp <= newest.get(event.node, (0, 0)):
            yield Finding("C4", f"{event.node} accepted topology {stamp} after {newest[event.node]}")
        newest[event.node] = stamp
    contents: dict[tuple[str, int], Entries] = {}
    for topology in _published(evidence):
        if topology.entries is not None:
            key = (topology.content["view_id"], topology.content["version"])
            if contents.setdefault(key, topology.entries) != topology.entries:
                yield Finding("C4", f"{topology} was sent with two contents")


def check_rate(evidence: Evidence) -> Findings:
    """C5: by the process's own clock, also over restarts within one boot of the machine."""
    last: dict[tuple[str, str], int] = {}
    for event in evidence.told_of("TopologyBroadcast"):
        run = evidence.runs[event.run]
        coordination = run.settings.get("settings", {}).get("coordination", {})
        # Without a boot's name, clocks of two runs do not compare.
        key = (event.node, run.boot or str(event.run))
        pause = event.now_ms - last.get(key, event.now_ms - (1 << 60))
        # Both times are cut to whole milliseconds.
        if 0 <= pause < coordination.get("cooldown_ms", 0) - 1:
            yield Finding("C5", f"{event.node} published topologies {pause} ms apart")
        last[key] = event.now_ms


def _published(evidence: Evidence) -> list[Published]:
    """Every topology sent, whole or in parts, with all that it says."""
    known: dict[tuple[str, str, int], Entries] = {}
    parts: dict[tuple[str, str, int, int], dict[int, list[Content]]] = {}
    found: list[Published] = []
    for event in evidence.sent_of("Topology", "TopologyPart"):
        content = event.content
        sender = (event.node, content["view_id"])
        changed = parts.setdefault((*sender, content["version"], content["base"]), {})
        changed[content.get("part", 0)] = content["entries"]
        base = known.get((*sender, content["base"])) if content["base"] else {}
        entries = None
        if base is not None and len(changed) == content.get("parts", 1):
            entries = base | {entry["process"]: entry for part in changed.values() for entry in part}
            known.setdefault((*sender, content["version"]), entries)
        found.append(Published(event.node, content, entries))
    return found


CHECKS = (check_coordinators, check_fencing, check_registry, check_topologies, check_rate)
