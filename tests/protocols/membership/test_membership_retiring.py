"""Who goes for good hands over the view that is without it, however it learned of it and whatever it did meanwhile."""

import pytest
from msgspec.structs import replace

from coordfsm.kernel import Persist, Received, Recover, Send, Timer, TimerFired, apply_writes
from coordfsm.protocols.membership import composition, initial
from coordfsm.protocols.membership.chain import decision_of, next_view
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, self_in, stamp_of
from coordfsm.protocols.membership.events import Join, Leave, MemberLeaving, MemberLeft
from coordfsm.protocols.membership.messages import (
    Cut,
    JoinRedirect,
    ViewAck,
    ViewDecision,
    ViewInquiry,
    ViewSnapshot,
    ViewWelcome,
)
from coordfsm.protocols.view import coordinator
from tests.protocols.membership.membership_cluster import FAST, Cluster


def identity(cluster, name):
    """The member that a process is in its last view."""
    return self_in(cluster.view(name), cluster.data[name])


def excluded_alone():
    """Three members; only `c` knows the decision that excludes it."""
    cluster = Cluster().found(*"abc")
    view = cluster.view("c")
    decision = decision_of(view, Cut(condemned=(identity(cluster, "c"),)))
    after = next_view(view, decision.cut)
    cluster.give("c", Received("a", ViewDecision(stamp_of(after), identity(cluster, "a"), (decision,))))
    assert cluster.state("c") == "shunned"
    return cluster, after


def leave_and_settle(cluster):
    cluster.give("c", Leave())
    assert (cluster.state("c"), cluster.data["c"].view_change.state) == ("leaving", "retiring")
    assert cluster.told("c", MemberLeaving)
    cluster.run_until(lambda: cluster.state("c") == "left")
    assert cluster.told("c", MemberLeft)


def test_who_leaves_while_it_is_shunned_hands_over_what_only_it_knows():
    cluster, after = excluded_alone()
    leave_and_settle(cluster)
    assert {cluster.view(name) for name in "ab"} == {after}


def test_who_leaves_while_it_asks_to_come_back_hands_over_first():
    cluster, after = excluded_alone()
    cluster.give("c", Join(("nobody",)))
    assert cluster.state("c") == "seeking"
    leave_and_settle(cluster)
    assert {cluster.view(name) for name in "ab"} == {after}


def test_a_shunned_leaver_that_crashes_goes_on_handing_over():
    cluster, after = excluded_alone()
    cluster.loss = lambda sender, receiver: float(sender == "c")
    cluster.give("c", Leave())
    cluster.crash("c")
    cluster.heal()
    cluster.start("c")
    assert (cluster.state("c"), cluster.data["c"].view_change.state) == ("leaving", "retiring")
    cluster.run_until(lambda: cluster.state("c") == "left")
    assert {cluster.view(name) for name in "ab"} == {after}


def test_a_shunned_leaver_whom_nobody_confirms_loses_patience():
    cluster, _ = excluded_alone()
    cluster.loss = lambda sender, receiver: float("c" in (sender, receiver))
    cluster.give("c", Leave())
    cluster.run_until(lambda: cluster.state("c") == "left", FAST.leave_ms * (FAST.leave_attempts + 2))


def told_by_snapshot(cluster):
    view = cluster.view("c")
    after = next_view(view, Cut(condemned=(identity(cluster, "c"),)))
    cluster.give("c", Received("a", ViewSnapshot(stamp_of(after), identity(cluster, "a"), after)))
    return after


def test_a_leaver_that_is_told_by_snapshot_hands_the_snapshot_over():
    cluster = Cluster().found(*"abc")
    cluster.split("ab", "c")
    cluster.give("c", Leave())
    after = told_by_snapshot(cluster)
    assert (cluster.state("c"), cluster.data["c"].view_change.state) == ("leaving", "retiring")
    cluster.crash("c")
    cluster.start("c")
    assert (cluster.state("c"), cluster.data["c"].view_change.state) == ("leaving", "retiring")
    cluster.heal()
    cluster.run_until(lambda: cluster.state("c") == "left")
    assert {cluster.view(name) for name in "ab"} == {after}


def test_who_was_told_by_snapshot_and_leaves_later_hands_the_snapshot_over():
    cluster = Cluster().found(*"abc")
    after = told_by_snapshot(cluster)
    assert cluster.state("c") == "shunned"
    leave_and_settle(cluster)
    assert {cluster.view(name) for name in "ab"} == {after}


