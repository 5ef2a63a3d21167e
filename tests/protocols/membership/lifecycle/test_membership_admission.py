"""Who cannot be reached at the address that it advertises stays outside, and no crowd of joiners takes the majority."""

from itertools import pairwise

import pytest

from coordfsm.kernel import Received, Recover, Send
from coordfsm.protocols.membership import composition, initial
from coordfsm.protocols.membership.cut_detection.admission import admitted_at_once, challenge_of
from coordfsm.protocols.membership.data import stamp_of
from coordfsm.protocols.membership.events import Join, MemberWedged, ViewChanged
from coordfsm.protocols.membership.messages import JoinInquiry, JoinRedirect, JoinRequest
from coordfsm.protocols.view import Member, coordinator, majority
from tests.protocols.membership.membership_cluster import FAST, Cluster

CLUSTER = Cluster().found(*"abc")
VIEW = CLUSTER.view("a")
LEADER = coordinator(VIEW).node
JOINER = Member("d", VIEW.number + 1, "d:1")


def start_at(cluster, name, endpoint):
    cluster.start(name)
    cluster.data[name] = initial(name, endpoint, FAST)
    cluster.give(name, Recover(()))


def asked(message, at=LEADER, sender="d:1"):
    step = composition.step(CLUSTER.data[at], Received(sender, message))
    return step.data, [effect for effect in step.effects if isinstance(effect, Send)]


@pytest.mark.parametrize("count", [1, 3])
def test_joiners_that_cannot_be_reached_change_nothing(count):
    cluster = Cluster().found(*"abc")
    before = cluster.view("a")
    for name in "xyz"[:count]:
        start_at(cluster, name, f"nowhere:{name}")
        cluster.give(name, Join(("a", "b")))
    cluster.run(60_000)
    assert cluster.agree("abc")
    assert cluster.view("a") == before
    assert not cluster.told("a", MemberWedged)
    assert {cluster.state(name) for name in "xyz"[:count]} <= {"seeking", "waiting"}


def test_a_request_without_the_challenge_is_answered_at_the_advertised_address_and_changes_nothing():
    challenge = challenge_of(VIEW, LEADER, "d", "d:1")
    redirect = JoinRedirect("test", stamp_of(VIEW), LEADER, VIEW.number, 0, challenge)
    for wrong in ("", "0" * 32, challenge_of(VIEW, LEADER, "d", "d:2"), challenge_of(VIEW, LEADER, "e", "d:1")):
        data, sends = asked(JoinRequest("test", stamp_of(VIEW), JOINER, wrong), sender="elsewhere:1")
        assert data == CLUSTER.data[LEADER]
        assert sends == [Send("d:1", redirect)]


def test_a_request_that_echoes_the_challenge_is_noted():
    request = JoinRequest("test", stamp_of(VIEW), JOINER, challenge_of(VIEW, LEADER, "d", "d:1"))
    data, sends = asked(request)
    assert data.cut.joining["d"] == JOINER
    assert sends == []


def test_only_the_coordinator_challenges():
    for member in VIEW.members:
        _, sends = asked(JoinInquiry("test", "d"), member.node)
        (redirect,) = (send.message for send in sends)
        expected = challenge_of(VIEW, LEADER, "d", "d:1") if member.node == LEADER else ""
        assert (redirect.coordinator, redirect.challenge) == (LEADER, expected)


def test_a_waiting_joiner_echoes_a_new_challenge_and_ignores_one_that_it_knows():
    cluster = Cluster()
    cluster.start("d")
    cluster.give("d", Join(("a",)))
    redirect = JoinRedirect("test", stamp_of(VIEW), LEADER, VIEW.number)
    cluster.give("d", Received("a", redirect))
    challenged = JoinRedirect("test", stamp_of(VIEW), LEADER, VIEW.number, 0, "c" * 32)
    step = composition.step(cluster.data["d"], Received(LEADER, challenged))
    assert [effect.message.challenge for effect in step.effects if isinstance(effect, Send)] == ["c" * 32]
    assert composition.step(step.data, Received(LEADER, challenged)).effects == ()


@pytest.mark.parametrize("staying", range(1, 8))
def test_those_who_stay_are_a_majority_of_the_next_view(staying):
    joiners = [Member(f"j{number}", 9, f"j{number}:1") for number in range(20)]
    chosen = admitted_at_once(joiners, VIEW, staying)
    assert list(chosen) == sorted(chosen, key=lambda joiner: joiner.node)
    assert len(chosen) == max(1, staying - 1)
    if staying > 1:
        assert 2 * staying > staying + len(chosen)


def test_the_order_of_joiners_changes_from_view_to_view():
    joiners = [Member(f"j{number}", 9, f"j{number}:1") for number in range(20)]
    later = Cluster().found(*"abcd").view("a")
    assert admitted_at_once(joiners, VIEW, 3) != admitted_at_once(joiners, later, 3)


def test_many_joiners_come_in_over_several_views_and_never_outnumber_the_members():
    cluster = Cluster().found(*"abc", *"defghijklm")
    views = [event.view for event in cluster.told("a", ViewChanged)]
    for before, after in pairwise(views):
        stay = len({member.node for member in before.members} & {member.node for member in after.members})
        assert stay >= majority(after) or len(after.members) == len(before.members) + 1
