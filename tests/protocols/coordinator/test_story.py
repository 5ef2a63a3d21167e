"""Coordination as stories: act, then look at the whole of what everyone holds."""

import pytest

from coordfsm.kernel import Persist, Send, Timer
from coordfsm.protocols.coordinator.messages import (
    BubblesRefused,
    BubblesRegistered,
    CoordinatorNamed,
    RegisterBubbles,
    Registration,
    Topology,
    TopologyAccepted,
    TopologyAck,
    TopologyBroadcast,
    UnregisterBubbles,
)
from coordfsm.protocols.coordinator.registry import (
    HOSTED_LIMIT,
    BubbleConflict,
    Hosting,
    InvalidBubble,
    TooManyBubbles,
)
from coordfsm.protocols.view import Shunned, Unwedged, Wedged
from tests.protocols.coordinator.processes import Processes, order, view_of

VIEW = view_of(1, "a", "b", "c")
LEADER, SECOND, THIRD = order(VIEW)
FOLLOWERS = (SECOND, THIRD)


def running():
    """Three processes in their first view, all registered, nothing in flight, the cooldown over."""
    processes = Processes("a", "b", "c")
    for node in "abc":
        processes.command(node, RegisterBubbles((f"bubble-{node}",)))
    processes.install(VIEW)
    processes.settle()
    processes.fire(LEADER, "cooldown")
    return processes


ALL = {"bubble-a": "a", "bubble-b": "b", "bubble-c": "c"}


def test_a_view_makes_one_coordinator_and_one_broadcast_tells_everyone_everything():
    processes = running()
    assert [processes.state(node) for node in (LEADER, *FOLLOWERS)] == ["quiet", "follower", "follower"]
    for node in "abc":
        assert processes.hosts(node) == ALL
        assert processes.held(node) == (1, 1)
        assert processes.registrar(node) == "registered"
        assert processes.heard(node, CoordinatorNamed) == [CoordinatorNamed(1, VIEW.id, LEADER)]
        assert processes.heard(node, BubblesRegistered) == [BubblesRegistered(1, 1)]
    assert processes.heard(LEADER, TopologyBroadcast) == [TopologyBroadcast(1, 1)]


def test_at_rest_nothing_is_sent_and_no_timer_but_stability_runs():
    processes = running()
    assert processes.network == []
    assert set().union(*processes.timers.values()) == {Timer("stability")}


def test_a_change_in_quiet_goes_out_at_once_and_only_the_change():
    processes = running()
    processes.command(SECOND, RegisterBubbles(("new",)))
    (registration,) = [message for _, _, message in processes.network]
    assert registration == Registration(VIEW.id, Hosting(SECOND, 1, 2, tuple(sorted(("new", f"bubble-{SECOND}")))))
    processes.send(SECOND, LEADER, registration)
    topologies = {to: message for _, to, message in processes.network if isinstance(message, Topology)}
    assert set(topologies) == set(FOLLOWERS)
    assert all(message.base == 1 and message.version == 2 for message in topologies.values())
    assert [entry.process for entry in topologies[THIRD].entries] == [SECOND]
    processes.settle()
    assert all(processes.hosts(node) == ALL | {"new": SECOND} for node in "abc")
    assert processes.state(LEADER) == "cooldown"


def test_changes_during_the_cooldown_go_out_together_when_it_ends():
    processes = running()
    for number in range(5):
        processes.command(SECOND, RegisterBubbles((f"new-{number}",)))
        processes.settle()
    assert processes.state(LEADER) == "dirty"
    assert processes.hosts(THIRD) == ALL | {"new-0": SECOND}
    processes.fire(LEADER, "cooldown")
    processes.settle()
    assert processes.hosts(THIRD) == ALL | {f"new-{number}": SECOND for number in range(5)}
    assert len(processes.heard(LEADER, TopologyBroadcast)) == 3
    processes.fire(LEADER, "cooldown")
    assert processes.state(LEADER) == "quiet"