def test_a_snapshot_that_is_known_already_is_confirmed_again():
    cluster = Cluster().found(*"ab")
    view = cluster.view("b")
    snapshot = ViewSnapshot(stamp_of(view), identity(cluster, "a"), view)
    step = composition.step(cluster.data["b"], Received("a", snapshot))
    assert step.data == cluster.data["b"]
    assert [effect for effect in step.effects if isinstance(effect, Send)] == [
        Send("a", ViewAck(stamp_of(view), identity(cluster, "b")))
    ]


def test_a_process_that_was_told_by_snapshot_leads_others_to_the_view_that_it_heard_of():
    cluster = Cluster().found(*"abc")
    before = stamp_of(cluster.view("b"))
    after = told_by_snapshot(cluster)
    step = composition.step(cluster.data["c"], Received("b", ViewInquiry(before, identity(cluster, "b"))))
    assert step.data == cluster.data["c"]
    assert [effect for effect in step.effects if isinstance(effect, Send)] == [
        Send("b", ViewSnapshot(before, identity(cluster, "c"), after))
    ]


def test_all_that_leave_while_another_joins_welcome_it_before_they_go():
    class Lossy(Cluster):
        def _do(self, name, effect):
            if not (isinstance(effect, Send) and isinstance(effect.message, ViewWelcome) and self.welcomes_lost):
                super()._do(name, effect)

    cluster = Lossy(replace(FAST, join_ms=60_000, longest_ms=60_000))
    cluster.welcomes_lost = False
    cluster.found(*"ab")
    cluster.start("c")
    leader = coordinator(cluster.view("a")).node
    cluster.give("c", Join((leader,)))
    cluster.run_until(lambda: cluster.state("c") == "waiting")
    cluster.welcomes_lost = True
    for name in "ab":
        cluster.give(name, Leave())
    cluster.run_until(lambda: cluster.data[leader].view_change.state == "retiring")
    cluster.welcomes_lost = False
    cluster.run_until(lambda: cluster.members("c") == ("c",) and {cluster.state(name) for name in "ab"} == {"left"})
    assert cluster.state("c") == "member"


def durable_prefixes(data, durable, given):
    """The store after each of the writes of one step, the last one left out: a crash may fall behind any of them."""
    writes = [effect.writes for effect in composition.step(data, given).effects if isinstance(effect, Persist)]
    for count in range(len(writes)):
        store = durable
        for batch in writes[:count]:
            store = apply_writes(store, batch)
        yield store


def leaver_out_of_patience():
    cluster = Cluster().found(*"abc")
    cluster.loss = lambda sender, receiver: float("c" in (sender, receiver))
    cluster.give("c", Leave())
    attempt = FAST.leave_attempts
    held = cluster.data["c"]
    cluster.data["c"] = replace(held, lifecycle=replace(held.lifecycle, attempt=attempt))
    return cluster


def test_a_crash_between_the_writes_with_which_a_leaver_goes_does_not_bring_it_back_as_a_member():
    cluster = leaver_out_of_patience()
    stores = list(durable_prefixes(cluster.data["c"], cluster.durable["c"], TimerFired(Timer("leave"))))
    assert len(stores) > 1
    for store in stores:
        restarted = composition.step(initial("c", "c", FAST), Recover(store)).data
        assert (restarted.lifecycle.state, restarted.lifecycle.leaves) == ("leaving", True)


def test_who_has_left_may_join_again_after_a_restart_and_is_then_no_leaver():
    cluster = Cluster().found(*"abc")
    cluster.give("c", Leave())
    cluster.run_until(lambda: cluster.state("c") == "left")
    assert not [record for record in cluster.durable["c"] if record.key == VIEW_KEY]
    cluster.crash("c")
    cluster.start("c")
    cluster.give("c", Join(("a",)))
    (record,) = [record.value for record in cluster.durable["c"] if record.key == IDENTITY_KEY]
    assert not record.leaving
    cluster.run_until(lambda: cluster.agree("abc"))


@pytest.mark.parametrize("restarts", [False, True])
def test_who_leaves_while_its_request_to_come_back_may_have_been_granted_finds_out_first(restarts):
    cluster, after = excluded_alone()
    cluster.loss = lambda sender, receiver: 1.0
    cluster.run_until(lambda: cluster.state("c") == "seeking")
    cluster.give("c", Received("a", JoinRedirect("test", stamp_of(after), "a", after.number)))
    cluster.crash("c")
    cluster.start("c")
    assert cluster.state("c") == "shunned"
    cluster.give("c", Leave())
    if restarts:
        cluster.crash("c")
        cluster.start("c")
    assert cluster.state("c") == "withdrawing"
    cluster.heal()
    cluster.run_until(lambda: cluster.state("c") == "left")
    cluster.run_until(lambda: cluster.agree("ab"))
