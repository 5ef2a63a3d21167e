"""The audit of traces: what really happened in a cluster, checked against the properties, and stepped again.

Each trace is stepped through the machines: every input must have the effects that were recorded. Then the traces
of all processes are read together: views, coordinators, topologies, decisions and ownership must agree with M, C and X.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from coordfsm.kernel import Decoder, EncodingError
from coordfsm.protocols.migration.messages import RemoveEntity
from coordfsm.protocols.node import NodeSettings
from coordfsm.protocols.view import Member, View
from coordfsm_runtime.errors import TraceError
from coordfsm_runtime.machines import MACHINE, VALUES, initial_data
from coordfsm_runtime.trace import TraceRun, hash_effects, read_trace

CHECKED = {
    "replay": "every recorded input has the recorded effects",
    "M1": "no two processes install different views of one lineage and number",
    "M2": "every view follows from the one before it in its lineage",
    "M3": "the view numbers that a process installs strictly increase within a lineage",
    "M4": "a process installs only views that contain it",
    "M6": "a removed incarnation is in no later view",
    "C1": "all processes name the same coordinator for a view",
    "C4": "the topologies that a process accepts strictly increase",
    "X1": "no two processes have an entity in service in the same epoch",
    "X3": "all decisions about a transaction are the same",
}
"""What is checked, by id of the property catalogue."""


class Event(NamedTuple):
    """One thing that a process told or sent."""

    node: str
    content: dict[str, Any]


class Finding(NamedTuple):
    """A property that did not hold."""

    property: str
    text: str


class TraceAudit(NamedTuple):
    """What an audit of traces found.

    Attributes:
        inputs: how many inputs were stepped.
        runs: how many runs of processes the traces hold.
        views: how many views were installed.
        findings: what did not hold.
        nodes: every process that a trace names.
        entities: those that came into service and were never told to be removed: they must be somewhere.
    """

    inputs: int
    runs: int
    views: int
    findings: tuple[Finding, ...]
    nodes: frozenset[str]
    entities: frozenset[str]


def audit_traces(paths: Iterable[Path], *, replay: bool = True) -> TraceAudit:
    """Check the traces of one cluster together.

    Args:
        paths: the trace files of all its processes.
        replay: also step the machines through every input.

    Raises:
        TraceError: a file is not a trace, or of machines with other settings or types.
    """
    runs = [run for path in paths for run in _read(path)]
    findings = [finding for run in runs for finding in _replay(run)] if replay else []
    told = [Event(run.node, effect["event"]) for run in runs for effect in _effects(run, "Notify")]
    sent = [Event(run.node, effect["message"]) for run in runs for effect in _effects(run, "Send")]
    views = _views(told)
    for check in (_check_agreement, _check_chain, _check_no_return):
        findings += check(views)
    for examine in (_check_monotonic, _check_self, _check_coordinators, _check_topologies, _check_epochs):
        findings += examine(told)
    findings += _check_decisions(sent)
    inputs = sum(len(run.lines) for run in runs)
    named = {m["node"] for variants in views.values() for view in variants.values() for m in view["members"]}
    nodes = frozenset(named | {run.node for run in runs})
    return TraceAudit(inputs, len(runs), len(views), tuple(findings), nodes, _entities(runs, told))


def _entities(runs: list[TraceRun], told: list[Event]) -> frozenset[str]:
    arrived = {event.content["entity"] for event in told if event.content["type"] == "EntityArrived"}
    given = (line.given for run in runs for line in run.lines)
    return frozenset(arrived - {command.entity for command in given if isinstance(command, RemoveEntity)})


def _read(path: Path) -> tuple[TraceRun, ...]:
    try:
        return read_trace(path, VALUES)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from error


def _replay(run: TraceRun) -> Iterator[Finding]:
    try:
        settings = Decoder(NodeSettings).decode(base64.b64decode(run.settings["bytes"]))
    except (EncodingError, KeyError, ValueError) as error:
        raise TraceError(f"trace of {run.node}: settings cannot be read: {error}") from error
    data = initial_data(settings)
    for line in run.lines:
        step = MACHINE.step(data, line.given)
        if hash_effects(step.effects) != line.effects_hash:
            yield Finding("replay", f"{run.node}: step {line.step} ({type(line.given).__name__}) has other effects now")
            return
        data = step.data


def _effects(run: TraceRun, kind: str) -> Iterator[dict[str, Any]]:
    return (effect for line in run.lines for effect in line.effects if effect["type"] == kind)


# -- views ---------------------------------------------------------------------------------------------------------

Views = dict[tuple[str, int], dict[str, dict[str, Any]]]
"""(lineage, number) to the different views installed under it, by the members and parent they have."""


def _views(told: list[Event]) -> Views:
    views: Views = defaultdict(dict)
    for event in told:
        if event.content["type"] == "ViewChanged":
            view = event.content["view"]
            members = " ".join(f"{m['node']}.{m['incarnation']}" for m in view["members"])
            views[view["lineage"], view["number"]][f"{members} after {view['parent'][:8]}"] = view
    return dict(sorted(views.items()))


def _members(view: dict[str, Any]) -> frozenset[tuple[str, int]]:
    return frozenset((member["node"], member["incarnation"]) for member in view["members"])


def _check_agreement(views: Views) -> Iterator[Finding]:
    for (_, number), variants in views.items():
        if len(variants) > 1:
            yield Finding("M1", f"view {number} was installed as: {'; '.join(variants)}")


def _lineages(views: Views) -> dict[str, list[dict[str, Any]]]:
    chains: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (lineage, _), variants in views.items():
        chains[lineage].append(next(iter(variants.values())))
    return chains


def _check_chain(views: Views) -> Iterator[Finding]:
    """A view names the one before it as its parent; gaps are possible where no trace saw a view."""
    for chain in _lineages(views).values():
        for before, after in pairwise(chain):
            if after["number"] == before["number"] + 1 and after["parent"] != _id_of(before):
                yield Finding("M2", f"view {after['number']} does not follow from view {before['number']}")


def _id_of(view: dict[str, Any]) -> str:
    members = tuple(Member(m["node"], m["incarnation"], m["endpoint"]) for m in view["members"])
    return View(view["lineage"], view["number"], view["parent"], members).id


def _check_no_return(views: Views) -> Iterator[Finding]:
    for chain in _lineages(views).values():
        gone: dict[tuple[str, int], int] = {}
        for before, after in pairwise(chain):
            gone |= dict.fromkeys(_members(before) - _members(after), after["number"])
            for node, incarnation in sorted(_members(after) & gone.keys()):
                yield Finding(
                    "M6", f"{node}.{incarnation} left by view {gone[node, incarnation]}, back in {after['number']}"
                )


def _check_monotonic(told: list[Event]) -> Iterator[Finding]:
    newest: dict[tuple[str, str], tuple[int, Any]] = {}
    for event in told:
        if event.content["type"] == "ViewChanged":
            view = event.content["view"]
            key = (event.node, view["lineage"])
            number, before = newest.get(key, (0, None))
            # After a restart a process tells the view again in which it came back.
            if view["number"] < number or (view["number"] == number and view != before):
                yield Finding("M3", f"{event.node} installed view {view['number']} after {number}")
            newest[key] = (view["number"], view)


def _check_self(told: list[Event]) -> Iterator[Finding]:
    for event in told:
        if event.content["type"] == "ViewChanged":
            view = event.content["view"]
            if event.node not in {member["node"] for member in view["members"]}:
                yield Finding("M4", f"{event.node} installed view {view['number']}, of which it is no member")


# -- coordination and migration ------------------------------------------------------------------------------------


def _check_coordinators(told: list[Event]) -> Iterator[Finding]:
    named: dict[str, tuple[str, str]] = {}
    for event in told:
        if event.content["type"] == "CoordinatorNamed":
            name, by = named.setdefault(event.content["view_id"], (event.content["coordinator"], event.node))
            if name != event.content["coordinator"]:
                number = event.content["view_number"]
                yield Finding("C1", f"view {number}: {by} named {name}, {event.node} {event.content['coordinator']}")


def _check_topologies(told: list[Event]) -> Iterator[Finding]:
    newest: dict[str, tuple[int, int]] = {}
    for event in told:
        if event.content["type"] == "TopologyAccepted":
            stamp = (event.content["view_number"], event.content["version"])
            if stamp <= newest.get(event.node, (0, 0)):
                yield Finding("C4", f"{event.node} accepted topology {stamp} after {newest[event.node]}")
            newest[event.node] = stamp


def _check_epochs(told: list[Event]) -> Iterator[Finding]:
    arrived: dict[tuple[str, int], str] = {}
    for event in told:
        if event.content["type"] == "EntityArrived":
            key = (event.content["entity"], event.content["epoch"])
            first = arrived.setdefault(key, event.node)
            if first != event.node:
                yield Finding("X1", f"{key[0]} entered service in epoch {key[1]} at {first} and at {event.node}")


def _check_decisions(sent: list[Event]) -> Iterator[Finding]:
    decided: dict[tuple[str, str], tuple[bool, str]] = {}
    for event in sent:
        if event.content["type"] == "MigrationDecision":
            transaction = event.content["transaction"]
            name = f"{transaction['source']}.{transaction['incarnation']}.{transaction['counter']}"
            commit, by = decided.setdefault((event.content["entity"], name), (event.content["commit"], event.node))
            if commit != event.content["commit"]:
                yield Finding("X3", f"{event.content['entity']}, transaction {name}: {by} and {event.node} differ")
