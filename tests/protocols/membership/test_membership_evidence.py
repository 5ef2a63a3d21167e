"""How long evidence counts: a monitor that fell silent about a subject is not quoted for ever."""

import pytest
from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Map, Raise, Received, Send, SetTimer, TimerFired
from coordfsm.protocols.membership import Settings, composition
from coordfsm.protocols.membership.cut_detection.admission import challenge_of
from coordfsm.protocols.membership.cut_detection.machine import CUT_DETECTOR
from coordfsm.protocols.membership.data import CutData, MembershipData, ViewChangeData, stamp_of
from coordfsm.protocols.membership.events import MemberShunned, WithdrawCut
from coordfsm.protocols.membership.evidence import EVIDENCE, evidence_ms
from coordfsm.protocols.membership.failure_detection.rules import MOST_ANNOUNCED
from coordfsm.protocols.membership.messages import Accusation, Condemnation, Exoneration, JoinRequest, MemberId
from coordfsm.protocols.membership.settings import backoff
from coordfsm.protocols.view import NO_VIEW, Member, View, coordinator, monitors
from tests.protocols.membership.membership_cluster import Cluster
from tests.protocols.membership.test_membership_figures import formed

HOUR_MS = 3_600_000
DEFAULTS = Settings()


def without_exonerations(data, given):
    """The network loses every withdrawal."""
    step = composition.step(data, given)
    kept = [e for e in step.effects if not (isinstance(e, Send) and isinstance(e.message, Exoneration))]
    return step._replace(effects=tuple(kept))


def condemn_wrongly(cluster, subject, monitor):
    """The link from the subject to one monitor is dead for a while, long enough to condemn."""
    cluster.loss = lambda sender, receiver: float((sender, receiver) == (subject, monitor))
    cluster.run_until(lambda: cluster.data[monitor].detectors[subject].state == "condemned", 30_000)
    cluster.run(1_000)
    cluster.heal()


def holds_nothing(data):
    return data.cut == CutData(tolerated=data.cut.tolerated, reinforced=data.cut.reinforced)


def test_condemnations_whose_withdrawal_was_lost_do_not_add_up_over_the_hours():
    cluster, names = formed(5, Cluster(step=without_exonerations))
    subject, view = names[0], cluster.view(names[0])
    for monitor in monitors(view, subject)[:3]:
        condemn_wrongly(cluster, subject, monitor)
        cluster.run(HOUR_MS)
    assert {cluster.view(name) for name in names} == {view}
    assert not cluster.told(subject, MemberShunned)
    assert all(holds_nothing(data) for data in cluster.data.values())


def test_nor_do_those_of_monitors_that_restarted():
    cluster, names = formed(5)
    subject, view = names[0], cluster.view(names[0])
    for monitor in monitors(view, subject)[:3]:
        condemn_wrongly(cluster, subject, monitor)
        cluster.crash(monitor)
        cluster.start(monitor)
        cluster.run(HOUR_MS)
    assert {cluster.view(name) for name in names} == {view}
    assert not cluster.told(subject, MemberShunned)
    assert all(holds_nothing(data) for data in cluster.data.values())


def test_a_monitor_that_stands_by_its_condemnation_is_not_forgotten():
    cluster, names = formed(5)
    subject, view = names[0], cluster.view(names[0])
    monitor = monitors(view, subject)[0]
    cluster.loss = lambda sender, receiver: float((sender, receiver) == (subject, monitor))
    cluster.run(15_000)
    for _ in range(60):
        cluster.run(5_000)
        assert {data.cut.condemning.get(subject) for data in cluster.data.values()} == {frozenset({monitor})}
    assert {cluster.view(name) for name in names} == {view}


@pytest.mark.parametrize("settings", [DEFAULTS, Settings(longest_ms=100), Settings(rebuttal_ms=20_000)])
def test_between_two_looks_fit_repetitions_and_the_time_to_rebut(settings):
    pauses = [
        backoff(settings, settings.condemnation_ms, announced, node)
        for announced in range(MOST_ANNOUNCED + 1)
        for node in "abcdefghijkl"
    ]
    assert evidence_ms(settings) >= 3 * max(pauses)
    assert evidence_ms(settings) > settings.rebuttal_ms * settings.health_limit


# -- the rules ---------------------------------------------------------------------------------------------------------

VIEW = View("l", 1, NO_VIEW, tuple(Member(name, 1, name) for name in "abcde"))
SUBJECT = MemberId("e", 1)
CONTEXT = MembershipData("a", "a", view_change=ViewChangeData(state="stable", view=VIEW))


