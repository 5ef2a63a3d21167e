"""Two real processes: one is killed at each write point of the log, and between write and send; nothing is lost.

After each kill the stores are audited twice: as the killed process left them, and when it has come back and the
migration has ended. `pytest -s` prints the table of kill points and outcomes.
"""

import contextlib
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from runtime.storage.node_that_dies import MOMENTS, NAMES

from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.lab.processes import LocalCluster, NodeProcess
from coordfsm_runtime.traces.ownership import audit_stores

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "100",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "5000",
    "COORDFSM_COORDINATION_STABILITY_MS": "50",
    "COORDFSM_COORDINATION_COOLDOWN_MS": "50",
    "COORDFSM_MIGRATION_TOTAL_MS": "1000",  # a busy machine must not abort what the test wants decided
}
PAYLOAD = "cargo " * 50
SOURCE, DESTINATION = "n1", "n2"

POINTS = [
    # Before the decision the source aborts and keeps the entity; from it on the destination has it.
    (SOURCE, "within PREPARE", SOURCE),
    (SOURCE, "unmarked PREPARE", SOURCE),
    (SOURCE, "written PREPARE", SOURCE),
    (SOURCE, "sent PREPARE", SOURCE),
    (SOURCE, "within COMMIT", SOURCE),
    (SOURCE, "unmarked COMMIT", DESTINATION),
    (SOURCE, "written COMMIT", DESTINATION),
    (SOURCE, "sent COMMIT", DESTINATION),
    (SOURCE, "within END", DESTINATION),
    (SOURCE, "unmarked END", DESTINATION),
    (SOURCE, "written END", DESTINATION),
    (SOURCE, "within ABORT", SOURCE),
    (SOURCE, "unmarked ABORT", SOURCE),
    (SOURCE, "written ABORT", SOURCE),
    (SOURCE, "sent ABORT", SOURCE),
    # A destination that dies before its vote leaves is not waited for; after it, the decision is the source's.
    (DESTINATION, "within PREPARED", SOURCE),
    (DESTINATION, "unmarked PREPARED", SOURCE),
    (DESTINATION, "written PREPARED", SOURCE),
    (DESTINATION, "sent PREPARED", DESTINATION),
    (DESTINATION, "within ACTIVATION", DESTINATION),
    (DESTINATION, "unmarked ACTIVATION", DESTINATION),
    (DESTINATION, "written ACTIVATION", DESTINATION),
    (DESTINATION, "sent ACTIVATION", DESTINATION),
    (DESTINATION, "within FORGET", SOURCE),
    (DESTINATION, "unmarked FORGET", SOURCE),
    (DESTINATION, "written FORGET", SOURCE),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with LocalCluster(tmp_path_factory.mktemp("pair"), [SOURCE, DESTINATION], PACE) as cluster:
        for node in cluster.nodes.values():
            node.program = (str(Path(__file__).with_name("node_that_dies.py")),)
        cluster.start()
        yield cluster


def settled(cluster: LocalCluster) -> None:
    """Both are up, in one view, and may migrate."""

    def stable() -> bool:
        return all((cluster.status(name) or {}).get("stable") for name in cluster.nodes)

    cluster.wait_for_view([SOURCE, DESTINATION], 30)
    cluster.wait_until(stable, "a stable view", 30)


def state_at(node: NodeProcess, entity: str) -> str:
    """The state of the entity at a node; empty while the node is down."""
    try:
        held = node.ask("entities", entity=entity)
    except AdminError:
        return ""
    return held[0]["state"] if held else "absent"


@contextlib.contextmanager
def paused(*nodes: NodeProcess) -> Iterator[None]:
    """These processes do nothing meanwhile."""
    for node in nodes:
        node.signal(signal.SIGSTOP)
    yield
    for node in nodes:
        node.signal(signal.SIGCONT)


def audited(cluster: LocalCluster, entity: str) -> str:
    """Who has the entity by the stores of both: one process, and the whole of it."""
    # A copy of what a paused process has on disk is what it would find after a crash at this moment.
    with tempfile.TemporaryDirectory() as directory:
        with paused(*cluster.nodes.values()):
            for name, node in cluster.nodes.items():
                shutil.copytree(node.directory, Path(directory) / name, ignore=shutil.ignore_patterns("*.sock"))
        found = audit_stores(
            {name: Path(directory) / name / node.store.name for name, node in cluster.nodes.items()}, [entity]
        )
    assert found.clean, (found.lost, found.duplicated)
    assert found.payloads[entity] == PAYLOAD.encode()
    return found.entities[entity][0]


def killed(cluster: LocalCluster, victim: NodeProcess, point: str, entity: str) -> None:
    """Ask for a migration, in which the victim dies at the point."""
    source, destination = cluster.nodes[SOURCE], cluster.nodes[DESTINATION]

    def ask() -> None:
        with contextlib.suppress(AdminError):  # it may be the source that dies
            while source.ask("migrate", entity=entity, destination=DESTINATION)["outcome"] == "VIEW_UNSTABLE":
                time.sleep(0.05)  # on a busy machine, for a moment

    asking = threading.Thread(target=ask)
    silent = (destination,) if point.endswith(("ABORT", "FORGET")) else ()
    (victim.directory / "die_at").write_text(point)
    with paused(*silent):  # no vote comes: the source aborts
        asking.start()
        if silent:
            asking.join(10)
    assert victim.wait(10) == -signal.SIGKILL
    (victim.directory / "die_at").unlink()
    if point in (
        "within PREPARED",
        "unmarked PREPARED",
        "written PREPARED",
    ):  # or a quick restart could still vote in time
        cluster.wait_until(lambda: state_at(source, entity) == "owned", "the source has aborted", 10)


@pytest.mark.parametrize(("side", "point", "owner"), POINTS, ids=[f"{side} {point}" for side, point, _ in POINTS])
def test_an_entity_is_in_one_place_whenever_a_process_is_killed(pair, side, point, owner):
    victim, entity = pair.nodes[side], f"ship-{side}-{point}".replace(" ", "-")
    settled(pair)
    pair.nodes[SOURCE].ask("create", entity=entity, payload=PAYLOAD)

    killed(pair, victim, point, entity)
    at_once = audited(pair, entity)
    victim.start()

    def at_rest() -> bool:
        return {state_at(node, entity) for node in pair.nodes.values()} in ({"owned", "departed"}, {"owned", "absent"})

    pair.wait_until(at_rest, f"{entity} at rest", 30)
    print(f"{side:3} {point:18} at once: {at_once}  in the end: {audited(pair, entity)}")  # noqa: T201  (the table)
    assert audited(pair, entity) == owner
    assert state_at(pair.nodes[owner], entity) == "owned"


def test_every_record_of_the_log_is_a_kill_point():
    """Before its commit, after it, and after the message that it allows, where there is one."""
    silent = {("sent", "END"), ("sent", "FORGET")}
    records = {*NAMES.values(), "ACTIVATION", "ABORT"}
    every = {(moment, record) for moment in MOMENTS for record in records} - silent
    assert {tuple(point.split()) for _, point, _ in POINTS} == every
