"""Cut detection: H and L, what counts as evidence, and what does not."""

import pytest

from coordfsm.kernel import Map, Raise, Received, TimerFired
from coordfsm.protocols.membership import composition, initial
from coordfsm.protocols.membership.cut_detection.rules import REINFORCE, assess, cut_of, high_mark, low_mark
from coordfsm.protocols.membership.data import CutData, ViewChangeData, stamp_of
from coordfsm.protocols.membership.events import Reinforce
from coordfsm.protocols.membership.evidence import EVIDENCE
from coordfsm.protocols.membership.messages import Accusation, Cut, Exoneration, MemberId
from coordfsm.protocols.view import NO_VIEW, Member, View


def context_of(count):
    members = tuple(Member(name, 1, name) for name in "abcdefghijkl"[:count])
    data = initial("a", "a")
    view_change = ViewChangeData(state="stable", view=View("l", 1, NO_VIEW, members))
    return type(data)("a", "a", data.settings, view_change=view_change)


@pytest.mark.parametrize(("count", "low", "high"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 1, 3), (9, 2, 7), (10, 3, 7)])
def test_marks(count, low, high):
    assert (low_mark(count), high_mark(count)) == (low, high)


def test_between_the_marks_a_member_is_unstable_and_above_it_is_dead():
    context = context_of(5)
    two = CutData(condemning=Map({"e": frozenset("bc")}))
    three = CutData(condemning=Map({"e": frozenset("bcd")}))
    assert assess(two, context) == (frozenset(), frozenset("e"))
    assert assess(three, context) == (frozenset("e"), frozenset())
    assert cut_of(three, context) == Cut(condemned=(MemberId("e", 1),))


def test_accusations_hold_a_cut_back_and_prove_nothing():
    context = context_of(5)
    accused = CutData(condemning=Map({"e": frozenset("bcd")}), accusing=Map({"d": frozenset("abce")}))
    assert assess(accused, context) == (frozenset("e"), frozenset("d"))


def test_a_dead_monitor_counts_as_condemning_when_somebody_condemns():
    context = context_of(5)
    evidence = CutData(condemning=Map({"e": frozenset("bcd"), "d": frozenset("bc")}))
    assert assess(evidence, context).dead == frozenset("de")
    assert "c" not in assess(evidence, context).unstable


def test_a_leaver_speaks_for_itself_and_is_no_evidence_against_others():
    # Found by exploring `membership-cut` with a leaver: the rule that monitors in the cut count as condemning let one
    # lossy link, one crash and one leaver remove a healthy member.
    context = context_of(5)
    evidence = CutData(
        condemning=Map({"e": frozenset("bcd"), "d": frozenset("b")}), leaving=frozenset({MemberId("c", 1)})
    )
    assert assess(evidence, context).dead == frozenset("e")
    assert cut_of(evidence, context) == Cut(condemned=(MemberId("e", 1),), leaving=(MemberId("c", 1),))


def test_a_process_does_not_count_itself_dead_and_strangers_are_no_monitors():
    context = context_of(5)
    evidence = CutData(condemning=Map({"a": frozenset("bcde"), "e": frozenset("xyz")}))
    assert assess(evidence, context).dead == frozenset()


def test_the_last_members_do_not_leave_an_empty_view():
    context = context_of(2)
    both = CutData(leaving=frozenset({MemberId("a", 1), MemberId("b", 1)}))
    assert len(cut_of(both, context).leaving) == 1


def said(kind, monitor, view):
    origin, subject = MemberId(monitor, 1), MemberId("e", 1)
    message = kind(stamp_of(view), origin, subject, 0) if kind is Accusation else kind(stamp_of(view), origin, subject)
    return Received(monitor, message, 0)


def fed(data, *given):
    raised = []
    for each in given:
        step = composition.step(data, each)
        data = step.data
        raised += [effect.command for effect in step.effects if isinstance(effect, Raise)]
    return data, raised


REINFORCED = Reinforce((MemberId("e", 1),))
TIMED_OUT = TimerFired(REINFORCE, 0)


def tolerated_member():
    """A member that two monitors accused, and that was tolerated after reinforcement."""
    context = context_of(5)
    view = context.view_change.view
    data, raised = fed(context, said(Accusation, "b", view), said(Accusation, "c", view), TIMED_OUT, TIMED_OUT)
    assert REINFORCED in raised
    assert data.cut.state == "quiet"
    assert data.cut.tolerated == Map({"e": frozenset("bc")})
    return data, view


def test_once_nobody_speaks_against_it_a_tolerated_member_is_looked_at_afresh():
    data, view = tolerated_member()
    data, _ = fed(data, said(Exoneration, "b", view), said(Exoneration, "c", view))
    assert (data.cut.tolerated, data.cut.reinforced) == (Map(), frozenset())
    data, raised = fed(data, said(Accusation, "b", view), said(Accusation, "c", view))
    assert data.cut.state == "unstable"
    data, raised = fed(data, TIMED_OUT)
    assert REINFORCED in raised


def test_evidence_that_lapses_takes_the_toleration_with_it():
    data, _ = tolerated_member()
    data, _ = fed(data, TimerFired(EVIDENCE, 0), TimerFired(EVIDENCE, 0))
    assert (data.cut.accusing, data.cut.tolerated, data.cut.reinforced) == (Map(), Map(), frozenset())


def test_a_link_that_comes_and_goes_is_tolerated_for_as_long_as_somebody_speaks_against_the_member():
    data, view = tolerated_member()
    data, raised = fed(data, said(Exoneration, "b", view), said(Accusation, "b", view))
    assert data.cut.state == "quiet"
    assert REINFORCED not in raised
