"""Real processes on loopback in hard times: a bad network, full disks, restarts in turn, clocks that jump."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordfsm_runtime.lab.load import MigrationLoad
from coordfsm_runtime.lab.processes import LocalCluster, free_endpoints
from coordfsm_runtime.lab.relay import Faults, Relay
from coordfsm_runtime.service import EXIT_STORE
from coordfsm_runtime.wire.keyring import new_key
from tests.runtime.stories import PACE, audited, settle, spread, stable

pytestmark = pytest.mark.network

NAMES = ["n1", "n2", "n3"]


def test_a_third_of_the_packets_lost_others_late_out_of_order_and_twice_and_a_kill(tmp_path):
    ends = free_endpoints(6)
    listens, advertised = dict(zip(NAMES, ends, strict=False)), dict(zip(NAMES, ends[3:], strict=True))
    with (
        Relay.in_thread(listens, advertised, seed=7) as relay,
        LocalCluster(tmp_path, NAMES, PACE, advertised, listens) as cluster,
    ):
        cluster.start()
        stable(cluster, NAMES)
        owners, payloads = spread(cluster, 20)
        relay.faults = Faults(loss=0.3, duplication=0.1, delay_ms=20)
        load = MigrationLoad(cluster, owners)
        load.start()
        try:
            cluster.wait_until(lambda: load.count("COMMITTED") >= 20, "twenty migrations", 80)
            cluster.nodes["n2"].kill()
            time.sleep(1)
            cluster.nodes["n2"].start()
            before = load.count("COMMITTED")
            cluster.wait_until(lambda: load.count("COMMITTED") >= before + 20, "twenty more", 80)
        finally:
            load.stop()
        assert relay.lost > 50
        relay.heal()
        stable(cluster, NAMES)
        audited(cluster, payloads)


def test_all_that_a_process_was_ever_sent_is_sent_again_after_its_restart(tmp_path):
    """Who restarts has forgotten which datagrams it has seen: stale ones are taken once more, and do no harm."""
    ends = free_endpoints(6)
    listens, advertised = dict(zip(NAMES, ends, strict=False)), dict(zip(NAMES, ends[3:], strict=True))
    with (
        Relay.in_thread(listens, advertised, seed=7) as relay,
        LocalCluster(tmp_path, NAMES, PACE, advertised, listens) as cluster,
    ):
        relay.kept = {}
        cluster.start()
        stable(cluster, NAMES)
        owners, payloads = spread(cluster, 20)
        load = MigrationLoad(cluster, owners)
        load.start()
        cluster.wait_until(lambda: load.count("COMMITTED") >= 100, "a hundred migrations", 60)
        load.stop()
        settle(cluster)
        cluster.nodes["n2"].kill()
        cluster.wait_for_view(["n1", "n3"], 40)
        kept, relay.kept = relay.kept, None
        cluster.nodes["n2"].start()
        stable(cluster, NAMES)
        relay.kept = kept
        before = [cluster.status(name)["view"]["id"] for name in NAMES]
        assert relay.repeat("n2") > 100
        time.sleep(1)
        assert [cluster.status(name)["view"]["id"] for name in NAMES] == before
        # They are authentic, and not known to be old: they were taken, but for what was sent since.
        dropped = cluster.status("n2")["dropped"]
        assert dropped.pop("replayed", 0) < 10
        assert dropped == {}
        audited(cluster, payloads)


def test_restarts_in_turn_and_new_keys_while_entities_move(tmp_path):
    """Five processes, none of which is down for long: what an upgrade does to a cluster in service."""
    names = [*NAMES, "n4", "n5"]
    old, new = new_key(), new_key()
    with LocalCluster(tmp_path, names, PACE | {"COORDFSM_SECURITY_KEYS": old}) as cluster:
        cluster.start()
        stable(cluster, names)
        owners, payloads = spread(cluster, 20)
        load = MigrationLoad(cluster, owners)
        load.start()
        try:
            for keys in ([old, new], [new, old], [new]):
                for node in cluster.nodes.values():
                    node.ask("keys", replace=keys)
                    node.settings["COORDFSM_SECURITY_KEYS"] = ",".join(keys)
                time.sleep(0.2)
            refused = [cluster.status(name)["dropped"] for name in names]
            assert [dropped.get("unknown_key", 0) + dropped.get("forged", 0) for dropped in refused] == [0] * 5
            before = load.count("COMMITTED")
            for name in names:
                # A graceful leave gives no entity away: they come back with their process.
                assert cluster.nodes[name].terminate(20) == 0
                cluster.wait_for_view([other for other in names if other != name], 40)
                cluster.nodes[name].start()
                cluster.wait_for_view(names, 40)
            assert load.count("COMMITTED") > before
        finally:
            load.stop()
        settle(cluster)
        audited(cluster, payloads)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no `prlimit` (util-linux) here")
def test_a_full_disk_stops_the_node_before_it_forgets_anything(tmp_path):
    """No file of n2 may grow beyond a bound: what the system does when a disk or a quota is full."""
    with LocalCluster(tmp_path, NAMES, PACE) as cluster:
        cluster.nodes["n2"].wrapper = ("prlimit", "--fsize=600000")
        cluster.start()
        stable(cluster, NAMES)
        _, payloads = spread(cluster, 6)
        stored = 0
        while cluster.nodes["n2"].running and stored < 200:
            try:
                cluster.nodes["n2"].ask("create", entity=f"big-{stored}", payload="x" * 20_000)
            except Exception:  # noqa: BLE001  (the node went away in the middle: this one was not promised)
                break
            payloads[f"big-{stored}"] = b"x" * 20_000
            stored += 1
        assert stored > 3
        assert cluster.nodes["n2"].wait(20) == EXIT_STORE
        assert "store failed" in cluster.nodes["n2"].last_words(20)
        cluster.wait_for_view(["n1", "n3"], 40)

        # With room again, all that was promised is there.
        cluster.nodes["n2"].wrapper = ()
        cluster.nodes["n2"].start()
        stable(cluster, NAMES)
        kept = {item["entity"] for item in cluster.nodes["n2"].ask("entities", state="owned")}
        assert {f"big-{place}" for place in range(stored)} <= kept
        for entity in kept - payloads.keys():  # written, but the answer was lost with the node
            payloads[entity] = b"x" * 20_000
        audited(cluster, payloads)


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path):
    """The coordinator's calendar goes an hour forth and two back, several times a second."""
    program = Path(__file__).with_name("node_with_a_jumping_clock.py")
    with LocalCluster(tmp_path, NAMES, PACE) as cluster:
        for node in cluster.nodes.values():
            node.program = (str(program),)
        cluster.start()
        stable(cluster, NAMES)
        owners, payloads = spread(cluster, 6)
        before = cluster.status("n1")["view"]["id"]
        load = MigrationLoad(cluster, owners)
        load.start()
        time.sleep(3)
        load.stop()
        assert load.count("COMMITTED") > 0
        assert {cluster.status(name)["view"]["id"] for name in NAMES} == {before}
        times = {line[9:22] for line in cluster.nodes["n1"].log.read_text().splitlines()}
        assert len(times) > 1, "the clock did not jump"
        audited(cluster, payloads)


