"""Who may found a cluster: real processes, one of which lost its disk or is started by a wrong command."""

import shutil

import pytest

from coordfsm_runtime.lab.processes import LocalCluster, NodeProcess, free_endpoints
from coordfsm_runtime.service import EXIT_USAGE

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "150",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "250",
    "COORDFSM_MEMBERSHIP_REBUTTAL_MS": "300",
}


@pytest.mark.parametrize("word", ["true", "false"])
def test_a_founder_without_its_disk_founds_no_second_cluster(tmp_path, word):
    with LocalCluster(tmp_path, ["n1", "n2", "n3"], PACE) as cluster:
        cluster.start()
        cluster.wait_for_view(["n1", "n2", "n3"], 40)
        founder = cluster.nodes["n1"]
        founder.kill()
        shutil.rmtree(founder.directory)
        founder.start(COORDFSM_NODE_NEW_CLUSTER=word)
        assert founder.wait(20) == EXIT_USAGE
        assert "a cluster with the label 'coordfsm' answers at" in founder.last_words()
        founder.start(COORDFSM_NODE_BOOTSTRAP="false")  # what it was told to do instead
        cluster.wait_for_view(["n1", "n2", "n3"], 40)


def test_with_silent_seeds_founding_takes_a_second_word(tmp_path):
    here, silent = free_endpoints(2)
    settings = {"COORDFSM_NODE_BOOTSTRAP": "true", "COORDFSM_NODE_SEEDS": silent}
    node = NodeProcess("n1", tmp_path / "n1", here, settings)
    node.start()
    assert node.wait(20) == EXIT_USAGE
    told = node.last_words()
    assert "(--bootstrap --new-cluster): whether a cluster 'coordfsm' is alive cannot be told" in told
    assert f"there is no answer from {silent}" in told
    cluster = LocalCluster(tmp_path, ["n1"], listens={"n1": here})
    cluster.nodes["n1"].settings["COORDFSM_NODE_SEEDS"] = silent
    with cluster:
        cluster.start()
        cluster.wait_for_view(["n1"], 20)
