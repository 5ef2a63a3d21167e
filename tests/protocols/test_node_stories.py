"""What the composition owes: the siblings of membership act in its view, and in none when it acts in none."""

from coordfsm.protocols.coordinator.messages import RegisterBubbles
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.migration.messages import CreateEntity, Migrate, MigrationEnded
from coordfsm.simulate.faults import Partition
from coordfsm.simulate.nodes import agree, form, node_cluster, view_at


def formed(count, seed=1):
    cluster = node_cluster(count, seed=seed)
    form(cluster)
    cluster.run(5_000)
    return cluster


def test_a_leaver_stops_acting_when_the_view_without_it_is_decided_not_when_it_has_handed_over():
    """Found by exploring the composed node: steps 1 to 5 of its counterexample to N1."""
    cluster = formed(2)
    cluster.command("n2", CreateEntity("e1", b"e"))
    cluster.command("n2", Leave())
    cluster.run_until(lambda: cluster.data("n2").membership.view_change.state == "retiring", 10_000)
    data = cluster.data("n2")
    assert data.membership.lifecycle.state == "leaving"
    assert data.coordination.monitor.view is None
    assert (data.coordination.coordinator.state, data.coordination.registrar.state) == ("follower", "detached")
    assert data.migration.service.state == "outside"
    (ended,) = [e for e in cluster.command("n2", Migrate("e1", "n1")) if isinstance(e, MigrationEnded)]
    assert ended.outcome != "COMMITTED"


def test_a_process_cut_off_from_the_majority_neither_coordinates_nor_migrates_and_resumes_when_it_is_back():
    cluster = formed(3)
    leader = next(name for name in cluster.processes if cluster.data(name).coordination.coordinator.state == "quiet")
    others = tuple(name for name in cluster.processes if name != leader)
    cluster.inflict(Partition(((leader,), others)))
    cluster.run_until(lambda: cluster.data(leader).membership.lifecycle.state == "wedged", 60_000)
    data = cluster.data(leader)
    assert data.coordination.coordinator.state == "suspended"
    assert data.coordination.monitor.state == "wedged"
    assert data.migration.service.state != "settled"
    cluster.network.heal()
    cluster.run_until(lambda: agree(cluster, 3), 120_000)
    cluster.run(5_000)
    assert {cluster.data(name).coordination.monitor.state for name in cluster.processes} == {"stable"}
    assert {cluster.data(name).migration.service.state for name in cluster.processes} == {"settled"}


def test_a_power_cut_of_all_brings_back_the_view_the_bubbles_and_the_topology():
    cluster = formed(3)
    for name in cluster.processes:
        cluster.command(name, RegisterBubbles((f"bubble-{name}",)))
    cluster.run(5_000)
    view = view_at(cluster, "n1")
    hosts = dict(cluster.data("n1").coordination.registrar.topology.hosts)
    for process in cluster.processes.values():
        process.data, process.timers = None, {}
    cluster.start()
    cluster.run(100)
    for name in cluster.processes:
        assert view_at(cluster, name) == view
        assert dict(cluster.data(name).coordination.registrar.topology.hosts) == hosts
