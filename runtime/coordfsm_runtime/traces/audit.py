"""The audit of traces: what really happened in a cluster, checked against the properties, and stepped again.

Each trace is stepped through the machines: every input must have the effects that were recorded. Then the traces
of all processes are read together: views, coordinators, topologies, decisions and ownership must agree with the
properties of the catalogue, as far as traces can decide them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from coordfsm.protocols.migration.messages import RemoveEntity
from coordfsm_runtime.traces import coordination as audit_coordination
from coordfsm_runtime.traces import membership as audit_membership
from coordfsm_runtime.traces import migration as audit_migration
from coordfsm_runtime.traces.evidence import Evidence, Finding
from coordfsm_runtime.traces.membership import installed_views
from coordfsm_runtime.traces.restep import count_runs, read_node_trace, restep_trace, torn_places
from coordfsm_runtime.traces.trace import TraceRun

CHECKED = {
    "replay": "every recorded input has the recorded effects",
    **audit_membership.CHECKED,
    **audit_coordination.CHECKED,
    **audit_migration.CHECKED,
}
"""What is checked, by id of the property catalogue."""

CHECKS = (*audit_membership.CHECKS, *audit_coordination.CHECKS, *audit_migration.CHECKS)


class TraceAudit(NamedTuple):
    """What an audit of traces found.

    Attributes:
        inputs: how many inputs were stepped.
        runs: how many runs of processes the traces hold.
        views: how many views were installed.
        findings: what did not hold.
        nodes: every process that a trace names.
        entities: those that came into service and were never told to be removed: they must be somewhere. Empty when
            the beginning of a trace is gone.
        torn: places (``file:line``) where a kill tore the last line of a run.
        cut: traces whose beginning is gone, since they grew beyond their bound.
    """

    inputs: int
    runs: int
    views: int
    findings: tuple[Finding, ...]
    nodes: frozenset[str]
    entities: frozenset[str]
    torn: tuple[str, ...]
    cut: tuple[Path, ...]


def audit_traces(paths: Iterable[Path], *, replay: bool = True) -> TraceAudit:
    """Check the traces of one cluster together.

    Args:
        paths: the trace files of all its processes; of a trace in two files, the newer one.
        replay: also step the machines through every input.

    Raises:
        TraceError: a file is not a trace, or of machines with other settings or types.
    """
    traces = {path: read_node_trace(path) for path in paths}
    runs = [run for trace in traces.values() for run in trace]
    differences = [found for trace in traces.values() for found in restep_trace(trace).differences] if replay else []
    findings = [Finding("replay", str(difference)) for difference in differences]
    evidence = Evidence(runs)
    findings += [finding for check in CHECKS for finding in check(evidence)]
    views = installed_views(evidence)
    named = {m["node"] for variants in views.values() for view in variants.values() for m in view["members"]}
    cut = tuple(path for path, trace in traces.items() if trace[0].after)
    return TraceAudit(
        inputs=sum(len(run.lines) for run in runs),
        runs=sum(count_runs(trace) for trace in traces.values()),
        views=len(views),
        findings=tuple(findings),
        nodes=frozenset(named | {run.node for run in runs}),
        # An arrival may be in a trace that is whole, and the removal in the part of another that is gone.
        entities=frozenset() if cut else _entities(runs, evidence),
        torn=torn_places(runs),
        cut=cut,
    )


def _entities(runs: list[TraceRun], evidence: Evidence) -> frozenset[str]:
    arrived = {event.content["entity"] for event in evidence.told_of("EntityArrived")}
    given = (line.given for run in runs for line in run.lines)
    return frozenset(arrived - {command.entity for command in given if isinstance(command, RemoveEntity)})