def test_a_lost_topology_is_sent_again_until_acknowledged():
    processes = running()
    processes.command(LEADER, RegisterBubbles(("new",)))
    processes.lose()
    processes.fire(LEADER, "topology")
    processes.settle(but=[THIRD])
    assert processes.hosts(SECOND) == ALL | {"new": LEADER}
    processes.lose()
    processes.fire(LEADER, "topology")
    assert {to for _, to, _ in processes.network} == {THIRD}  # the second has acknowledged
    processes.settle()
    assert processes.hosts(THIRD) == ALL | {"new": LEADER}
    assert Timer("topology") not in processes.timers[LEADER]


def test_a_lost_acknowledgement_is_given_again():
    processes = running()
    processes.command(LEADER, RegisterBubbles(("new",)))
    processes.settle(but=[LEADER])
    processes.lose()
    processes.fire(LEADER, "topology")
    processes.settle()
    assert Timer("topology") not in processes.timers[LEADER]
    assert processes.heard(SECOND, TopologyAccepted) == [TopologyAccepted(1, 1), TopologyAccepted(1, 2)]


def test_a_lost_registration_is_repeated():
    processes = running()
    processes.command(THIRD, RegisterBubbles(("new",)))
    processes.lose()
    assert processes.registrar(THIRD) == "registering"
    processes.fire(THIRD, "registration")
    processes.settle()
    assert processes.registrar(THIRD) == "registered"
    assert processes.hosts(SECOND)["new"] == THIRD


def test_a_repeated_registration_is_answered_with_the_topology_that_got_lost():
    processes = running()
    processes.command(THIRD, RegisterBubbles(("new",)))
    processes.settle(but=FOLLOWERS)
    processes.lose()
    processes.fire(THIRD, "registration")
    processes.settle()
    assert processes.registrar(THIRD) == "registered"
    assert len(processes.heard(LEADER, TopologyBroadcast)) == 2


def test_a_bubble_has_one_host_and_the_loser_is_told_who_holds_it():
    processes = running()
    processes.command(THIRD, RegisterBubbles((f"bubble-{SECOND}", "own")))
    processes.settle()
    assert processes.heard(THIRD, BubblesRefused) == [
        BubblesRefused((f"bubble-{SECOND}",), BubbleConflict(((f"bubble-{SECOND}", SECOND),)))
    ]
    assert processes.registrar(THIRD) == "registered"
    assert processes.hosts(SECOND) == ALL | {"own": THIRD}


def test_the_coordinators_own_conflict_needs_no_network():
    processes = running()
    processes.command(LEADER, RegisterBubbles((f"bubble-{SECOND}",)))
    assert processes.heard(LEADER, BubblesRefused) == [
        BubblesRefused((f"bubble-{SECOND}",), BubbleConflict(((f"bubble-{SECOND}", SECOND),)))
    ]
    processes.settle()
    assert processes.registrar(LEADER) == "registered"
    assert processes.hosts(THIRD) == ALL


def test_a_bubble_moves_once_its_host_gave_it_up():
    processes = running()
    processes.command(SECOND, UnregisterBubbles((f"bubble-{SECOND}",)))
    processes.settle()
    processes.command(THIRD, RegisterBubbles((f"bubble-{SECOND}",)))
    processes.settle()
    processes.fire(LEADER, "cooldown")
    processes.settle()
    assert all(processes.hosts(node) == ALL | {f"bubble-{SECOND}": THIRD} for node in "abc")


def test_a_set_that_nobody_could_host_is_refused_and_changes_nothing():
    processes = running()
    before = dict(processes.data)
    many = tuple(f"b{number}" for number in range(HOSTED_LIMIT + 1))
    for bubbles, refusal in (
        (("",), InvalidBubble("")),
        (("two words",), InvalidBubble("two words")),
        (("x" * 65,), InvalidBubble("x" * 65)),
        (("line\n",), InvalidBubble("line\n")),
        (many, TooManyBubbles(HOSTED_LIMIT + 2)),
    ):
        processes.command(SECOND, RegisterBubbles(bubbles))
        assert processes.events[SECOND][-1] == BubblesRefused(tuple(sorted(bubbles)), refusal)
    assert processes.data == before
    assert processes.network == []


