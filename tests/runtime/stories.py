"""What the stories with real processes share: a pace, waiting, and the audit in which each of them ends."""

from collections.abc import Iterable, Mapping

from coordfsm_runtime.lab.processes import LocalCluster
from coordfsm_runtime.traces.audit import audit_traces
from coordfsm_runtime.traces.ownership import audit_stores

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "150",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "300",
    "COORDFSM_MEMBERSHIP_REBUTTAL_MS": "400",
    "COORDFSM_MEMBERSHIP_CONTACT_MS": "600",
}
OPEN = ("frozen", "departing", "prepared")


def spread(cluster: LocalCluster, count: int) -> tuple[dict[str, str], dict[str, bytes]]:
    """Create entities in turn at every node: where each is, and what it holds."""
    names = list(cluster.nodes)
    owners = {f"entity-{place}": names[place % len(names)] for place in range(count)}
    for entity, node in owners.items():
        cluster.nodes[node].ask("create", entity=entity, payload=f"state of {entity}")
    return owners, {entity: f"state of {entity}".encode() for entity in owners}


def stable(cluster: LocalCluster, names: Iterable[str], seconds: float = 60) -> None:
    """These nodes act in one stable view of exactly them."""
    names = list(names)
    cluster.wait_for_view(names, seconds)
    cluster.wait_until(
        lambda: all((cluster.status(name) or {}).get("stable") for name in names), "a stable view", seconds
    )


def settle(cluster: LocalCluster, seconds: float = 60) -> None:
    """Every migration has ended."""

    def settled() -> bool:
        asked = [node.ask("entities", state=state) for node in cluster.running for state in OPEN]
        return not any(asked)

    cluster.wait_until(settled, "every migration ended", seconds)


def audited(cluster: LocalCluster, payloads: Mapping[str, bytes]) -> None:
    """The end of every story: all are killed; nothing is lost, nothing twice, and no trace tells of a violation."""
    settle(cluster)
    cluster.close()
    nodes = cluster.nodes.values()
    found = audit_stores({node.name: node.store for node in nodes}, payloads)
    assert (found.lost, found.duplicated, found.in_doubt) == ((), (), ())
    assert found.payloads == payloads
    assert audit_traces([node.trace for node in nodes]).findings == ()
