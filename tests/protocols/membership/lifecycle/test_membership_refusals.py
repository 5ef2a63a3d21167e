"""What has no place is refused with a reason, counted, and changes nothing."""

import pytest
from msgspec.structs import replace

from coordfsm.kernel import Notify, Received, Send
from coordfsm.protocols.membership import composition
from coordfsm.protocols.membership.chain import decision_of
from coordfsm.protocols.membership.data import others, stamp_of
from coordfsm.protocols.membership.events import Join, JoinerRefused, JoinRefused, MessageRefused
from coordfsm.protocols.membership.messages import (
    Ballot,
    Cut,
    JoinInquiry,
    JoinRefusal,
    JoinRequest,
    MemberId,
    ViewAccept,
    ViewAccepted,
    ViewDecision,
    ViewForced,
    ViewPrepare,
    ViewPromise,
)
from coordfsm.protocols.membership.stamps import CONFLICT, FOREIGN, ILL_BALLOT, ILL_CUT, STRANGER
from coordfsm.protocols.view import Member, coordinator, rank
from tests.protocols.membership.membership_cluster import FAST, Cluster

CLUSTER = Cluster().found(*"abc")
VIEW = CLUSTER.view("a")
ME = "a"
OTHER = others(VIEW, CLUSTER.data[ME])[0]
FROM = MemberId(OTHER.node, OTHER.incarnation)
REMOVED = MemberId(OTHER.node, OTHER.incarnation - 1)
NOBODY = MemberId("z", 1)
STAMP = stamp_of(VIEW)
OWN_BALLOT = Ballot(3, rank(VIEW, OTHER.node))
CUT = Cut(condemned=(MemberId("c", CLUSTER.data["c"].lifecycle.incarnation),))
ALIEN = replace(VIEW, lineage="alien")
TWIN = replace(VIEW, parent="f" * 32)


def step(message, sender=OTHER.endpoint):
    return composition.step(CLUSTER.data[ME], Received(sender, message))


def refusals(message):
    result = step(message)
    assert result.data == CLUSTER.data[ME], "a refused message changes nothing"
    told = [effect.event for effect in result.effects if isinstance(effect, Notify)]
    assert all(isinstance(event, MessageRefused) for event in told)
    return [(event.message, event.reason) for event in told]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (ViewPrepare(STAMP, NOBODY, Ballot(3, 0)), STRANGER),
        (ViewPrepare(STAMP, REMOVED, OWN_BALLOT), STRANGER),
        (ViewAccept(STAMP, NOBODY, Ballot(3, 0), CUT), STRANGER),
        (ViewPromise(STAMP, REMOVED, Ballot(1, 0), None), STRANGER),
        (ViewAccepted(STAMP, REMOVED, Ballot(0, 0)), STRANGER),
        (ViewAccepted(STAMP, NOBODY, Ballot(0, 0)), STRANGER),
        (ViewPrepare(STAMP, FROM, Ballot(3, OWN_BALLOT.rank + 1)), ILL_BALLOT),
        (ViewAccept(STAMP, FROM, Ballot(3, OWN_BALLOT.rank + 1), CUT), ILL_BALLOT),
        (ViewAccept(STAMP, FROM, OWN_BALLOT, Cut(condemned=(NOBODY,))), ILL_CUT),
        (ViewAccept(STAMP, FROM, OWN_BALLOT, Cut()), ILL_CUT),
        (ViewAccept(STAMP, FROM, OWN_BALLOT, Cut(joining=(Member("d", 1, "d"),))), ILL_CUT),
        (ViewAccept(STAMP, FROM, OWN_BALLOT, Cut(joining=(Member("d", 99, "b"),))), ILL_CUT),
        (ViewPrepare(stamp_of(ALIEN), FROM, OWN_BALLOT), FOREIGN),
        (ViewAccepted(stamp_of(TWIN), FROM, Ballot(0, 0)), CONFLICT),
    ],
)
def test_a_ballot_or_vote_of_whom_it_does_not_belong_to_is_refused_and_counted(message, reason):
    assert refusals(message) == [(type(message).__name__, reason)]


def test_a_view_that_does_not_chain_is_refused_and_the_right_decisions_are_asked_for():
    decision = decision_of(VIEW, CUT)
    for broken in (
        replace(decision, result="0" * 32),
        replace(decision, view_id="0" * 32),
        replace(decision, number=9),
    ):
        message = ViewDecision(replace(STAMP, number=VIEW.number + 1, view_id="0" * 32), FROM, (broken,))
        assert ("ViewDecision", "does not chain to the current view") in refusals(message)
        asked = [effect.message for effect in step(message).effects if isinstance(effect, Send)]
        assert "ViewInquiry" in {type(question).__name__ for question in asked}
    assert refusals(ViewDecision(stamp_of(ALIEN), FROM, (decision,))) == [
        ("ViewDecision", "does not chain to the current view")
    ]


def test_a_forced_view_is_refused_by_who_is_not_wedged():
    assert refusals(ViewForced(STAMP, FROM, ALIEN)) == [("ViewForced", "not wedged in its parent")]


LEADER = coordinator(VIEW).node
NEXT = VIEW.number + 1


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (JoinInquiry("other", "d"), "other label"),
        (JoinRequest("other", STAMP, Member("d", NEXT, "d")), "other label"),
        (JoinRequest("test", STAMP, Member("b", NEXT + 9, "elsewhere")), "duplicate node id"),
        (JoinRequest("test", STAMP, Member("d", NEXT, "b")), "bad address"),
        (JoinRequest("test", STAMP, Member("d", NEXT, "")), "bad address"),
        (JoinRequest("test", STAMP, Member("d", NEXT, "two words")), "bad address"),
        (JoinRequest("test", STAMP, Member("d", NEXT, "x" * 256)), "bad address"),
        (JoinRequest("test", STAMP, Member("d", VIEW.number, "d")), "stale incarnation"),
        (JoinRequest("test", STAMP, Member("b", OTHER.incarnation - 1, "b")), "stale incarnation"),
    ],
)
def test_a_join_is_refused_with_a_reason_to_the_joiner_and_to_the_application(request_, reason):
    result = composition.step(CLUSTER.data[LEADER], Received("d", request_))
    assert result.data == CLUSTER.data[LEADER]
    assert set(result.effects) == {Send("d", JoinRefusal(reason)), Notify(JoinerRefused(reason, "d"))}


@pytest.mark.parametrize("state", ["detached", "seeking", "waiting", "withdrawing", "shunned"])
def test_a_join_to_a_node_that_is_itself_not_a_member_is_refused(state):
    cluster = Cluster()
    cluster.start("n")
    data = cluster.data["n"]
    data = replace(data, lifecycle=replace(data.lifecycle, state=state))
    for message in (JoinInquiry("test", "d"), JoinRequest("test", STAMP, Member("d", NEXT, "d"))):
        result = composition.step(data, Received("d", message))
        assert (result.data, set(result.effects)) == (
            data,
            {Send("d", JoinRefusal("not a member")), Notify(JoinerRefused("not a member", "d"))},
        )


def test_the_application_of_a_refused_joiner_is_told_and_the_joiner_goes_on_to_the_next_seed():
    cluster = Cluster().found(*"ab")
    cluster.start("n")
    cluster.start("d", replace(FAST, label="other"))
    cluster.give("d", Join(("n", "a")))
    cluster.run(1_000)
    assert {(refused.reason, refused.sender) for refused in cluster.told("d", JoinRefused)} == {
        ("not a member", "n"),
        ("other label", "a"),
    }
    assert cluster.agree("ab")