def test_asking_for_what_is_hosted_already_does_nothing():
    processes = running()
    step = processes.command(SECOND, RegisterBubbles((f"bubble-{SECOND}",)))
    assert step.fired == ()
    step = processes.command(SECOND, UnregisterBubbles(("never hosted",)))
    assert step.fired == ()


def test_the_successor_collects_all_registrations_before_it_publishes():
    processes = running()
    successor_view = next(view for number in range(2, 50) if LEADER not in order(view := view_of(number, *FOLLOWERS)))
    new_leader, follower = order(successor_view)
    processes.install(successor_view)
    assert processes.state(new_leader) == "collecting"
    assert processes.heard(new_leader, TopologyBroadcast) == []
    processes.settle()
    assert processes.state(new_leader) == "cooldown"
    remaining = {f"bubble-{node}": node for node in FOLLOWERS}
    assert processes.hosts(new_leader) == processes.hosts(follower) == remaining
    assert processes.held(follower) == (successor_view.number, 1)


def test_a_silent_member_delays_the_first_topology_by_one_cooldown_at_most():
    processes = running()
    successor_view = view_of(2, *FOLLOWERS)
    new_leader, follower = order(successor_view)
    processes.install(successor_view, new_leader)
    processes.fire(new_leader, "cooldown")
    assert processes.hosts(new_leader) == {f"bubble-{new_leader}": new_leader}
    processes.lose()
    processes.install(successor_view, follower)
    processes.settle()
    processes.fire(new_leader, "cooldown")
    processes.settle()
    assert processes.hosts(new_leader) == processes.hosts(follower) == {f"bubble-{node}": node for node in FOLLOWERS}


def led_by(leader, number, nodes):
    """A view with at least this number whose coordinator is `leader`."""
    return next(view for n in range(number, number + 200) if order(view := view_of(n, *nodes))[0] == leader)


def test_a_coordinator_that_stays_publishes_at_once_without_the_departed():
    processes = running()
    view = led_by(LEADER, 2, (LEADER, SECOND))
    processes.install(view)
    assert processes.state(LEADER) == "cooldown"
    processes.settle()
    assert processes.hosts(SECOND) == processes.hosts(LEADER) == {f"bubble-{n}": n for n in (LEADER, SECOND)}
    assert processes.held(SECOND) == (view.number, 1)
    assert processes.registrar(SECOND) == "registered"


def test_a_new_view_within_the_cooldown_waits_for_its_end():
    processes = running()
    processes.command(LEADER, RegisterBubbles(("new",)))
    processes.settle()
    view = led_by(LEADER, 2, (LEADER, SECOND))
    processes.install(view)
    processes.settle()
    assert processes.state(LEADER) == "dirty"
    assert len(processes.heard(LEADER, TopologyBroadcast)) == 2
    processes.fire(LEADER, "cooldown")
    processes.settle()
    assert processes.held(SECOND) == (view.number, 1)


def test_a_process_that_led_a_moment_ago_still_waits_for_its_cooldown():
    processes = Processes("a", "b", "c")
    processes.install(VIEW)
    processes.settle()
    other = led_by(SECOND, 2, "abc")
    processes.install(other)
    assert processes.state(LEADER) == "follower"
    again = led_by(LEADER, other.number + 1, "abc")
    processes.install(again)
    assert processes.state(LEADER) == "dirty"
    processes.settle()
    assert len(processes.heard(LEADER, TopologyBroadcast)) == 1
    processes.fire(LEADER, "cooldown")
    assert processes.heard(LEADER, TopologyBroadcast) == [TopologyBroadcast(1, 1), TopologyBroadcast(again.number, 1)]


def test_what_an_old_coordinator_says_is_refused():
    processes = running()
    processes.command(LEADER, RegisterBubbles(("late",)))
    old = processes.lose()
    view = view_of(2, *FOLLOWERS)
    processes.install(view)
    processes.settle()
    held = {node: processes.held(node) for node in FOLLOWERS}
    for sender, to, message in old:
        assert processes.send(sender, to, message).fired == ()
    assert {node: processes.held(node) for node in FOLLOWERS} == held


