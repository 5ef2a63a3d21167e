"""What a node says about itself, JSON-ready: for the operator's commands, the HTTP side and the page."""

from datetime import UTC, datetime
from typing import Any

from coordfsm.protocols.migration.messages import TransactionId
from coordfsm.protocols.view import Member, View, coordinator, ring_order
from coordfsm_runtime.node import ClusterNode


def view_of(view: View | None) -> dict[str, Any] | None:
    """A view, members by node id."""
    if view is None:
        return None
    return {
        "lineage": view.lineage,
        "number": view.number,
        "id": view.id,
        "members": [member_of(member) for member in view.members],
    }


def member_of(member: Member) -> dict[str, Any]:
    return {"node": member.node, "incarnation": member.incarnation, "endpoint": member.endpoint}


def members_of(node: ClusterNode) -> list[dict[str, Any]]:
    """The members of the node's view, in the order of succession, with what this node thinks of each."""
    view = node.view
    if view is None:
        return []
    states = {detector.node: detector.state for detector in node.data.membership.detectors.values()}
    leader = coordinator(view).node
    return [
        {
            **member_of(member),
            "coordinator": member.node == leader,
            "state": "self" if member.node == node.config.name else states.get(member.node, "trusted"),
        }
        for member in ring_order(view)
    ]


def topology_of(node: ClusterNode) -> dict[str, Any] | None:
    """The newest topology that the node accepted."""
    held = node.data.coordination.registrar.held
    if held is None:
        return None
    processes = node.registry.processes
    return {
        "view_number": held.view_number,
        "version": held.version,
        "processes": {process: list(processes[process].bubbles) for process in sorted(processes)},
    }


def wedged_of(node: ClusterNode) -> dict[str, Any] | None:
    """Who is missing, when the node is without a majority."""
    if node.wedged is None or node.state != "wedged":
        return None
    return {"missing": list(node.wedged.missing), "needed": node.wedged.needed}


def join_refused_of(node: ClusterNode) -> dict[str, Any] | None:
    """Why the node was refused, while it still asks to join."""
    refused = node.join_refused
    if refused is None or node.state not in ("seeking", "waiting"):
        return None
    return {"reason": refused.reason, "by": refused.sender}


def disk_of(node: ClusterNode) -> dict[str, Any]:
    """How long the last commit took and the one under way takes, and whether that is slow or even hopeless."""
    disk = node.disk
    return {
        "commit_ms": round(disk.last_s * 1000),
        "waiting_ms": round(disk.waiting_s * 1000),
        "slow": disk.is_slow,
        "hopeless": disk.is_hopeless,
    }


def history_of(node: ClusterNode) -> list[dict[str, Any]]:
    """The views that the node installed since it started, oldest first."""
    return [
        {
            "number": view.number,
            "members": [member.node for member in view.members],
            "coordinator": coordinator(view).node,
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        }
        for view, at in node.history
    ]


def entities_of(node: ClusterNode, state: str = "", entity: str = "") -> list[dict[str, Any]]:
    """The entities that the node knows of, by id; only those in one state, or only one, if asked."""
    known = node.data.migration.entities
    if entity:
        names = [entity] if entity in known else []
    else:
        names = sorted(name for name, held in known.items() if not state or held.state == state)
    return [
        {
            "entity": name,
            "state": held.state,
            "epoch": held.epoch,
            "bytes": len(held.payload),
            "peer": held.peer,
            "transaction": transaction_text(held.transaction),
        }
        for name, held in ((name, known[name]) for name in names)
        if not state or held.state == state
    ]


def transaction_text(transaction: TransactionId) -> str:
    """``source.incarnation.counter``, empty for none."""
    if not transaction.source:
        return ""
    return f"{transaction.source}.{transaction.incarnation}.{transaction.counter}"


def unconfirmed_of(node: ClusterNode) -> dict[str, Any] | None:
    """How many entities the application has to stop serving, and for how long it has been waited for at most."""
    waited = node.unconfirmed_stops_ms
    return {"count": len(waited), "longest_s": round(max(waited) / 1000, 1)} if waited else None


def status_of(node: ClusterNode) -> dict[str, Any]:
    """Everything at a glance."""
    members = members_of(node)
    view = view_of(node.view)
    if view is not None:
        view["members"] = sorted(members, key=lambda member: str(member["node"]))
    hosted = node.data.coordination.registrar.hosted
    return {
        "node": node.config.name,
        "label": node.config.label,
        "endpoint": node.endpoint,
        "sealed": bool(node.config.keys),
        "state": node.state,
        "incarnation": node.data.membership.lifecycle.incarnation,
        "stable": node.data.coordination.monitor.state == "stable",
        "coordinator": node.coordinator,
        "acts_as_coordinator": node.data.coordination.coordinator.state != "follower",
        "wedged": wedged_of(node),
        "join_refused": join_refused_of(node),
        "view": view,
        "succession": [member["node"] for member in members],
        "topology": topology_of(node),
        "entities": node.entity_counts,
        "unconfirmed_stops": unconfirmed_of(node),
        "migrations": node.counters.of("migrations"),
        "dropped": node.counters.of("datagrams_dropped"),
        "refused_by_others": node.counters.of("refusals_received"),
        "hosted": list(hosted.bubbles),
        "disk": disk_of(node),
        "uptime_s": round(node.uptime_s, 1),
    }