def _time_namespaces() -> bool:
    command = ["unshare", "--time", "--monotonic", "1000000", "--fork", sys.executable, "-c", ""]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not _time_namespaces(), reason="no time namespaces here, or not permitted")
def test_a_process_that_comes_back_with_another_monotonic_clock(tmp_path):
    """As after a reboot: the clock of timers starts elsewhere, far ahead or back; nothing on disk depends on it."""
    with LocalCluster(tmp_path, NAMES, PACE) as cluster:
        cluster.start()
        stable(cluster, NAMES)
        _, payloads = spread(cluster, 6)
        ahead = ("unshare", "--time", "--monotonic", "1000000", "--fork", "--kill-child")
        for wrapper in (ahead, ()):
            cluster.nodes["n1"].kill()
            cluster.wait_for_view(["n2", "n3"], 40)
            cluster.nodes["n1"].wrapper = wrapper
            cluster.nodes["n1"].start()
            stable(cluster, NAMES)
            outcome = ""
            while outcome != "COMMITTED":
                outcome = cluster.nodes["n1"].ask("migrate", entity="entity-0", destination="n2")["outcome"]
            cluster.wait_until(
                lambda: cluster.nodes["n2"].ask("entities", state="owned", entity="entity-0"), "there", 20
            )
            while outcome != "back":
                if cluster.nodes["n2"].ask("migrate", entity="entity-0", destination="n1")["outcome"] == "COMMITTED":
                    outcome = "back"
            settle(cluster)
        audited(cluster, payloads)
