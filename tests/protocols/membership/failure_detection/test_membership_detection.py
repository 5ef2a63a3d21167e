"""How soon a crash is noticed, by whom, and what that costs, in virtual time with default settings."""

from collections import Counter
from itertools import pairwise

import pytest

from coordfsm.kernel import Received
from coordfsm.protocols.membership import Settings, initial
from coordfsm.protocols.membership.data import stamp_of
from coordfsm.protocols.membership.events import Leave, MemberShunned, MemberWedged
from coordfsm.protocols.membership.lifecycle.belonging import next_turn_ms
from coordfsm.protocols.membership.messages import Accusation, Condemnation, MemberId, Probe, ProbeAck
from coordfsm.protocols.view import NO_VIEW, Member, View, coordinator, monitors
from tests.protocols.membership.test_membership_figures import formed

DEFAULTS = Settings()


@pytest.mark.parametrize("count", [3, 4, 10, 30])
@pytest.mark.parametrize("after_ms", [0, 170, 330])
def test_a_killed_member_is_out_of_every_view_in_two_seconds(count, after_ms):
    cluster, names = formed(count)
    cluster.run(after_ms)
    cluster.crash(names[-1])
    cluster.run_until(lambda: cluster.agree(names[:-1]), 2_000)


def test_so_is_the_coordinator():
    cluster, names = formed(5)
    leader = coordinator(cluster.view(names[0])).node
    cluster.crash(leader)
    cluster.run_until(lambda: cluster.agree([name for name in names if name != leader]), 2_000)


def test_every_member_is_probed_once_in_the_interval_however_many_monitors_it_has():
    for count in (3, 10, 40):
        cluster, _names = formed(count)
        cluster.run(12_000)
        cluster.sent.clear()
        cluster.run(20_000)
        probes = sum(sent for (_, kind), sent in cluster.sent.items() if kind == "Probe")
        assert probes / count == pytest.approx(20_000 / DEFAULTS.probe_ms, rel=0.1)


def test_the_monitors_of_a_member_take_turns():
    view = View("l", 1, NO_VIEW, tuple(Member(name, 1, name) for name in "abcde"))
    context = initial("a", "a")
    watchers = monitors(view, "a", DEFAULTS.rings)
    now_ms = 123_456
    turns = sorted(now_ms + next_turn_ms(view, context, monitor, now_ms) for monitor in watchers)
    assert {later - earlier for earlier, later in pairwise(turns)} == {DEFAULTS.probe_ms}
    assert turns[0] >= now_ms + DEFAULTS.probe_ms // 2
    assert next_turn_ms(view, context, "stranger", now_ms) == DEFAULTS.probe_ms * len(watchers)


@pytest.mark.parametrize("turn_ms", [-5, 10**12])
def test_a_turn_that_makes_no_sense_neither_silences_a_monitor_nor_makes_it_busy(turn_ms):
    cluster, names = formed(3)
    one, other = names[:2]
    view = cluster.view(one)
    probe = next(timer for timer in cluster.timers[one] if timer.kind == "probe" and timer.subject == other)
    ack = ProbeAck(stamp_of(view), MemberId(other, 1), cluster.now_ms, turn_ms)
    cluster.give(one, Received(other, ack, cluster.now_ms + 1))
    due_ms = next(at for at, _, name, given in sorted(cluster._agenda, key=lambda due: -due[1]) if given[0] == probe)
    longest_ms = DEFAULTS.probe_ms * (DEFAULTS.rings + 1)
    assert DEFAULTS.probe_timeout_floor_ms <= due_ms - cluster.now_ms <= longest_ms


@pytest.mark.parametrize("kind", [Accusation, Condemnation])
def test_who_hears_that_another_monitor_misses_its_subject_looks_at_once(kind):
    cluster, names = formed(4)
    one, other, subject = names[:3]
    origin, about = MemberId(other, 1), MemberId(subject, 1)
    message = Accusation(stamp_of(cluster.view(one)), origin, about, 0)
    if kind is Condemnation:
        message = Condemnation(stamp_of(cluster.view(one)), origin, about)
    cluster.sent.clear()
    cluster.give(one, Received(other, message, cluster.now_ms))
    assert cluster.sent[one, Probe.__name__] >= 1
    assert cluster.data[one].detectors[subject].asked


def test_loss_removes_nobody_and_wedges_nobody():
    cluster, names = formed(8)
    view = cluster.view(names[0])
    cluster.loss = lambda sender, receiver: 0.3
    cluster.run(60_000)
    assert {cluster.view(name) for name in names} == {view}
    assert not any(cluster.told(name, MemberShunned) or cluster.told(name, MemberWedged) for name in names)


def test_a_crash_under_loss_is_still_one_view_change():
    cluster, names = formed(10)
    cluster.loss = lambda sender, receiver: 0.1
    cluster.crash(names[3])
    rest = [name for name in names if name != names[3]]
    cluster.run_until(lambda: cluster.agree(rest), 5_000)
    assert {cluster.view(name).number for name in rest} == {2}


def test_a_missed_subject_is_not_forgotten_when_the_view_changes_meanwhile():
    cluster, names = formed(6)
    gone, leaver = names[1], names[4]
    cluster.crash(gone)
    cluster.run(300)
    cluster.run_until(
        lambda: any(data.detectors[gone].missed for data in cluster.data.values() if gone in data.detectors)
    )
    cluster.give(leaver, Leave())
    rest = [name for name in names if name not in (gone, leaver)]
    cluster.run_until(lambda: cluster.agree(rest), 4_000)


def test_a_monitor_whose_subjects_all_answer_is_well():
    cluster, _names = formed(10)
    cluster.run(20_000)
    assert {data.health.score for data in cluster.data.values()} == {0}
    assert {data.health.silence for data in cluster.data.values()} == {0}
    states = Counter(detector.state for data in cluster.data.values() for detector in data.detectors.values())
    assert states == {"trusted": 90}