def hear(cut, kind, monitor):
    more = (0,) if kind is Accusation else ()
    message = kind(stamp_of(VIEW), MemberId(monitor, 1), SUBJECT, *more)
    return CUT_DETECTOR.step(cut, Received(monitor, message), CONTEXT)


def look(cut):
    return CUT_DETECTOR.step(cut, TimerFired(EVIDENCE), CONTEXT)


def test_the_first_evidence_of_others_starts_the_looking():
    step = hear(CutData(), Condemnation, "b")
    assert step.data.stale == Map()
    assert SetTimer(EVIDENCE, evidence_ms(DEFAULTS)) in step.effects
    again = hear(step.data, Condemnation, "c")
    assert not any(isinstance(effect, SetTimer) and effect.timer == EVIDENCE for effect in again.effects)


def test_what_is_not_repeated_between_two_looks_is_forgotten():
    cut = hear(hear(CutData(), Condemnation, "b").data, Accusation, "c").data
    first = look(cut)
    assert first.data == CutData(
        state="unstable", condemning=cut.condemning, accusing=cut.accusing, stale=Map({"e": frozenset("bc")})
    )
    second = look(first.data)
    assert second.data == CutData()
    assert CancelTimer(EVIDENCE) in second.effects


@pytest.mark.parametrize("kind", [Accusation, Condemnation])
def test_what_is_repeated_counts_on_and_is_no_news(kind):
    first = look(hear(CutData(), kind, "b").data).data
    step = hear(first, kind, "b")
    assert (step.data, step.effects) == (hear(CutData(), kind, "b").data, ())
    assert look(step.data).data == first


def test_what_is_withdrawn_is_gone_at_once():
    first = look(hear(CutData(), Condemnation, "b").data).data
    step = hear(first, Exoneration, "b")
    assert step.data == CutData()
    assert CancelTimer(EVIDENCE) in step.effects


def test_what_this_process_says_itself_needs_no_repetition():
    own = CutData(state="unstable", condemning=Map({"e": frozenset("ab")}), stale=Map({"e": frozenset("b")}))
    assert look(own).data == CutData(state="unstable", condemning=Map({"e": frozenset("a")}))


def test_a_cut_whose_evidence_lapses_is_withdrawn():
    cut = CutData(state="ripe", condemning=Map({"e": frozenset("bcd")}), stale=Map({"e": frozenset("bcd")}))
    assert look(cut).data == CutData()


def test_evidence_of_a_stranger_refreshes_nothing():
    held = CutData(state="unstable", condemning=Map({"e": frozenset("b")}), stale=Map({"e": frozenset("b")}))
    message = Condemnation(stamp_of(VIEW), MemberId("b", 2), SUBJECT)
    step = CUT_DETECTOR.step(held, Received("b", message), CONTEXT)
    assert step.data == held


# -- requests to join --------------------------------------------------------------------------------------------------

LEADER = coordinator(VIEW).node
AT_LEADER = replace(CONTEXT, node=LEADER, endpoint=LEADER)
JOINER = Member("x", 2, "x:1")
REQUEST = JoinRequest(DEFAULTS.label, stamp_of(VIEW), JOINER, challenge_of(VIEW, LEADER, "x", "x:1"))


def ask(cut):
    return CUT_DETECTOR.step(cut, Received("x:1", REQUEST), AT_LEADER)


def look_at_leader(cut):
    return CUT_DETECTOR.step(cut, TimerFired(EVIDENCE), AT_LEADER)


def test_a_request_that_is_not_repeated_between_two_looks_is_forgotten():
    step = ask(CutData())
    assert SetTimer(EVIDENCE, evidence_ms(DEFAULTS)) in step.effects
    asked = CutData(state="gathering", joining=Map({"x": JOINER}))
    assert step.data == asked
    first = look_at_leader(asked)
    assert first.data == replace(asked, unrepeated=frozenset("x"))
    second = look_at_leader(first.data)
    assert second.data == CutData()
    assert CancelTimer(EVIDENCE) in second.effects
    assert Raise(WithdrawCut()) in second.effects


@pytest.mark.parametrize("state", ["gathering", "ripe"])
def test_a_request_that_is_repeated_counts_on_and_changes_no_cut(state):
    asked = CutData(state=state, joining=Map({"x": JOINER}))
    step = ask(replace(asked, unrepeated=frozenset("x")))
    assert (step.data, step.effects) == (asked, ())


def test_a_joiner_under_another_incarnation_is_news():
    former = CutData(state="gathering", joining=Map({"x": Member("x", 9, "x:1")}), unrepeated=frozenset("x"))
    assert ask(former).data == CutData(state="gathering", joining=Map({"x": JOINER}))
