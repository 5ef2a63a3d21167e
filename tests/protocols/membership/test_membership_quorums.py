"""The properties know by themselves what a quorum, a member and the next view are.

What is wrong in the machines is not right by definition.
"""

from dataclasses import replace

import pytest

from coordfsm.check.modelling.registry import find
from coordfsm.check.native import explore
from coordfsm.protocols.membership import chain
from coordfsm.protocols.membership.events import CutAccepted
from coordfsm.protocols.membership.messages import Ballot, Cut, MemberId
from coordfsm.protocols.membership.properties import History, Observed, follows, lineage, self_inclusion, single_value
from coordfsm.protocols.view import NO_VIEW, Member, View, majority

FOUR = View("l", 1, NO_VIEW, tuple(Member(name, 1, name) for name in "abcd"))
FIRST, SECOND = (Cut(condemned=(MemberId(name, 1),)) for name in "ab")


def half(view):
    return len(view.members) // 2


def everyone(view):
    return len(view.members)


@pytest.fixture
def machines_take_half(monkeypatch):
    monkeypatch.setattr(majority, "__code__", half.__code__)


@pytest.fixture
def machines_take_everyone(monkeypatch):
    monkeypatch.setattr(majority, "__code__", everyone.__code__)


def accepting(node, *proposals):
    accepted = tuple(CutAccepted(FOUR.id, ballot, cut) for ballot, cut in proposals)
    return Observed(node, "member", 1, FOUR, FOUR, History(accepted=accepted))


def test_half_of_the_members_decide_nothing(machines_take_half):
    model = find("membership-consensus").build({"members": 4, "proposers": 2, "crashes": 0})
    report = explore(replace(model, properties=tuple(item for item in model.properties if item.id == "M2")))
    assert report.verdict == "violated"
    assert report.counterexample.property == "M2"


def test_three_of_four_have_chosen_whatever_the_machines_ask_for(machines_take_everyone):
    first, second = (Ballot(0, 0), FIRST), (Ballot(1, 1), SECOND)
    chosen = [accepting(node, first) for node in "abc"]
    assert single_value((*chosen, accepting("d", first)), frozenset({FOUR}))
    assert not single_value((*chosen, accepting("d", second)), frozenset({FOUR}))


def test_a_view_without_its_quorum_is_in_no_chain(machines_take_half):
    installed = View("l", 2, FOUR.id, FOUR.members[1:])
    history = History(accepted=(CutAccepted(FOUR.id, Ballot(0, 0), FIRST),), installed=(installed,))
    decider = Observed("b", "member", 1, installed, installed, history)
    others = [accepting(node, (Ballot(0, 0), FIRST)) for node in "cd"]
    assert not lineage((decider, others[0]), frozenset({FOUR}))
    assert lineage((decider, *others), frozenset({FOUR}))


def keeping_the_condemned(view, cut):
    members = (*view.members, *cut.joining)
    return View(view.lineage, view.number + 1, view.id, tuple(sorted(members, key=lambda member: member.node)))


def anybody(view, member):
    return True


def test_a_condemned_member_is_not_in_the_next_view_whatever_the_machines_make_of_the_cut(monkeypatch):
    monkeypatch.setattr(chain.next_view, "__code__", keeping_the_condemned.__code__)
    model = find("membership-consensus").build({"members": 3, "crashes": 0, "takeovers": 0})
    report = explore(replace(model, properties=tuple(item for item in model.properties if item.id == "M2")))
    assert report.verdict == "violated"


def test_a_former_incarnation_is_no_member_whatever_the_machines_take_for_one(monkeypatch):
    monkeypatch.setattr(chain.is_member, "__code__", anybody.__code__)
    assert self_inclusion((Observed("a", "member", 1, FOUR, FOUR, History()),))
    assert not self_inclusion((Observed("a", "member", 2, FOUR, FOUR, History()),))


@pytest.mark.parametrize(
    "cut",
    [
        Cut(condemned=(MemberId("a", 1),)),
        Cut(leaving=(MemberId("a", 1), MemberId("b", 1))),
        Cut(joining=(Member("e", 2, "e"),)),
        Cut(leaving=(MemberId("a", 1),), joining=(Member("a", 2, "a"),)),
    ],
)
def test_properties_and_machines_agree_on_the_view_that_follows(cut):
    following = chain.next_view(FOUR, cut)
    assert follows(following, FOUR, cut)
    assert not follows(following, FOUR, Cut(condemned=(MemberId("d", 1),)))
    assert not follows(View("l", 3, FOUR.id, following.members), FOUR, cut)
