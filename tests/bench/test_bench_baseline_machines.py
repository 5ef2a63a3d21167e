"""The replaced design works while nothing goes wrong, and the checker finds what is wrong with it."""

import pytest

from bench.baseline import virtual
from bench.baseline.designs import DESIGNS
from bench.baseline.model import build
from coordfsm.check.exploration.reference import explore
from coordfsm.protocols.membership.events import MemberWedged
from coordfsm.protocols.node import MESSAGES
from coordfsm.simulate.faults import Crash, Heal, Partition, Restart
from coordfsm.simulate.network import CALM, Weather

BASELINE, OURS, ALONE = "heartbeats + bully", "coordfsm", "coordination alone"


def leaders(cluster):
    return {p.endpoint: p.data.bully.leader for p in cluster.up()}


def leading(cluster):
    return [p.endpoint for p in cluster.up() if p.data.bully.state == "leading"]


def violated(**parameters):
    report = explore(build(**parameters))
    return report.counterexample


@pytest.mark.parametrize("size", [2, 3, 8])
def test_the_highest_process_is_elected_and_all_hold_what_everyone_hosts(size):
    cluster = virtual.start(DESIGNS[BASELINE](), size, seed=3)
    highest = max(cluster.processes)
    assert set(leaders(cluster).values()) == {highest}
    assert leading(cluster) == [highest]
    hosts = [dict(DESIGNS[BASELINE]().hosts(p.data)) for p in cluster.up()]
    assert all(found == hosts[0] and len(found) == size * virtual.BUBBLES for found in hosts)


def test_the_next_highest_takes_over_after_a_crash_and_gives_way_when_the_highest_is_back():
    cluster = virtual.start(DESIGNS[BASELINE](), 4, seed=1)
    cluster.inflict(Crash("n003"))
    cluster.run(5_000)
    assert set(leaders(cluster).values()) == {"n002"}
    cluster.inflict(Restart("n003"))
    cluster.run(5_000)
    assert set(leaders(cluster).values()) == {"n003"}
    assert leading(cluster) == ["n003"]


def test_a_partition_gives_the_replaced_design_two_leaders_until_it_heals():
    cluster = virtual.start(DESIGNS[BASELINE](), 5, seed=1)
    cluster.inflict(Partition((("n000", "n001", "n002"), ("n003", "n004"))))
    cluster.run(5_000)
    assert leading(cluster) == ["n002", "n004"]
    cluster.inflict(Heal())
    cluster.run(5_000)
    assert leading(cluster) == ["n004"]


def test_the_same_partition_leaves_ours_with_one_coordinator_and_a_minority_that_knows_it():
    cluster = virtual.start(DESIGNS[OURS](), 5, seed=1)
    minority = ("n003", "n004")
    cluster.inflict(Partition((("n000", "n001", "n002"), minority)))
    cluster.run(10_000)
    acting = [
        p.endpoint
        for p in cluster.up()
        if p.data.coordination.coordinator.state in ("collecting", "quiet", "cooldown", "dirty")
    ]
    assert len(acting) == 1
    assert acting[0] not in minority
    assert {told.endpoint for told in cluster.heard(MemberWedged)} == set(minority)


def test_as_long_as_only_the_dead_are_silent_the_election_is_right():
    for parameters in (
        {"suspicions": 0, "impatience": 0, "settled": False},
        {"suspicions": 0, "impatience": 0, "changes": 1, "ticks": 2},
    ):
        report = explore(build(**parameters))
        assert report.verdict == "holds", report.counterexample


def test_the_checker_finds_two_leaders_after_one_late_heartbeat_and_one_late_answer():
    story = violated(only="B1")
    assert story is not None
    assert story.property == "B1"
    assert len(story.steps) == 2


def test_the_checker_finds_a_topology_taken_from_a_process_that_is_not_the_leader():
    story = violated(only="B2", ticks=1)
    assert story is not None
    assert story.property == "B2"


def test_the_checker_finds_the_change_that_one_lost_message_hides_for_ever():
    quiet = {"suspicions": 0, "impatience": 0, "processes": 2, "changes": 1, "ticks": 2}
    assert violated(only="B3", **quiet) is None
    story = violated(only="B3", loss=1, **quiet)
    assert story is not None
    assert story.property == "B3"


# -- the comparison ------------------------------------------------------------------------------------------------


def test_at_rest_coordination_sends_nothing_and_the_replaced_design_talks_to_everyone():
    rests = {name: virtual.rest(make(), 8, 4_000)[0] for name, make in DESIGNS.items()}
    assert rests[ALONE].messages == {}
    assert set(rests[OURS].messages) == {"liveness"}
    assert rests[OURS].cpu_ms["coordination"] == 0
    assert rests[BASELINE].messages == pytest.approx({"liveness": 14.0}, rel=0.01)


@pytest.mark.parametrize("name", [OURS, BASELINE])
def test_the_survivors_of_a_crash_agree_on_one_of_them(name):
    crash = virtual.crash(DESIGNS[name](), 5, 8_000, range(2))
    assert all(item.agreed_ms is not None for item in crash.agreements)
    # Once the first survivor knows, the others do within one message delay.
    assert all(item.spread_ms <= CALM.slowest_ms for item in crash.agreements)


def test_a_storm_of_changes_costs_one_broadcast_a_cooldown_and_loses_nothing():
    storm = virtual.storm(DESIGNS[OURS](), 8, CALM)
    assert storm.broadcasts <= 11
    assert storm.holders == 8


def test_a_lossy_storm_loses_nothing_of_ours():
    assert virtual.storm(DESIGNS[OURS](), 8, Weather(loss=0.1)).holders == 8


def test_the_designs_know_what_their_messages_are_for():
    ours = DESIGNS[OURS]()
    assert {ours.kind(kind.__name__) for kind in MESSAGES if kind in ours.messages} == {"liveness", "coordination"}
    assert {kind.__name__ for kind in ours.messages if ours.kind(kind.__name__) == "coordination"} == {
        kind.__name__ for kind in DESIGNS[ALONE]().messages
    }
