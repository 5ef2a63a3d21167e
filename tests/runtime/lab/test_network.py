"""Real processes in network namespaces that the test makes: cables are moved, routes vanish, packets are lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordfsm_runtime.lab.load import MigrationLoad
from coordfsm_runtime.lab.processes import LocalCluster
from tests.runtime.lab.namespaces import Network, why_no_netem, why_not
from tests.runtime.stories import PACE, audited, settle, spread, stable

REASON = why_not()
pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(REASON), reason=REASON)]

NAMES = ["n1", "n2", "n3", "n4", "n5"]


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Network, LocalCluster]]:
    """Five nodes, each at a cable of its own."""
    with (
        Network(NAMES) as network,
        LocalCluster(tmp_path, NAMES, PACE, listens=network.listens) as cluster,
    ):
        for node in cluster.nodes.values():
            node.wrapper = network.wrapper(node.name)
        cluster.start()
        stable(cluster, NAMES)
        yield network, cluster


def test_partitions_of_both_kinds_heal(wired):
    network, cluster = wired
    _, payloads = spread(cluster, 10)
    founded = cluster.status("n1")["view"]["lineage"]

    # Two of five are cut off: they decide nothing, and say whom they miss; the three go on.
    network.part(["n1", "n2"])
    cluster.wait_until(lambda: cluster.status("n1")["state"] == "wedged", "n1 wedged", 30)
    assert {"n3", "n4", "n5"} <= set(cluster.status("n1")["wedged"]["missing"])
    assert cluster.nodes["n1"].ask("migrate", entity="entity-0", destination="n2")["outcome"] == "WEDGED"
    stable(cluster, ["n3", "n4", "n5"])
    assert cluster.nodes["n3"].ask("migrate", entity="entity-2", destination="n4")["outcome"] == "COMMITTED"
    network.heal()
    stable(cluster, NAMES)
    assert {cluster.status(name)["view"]["lineage"] for name in NAMES} == {founded}

    # One hears everybody and is heard by nobody: it is out, and comes back as another incarnation.
    before = cluster.status("n5")["incarnation"]
    network.mute("n5", [name for name in NAMES if name != "n5"])
    stable(cluster, NAMES[:4])
    network.heal()
    stable(cluster, NAMES)
    assert cluster.status("n5")["incarnation"] > before
    audited(cluster, payloads)


@pytest.mark.skipif(not REASON and bool(why_no_netem()), reason="this kernel has no netem; see test_adversity.py")
def test_loss_delay_and_reordering_on_every_cable(wired):
    network, cluster = wired
    owners, payloads = spread(cluster, 20)
    load = MigrationLoad(cluster, owners)
    network.spoil("loss", "30%", "delay", "20ms", "10ms", "reorder", "25%")
    load.start()
    try:
        cluster.wait_until(lambda: load.count("COMMITTED") >= 30, "thirty migrations", 80)
    finally:
        load.stop()
    network.heal()
    settle(cluster)
    stable(cluster, NAMES)
    audited(cluster, payloads)