def test_a_departed_members_late_registration_is_refused():
    processes = running()
    processes.command(THIRD, RegisterBubbles(("late",)))
    (late,) = processes.lose()
    view = led_by(LEADER, 2, (LEADER, SECOND))
    processes.install(view)
    processes.settle()
    assert processes.send(*late).fired == ()
    assert set(processes.hosts(LEADER).values()) == {LEADER, SECOND}


def test_a_process_that_claims_another_incarnation_is_refused_as_unknown():
    processes = running()
    forged = Registration(VIEW.id, Hosting(THIRD, 7, 9, ("x",)))
    registry = processes.data[LEADER].coordinator.registry
    processes.send(THIRD, LEADER, forged)
    ((_, to, answer),) = processes.network
    assert (to, type(answer.refusal).__name__) == (THIRD, "UnknownProcess")
    assert processes.data[LEADER].coordinator.registry == registry


def test_a_restarted_coordinator_has_lost_nothing_that_it_published():
    processes = running()
    processes.restart(LEADER)
    processes.install(VIEW, LEADER)
    assert processes.state(LEADER) == "dirty"
    assert processes.registrar(LEADER) == "registered"
    assert processes.hosts(LEADER) == ALL
    processes.fire(LEADER, "cooldown")
    processes.settle()
    assert all(processes.hosts(node) == ALL and processes.held(node) == (1, 2) for node in "abc")


def test_a_restarted_follower_knows_what_it_hosted_and_held():
    processes = running()
    processes.restart(THIRD)
    assert processes.hosts(THIRD) == ALL
    processes.install(VIEW, THIRD)
    assert processes.registrar(THIRD) == "registered"
    assert processes.network == []


def test_a_change_that_a_crash_cut_off_from_its_registration_is_registered_after_the_restart():
    processes = running()
    processes.command(THIRD, RegisterBubbles(("new",)))
    processes.lose()
    processes.restart(THIRD)
    processes.install(VIEW, THIRD)
    processes.settle()
    assert processes.hosts(SECOND) == ALL | {"new": THIRD}


def test_the_topology_is_durable_before_it_is_sent():
    processes = running()
    step = processes.command(LEADER, RegisterBubbles(("new",)))
    kinds = [type(effect) for effect in step.effects]
    first_topology = next(
        number
        for number, effect in enumerate(step.effects)
        if isinstance(effect, Send) and isinstance(effect.message, Topology)
    )
    assert kinds[:first_topology].count(Persist) == 2  # what it hosts, then what it publishes


def test_a_wedged_coordinator_publishes_nothing_until_a_majority_is_back():
    processes = running()
    processes.command(LEADER, Wedged(FOLLOWERS, 1))
    processes.command(SECOND, RegisterBubbles(("new",)))
    processes.settle()
    assert processes.state(LEADER) == "suspended"
    assert processes.hosts(THIRD) == ALL
    processes.command(LEADER, Unwedged())
    processes.fire(SECOND, "registration")
    processes.settle()
    processes.fire(LEADER, "cooldown")
    processes.settle()
    assert all(processes.hosts(node) == ALL | {"new": SECOND} for node in "abc")


def test_a_shunned_process_stops_acting_and_registers_again_when_it_is_back():
    processes = running()
    processes.command(LEADER, Shunned())
    assert (processes.state(LEADER), processes.registrar(LEADER)) == ("follower", "detached")
    assert processes.timers[LEADER] == set()
    processes.command(LEADER, RegisterBubbles(("meanwhile",)))
    back = led_by(SECOND, 3, "abc")
    back = view_of(back.number, "a", "b", "c", incarnations={LEADER: 2})
    processes.install(back)
    processes.settle()
    for node in "abc":
        if Timer("cooldown") in processes.timers[node]:
            processes.fire(node, "cooldown")
    processes.settle()
    assert all(processes.hosts(node) == ALL | {"meanwhile": LEADER} for node in "abc")


@pytest.mark.parametrize("seen", [1, 2])
def test_an_acknowledgement_of_a_version_never_published_counts_for_nothing(seen):
    processes = running()
    step = processes.send(THIRD, LEADER, TopologyAck(VIEW.id, seen, THIRD))
    assert step.fired == ()
