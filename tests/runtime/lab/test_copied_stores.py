"""Copies of a node's directory: real processes, of which at most one may act, and none on a store that is old."""

import re
import shutil
import time
from pathlib import Path

import pytest

from coordfsm_runtime.lab.processes import LocalCluster, NodeProcess, free_endpoints
from coordfsm_runtime.service import EXIT_STORE

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "150",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "250",
    "COORDFSM_MEMBERSHIP_REBUTTAL_MS": "300",
}
SEEN_S = 3.0
"""Many rounds of probes, on a busy machine, too: whoever commits has said so to all by then."""

NAMES = ["n1", "n2", "n3"]


@pytest.fixture
def cluster(tmp_path):
    with LocalCluster(tmp_path / "cluster", NAMES, PACE) as cluster:
        cluster.start()
        cluster.wait_for_view(NAMES, 40)
        yield cluster


def backup(node: NodeProcess, to: Path) -> Path:
    """Copy the store, as a backup of the directory does."""
    to.mkdir(parents=True)
    for file in node.directory.glob("node.db*"):
        shutil.copy(file, to)
    return to


def restore(node: NodeProcess, copy: Path) -> None:
    for file in node.directory.glob("node.db*"):
        file.unlink()
    for file in copy.glob("node.db*"):
        shutil.copy(file, node.directory)


def owned(cluster: LocalCluster, name: str) -> list[str]:
    """The entities in service at a node that runs."""
    if not cluster.nodes[name].running:
        return []
    return sorted(entity["entity"] for entity in cluster.nodes[name].ask("entities") if entity["state"] == "owned")


@pytest.mark.parametrize("name", ["n1", "n3"], ids=["the coordinator", "another member"])
def test_a_copy_of_a_running_node_does_not_start(cluster, tmp_path, name):
    original = cluster.nodes[name]
    original.ask("create", entity="ship")
    backup(original, tmp_path / "copy")
    original.ask("update", entity="ship", payload="newer")
    time.sleep(SEEN_S)
    (elsewhere,) = free_endpoints(1)
    copy = NodeProcess(name, tmp_path / "copy", elsewhere, original.settings)
    copy.start()
    assert copy.wait(20) == EXIT_STORE
    told = copy.last_words()
    told_seen = rf"the store of {name} is a stale copy: n\d saw incarnation \d+, boot 1, commit \d+ of it"
    assert re.search(told_seen, told), told
    assert re.search(r"ends with incarnation \d+, boot 1, commit \d+; start the node with the newest files", told), told
    cluster.wait_for_view(NAMES, 40)
    assert owned(cluster, name) == ["ship"]


def test_of_two_processes_with_one_store_at_most_one_goes_on(cluster, tmp_path):
    original = cluster.nodes["n3"]
    original.ask("create", entity="ship")
    backup(original, tmp_path / "copy")
    (elsewhere,) = free_endpoints(1)
    copy = NodeProcess("n3", tmp_path / "copy", elsewhere, original.settings)
    copy.start()
    try:
        cluster.wait_until(lambda: not (original.running and copy.running), "one of them has stopped", 30)
        stopped = copy if original.running else original
        assert stopped.wait(20) == EXIT_STORE
        assert "copy" in stopped.last_words()
    finally:
        copy.kill()


def test_a_restored_backup_does_not_serve_what_has_moved_on(cluster, tmp_path):
    node = cluster.nodes["n3"]
    node.ask("create", entity="ship")
    node.kill()
    copy = backup(node, tmp_path / "copy")
    node.start()
    cluster.wait_for_view(NAMES, 40)
    moved = cluster.wait_until(lambda: try_to_move(cluster), "the entity has moved", 40)
    assert moved
    node.kill()
    restore(node, copy)
    node.start()
    assert node.wait(20) == EXIT_STORE
    assert "the store of n3 is a stale copy" in node.last_words()
    assert owned(cluster, "n2") == ["ship"]


def try_to_move(cluster: LocalCluster) -> bool:
    cluster.nodes["n3"].ask("migrate", entity="ship", destination="n2")
    return owned(cluster, "n2") == ["ship"]


def test_a_cluster_comes_back_from_a_power_loss(cluster):
    for node in cluster.nodes.values():
        node.kill()
    for node in cluster.nodes.values():
        node.start()
    cluster.wait_for_view(NAMES, 40)


def test_who_restarts_while_another_is_dead_comes_back(cluster):
    cluster.nodes["n1"].kill()
    cluster.nodes["n2"].kill()
    cluster.nodes["n2"].start()
    cluster.wait_for_view(["n2", "n3"], 40)


def test_two_of_three_that_are_restored_stop(cluster, tmp_path):
    copies = {}
    for name in ("n1", "n2"):
        cluster.nodes[name].kill()
        copies[name] = backup(cluster.nodes[name], tmp_path / name)
        cluster.nodes[name].start()
        cluster.wait_for_view(NAMES, 40)
        time.sleep(SEEN_S)
    for name, copy in copies.items():
        cluster.nodes[name].kill()
        restore(cluster.nodes[name], copy)
    for name in copies:
        cluster.nodes[name].start()
    for name in copies:
        assert cluster.nodes[name].wait(20) == EXIT_STORE
        assert f"the store of {name} is a stale copy" in cluster.nodes[name].last_words()
