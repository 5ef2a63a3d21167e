"""Stories of a cluster in virtual time: what a user sees of membership."""

from msgspec.structs import replace

from coordfsm.kernel import Received
from coordfsm.protocols.membership.data import stamp_of
from coordfsm.protocols.membership.events import (
    Bootstrap,
    CommandRefused,
    ForceView,
    Join,
    JoinerRefused,
    JoinRefused,
    Leave,
    MemberLeft,
    MemberShunned,
    MemberWedged,
    ViewChanged,
)
from coordfsm.protocols.membership.messages import JoinRequest
from coordfsm.protocols.view import Member, Shunned, Unwedged, Wedged, coordinator
from tests.protocols.membership.membership_cluster import FAST, Cluster

ABC = ("a", "b", "c")


def test_one_founds_and_others_join():
    cluster = Cluster().found(*ABC)
    assert {cluster.view(name).id for name in ABC} == {cluster.view("a").id}
    assert all(cluster.told(name, ViewChanged) for name in ABC)


def test_a_crashed_member_leaves_in_one_view_change():
    cluster = Cluster().found(*"abcde")
    number = cluster.view("a").number
    cluster.crash("e")
    cluster.run_until(lambda: cluster.agree("abcd"))
    assert cluster.view("a").number == number + 1


def test_the_coordinator_crashes_and_the_next_in_line_takes_over():
    cluster = Cluster().found(*"abcde")
    lost = coordinator(cluster.view("a")).node
    rest = sorted(set("abcde") - {lost})
    cluster.crash(lost)
    cluster.run_until(lambda: cluster.agree(rest))


def test_a_quick_restart_is_the_same_member():
    cluster = Cluster().found(*ABC)
    view = cluster.view("a")
    cluster.crash("b")
    cluster.run(200)
    cluster.start("b")
    cluster.run(10_000)
    assert cluster.agree(ABC)
    assert cluster.view("a") == view


def test_a_cluster_that_loses_power_comes_back_in_its_last_view():
    cluster = Cluster().found(*ABC)
    view = cluster.view("a")
    for name in ABC:
        cluster.crash(name)
    for name in ABC:
        cluster.start(name)
    cluster.run(5_000)
    assert {cluster.view(name) for name in ABC} == {view}
    assert [cluster.state(name) for name in ABC] == ["member"] * 3


def test_a_removed_member_learns_it_stops_and_comes_back_as_another():
    cluster = Cluster().found(*"abcd")
    before = cluster.data["d"].lifecycle.incarnation
    cluster.split("abc", "d")
    cluster.run_until(lambda: cluster.agree("abc") and cluster.state("d") == "wedged", 60_000)
    cluster.heal()
    cluster.run_until(lambda: cluster.agree("abcd"))
    assert cluster.told("d", MemberShunned)
    assert Shunned() in cluster.raised["d"]
    assert cluster.data["d"].lifecycle.incarnation > before


def test_a_restarted_member_that_was_removed_meanwhile_rejoins():
    cluster = Cluster().found(*"abcd")
    cluster.crash("d")
    cluster.run_until(lambda: cluster.agree("abc"))
    cluster.start("d")
    cluster.run_until(lambda: cluster.agree("abcd"))


def test_a_member_that_lost_its_store_joins_anew_under_the_same_name():
    cluster = Cluster().found(*ABC)
    before = cluster.view("a")
    cluster.crash("b")
    cluster.durable["b"] = ()
    cluster.start("b")
    cluster.give("b", Join(("a",)))
    cluster.run_until(lambda: cluster.agree(ABC) and cluster.view("a") != before)
    assert cluster.view("a").number == before.number + 1


def test_a_member_leaves_and_may_come_back():
    cluster = Cluster().found(*ABC)
    cluster.give("c", Leave())
    cluster.run_until(lambda: cluster.agree("ab") and cluster.state("c") == "left")
    assert cluster.told("c", MemberLeft)
    cluster.crash("c")
    cluster.start("c")
    assert cluster.state("c") == "detached"
    cluster.give("c", Join(("b",)))
    cluster.run_until(lambda: cluster.agree(ABC))


def test_all_leave_one_after_the_other_and_all_at_once():
    cluster = Cluster().found(*ABC)
    for name in ABC:
        cluster.give(name, Leave())
    cluster.run_until(lambda: all(cluster.state(name) == "left" for name in ABC))


def test_a_leaver_that_crashes_goes_on_leaving():
    cluster = Cluster().found(*ABC)
    cluster.give("c", Leave())
    cluster.crash("c")
    cluster.start("c")
    cluster.run_until(lambda: cluster.agree("ab") and cluster.state("c") == "left")


def test_a_minority_is_wedged_and_heals():
    cluster = Cluster().found(*"abcde")
    view = cluster.view("a")
    cluster.split("ab", "c", "de")
    cluster.run_until(lambda: all(cluster.state(name) == "wedged" for name in "abcde"))
    wedged = cluster.told("a", MemberWedged)[-1]
    assert (wedged.missing, wedged.needed) == (("c", "d", "e"), 1)
    assert Wedged(("c", "d", "e"), 1) in cluster.raised["a"]
    assert {cluster.view(name) for name in "abcde"} == {view}
    cluster.heal()
    cluster.run_until(lambda: all(cluster.state(name) == "member" for name in "abcde"))
    assert Unwedged() in cluster.raised["a"]
    cluster.run(20_000)
    assert cluster.agree("abcde")
    assert cluster.view("a") == view


def test_an_operator_forces_a_view_and_the_lineages_never_merge():
    cluster = Cluster().found(*"abcde")
    old = cluster.view("a")
    cluster.split("ab", "cde")
    cluster.run_until(lambda: cluster.state("a") == cluster.state("b") == "wedged" and cluster.agree("cde"))
    cluster.give("c", ForceView(("c",), "x"))
    assert cluster.told("c", CommandRefused)[-1].command == "ForceView"
    cluster.give("a", ForceView(("a", "b"), "x"))
    cluster.run_until(lambda: cluster.agree("ab"))
    forced = cluster.view("a")
    assert forced.lineage != old.lineage
    assert (forced.number, forced.parent) == (old.number + 1, old.id)
    cluster.heal()
    cluster.run(20_000)
    assert cluster.agree("ab")
    assert cluster.agree("cde")


def test_a_survivor_that_missed_the_forced_view_is_told_again():
    cluster = Cluster().found(*"abcde")
    for name in "cde":
        cluster.crash(name)
    cluster.run_until(lambda: cluster.state("a") == cluster.state("b") == "wedged")
    cluster.loss = lambda sender, receiver: 1.0
    cluster.give("a", ForceView(("a", "b"), "x"))
    cluster.run(100)
    assert (cluster.members("a"), cluster.members("b")) == (("a", "b"), tuple("abcde"))
    cluster.heal()
    cluster.run_until(lambda: cluster.agree("ab"), 3_000)
    assert cluster.view("b").lineage == cluster.view("a").lineage


def test_a_member_that_the_operator_left_out_is_not_led_into_the_forced_view():
    cluster = Cluster().found(*"abcde")
    old = cluster.view("c")
    for name in "de":
        cluster.crash(name)
    cluster.split("ab", "c")
    cluster.run_until(lambda: all(cluster.state(name) == "wedged" for name in "abc"))
    cluster.give("a", ForceView(("a", "b"), "x"))
    cluster.heal()
    cluster.run(20_000)
    assert cluster.agree("ab")
    assert (cluster.state("c"), cluster.view("c")) == ("wedged", old)


def test_a_wedged_process_may_desert_its_lineage():
    cluster = Cluster().found(*ABC)
    other = Cluster().found("x")
    cluster.crash("b")
    cluster.crash("c")
    cluster.run_until(lambda: cluster.state("a") == "wedged")
    cluster.start("x")
    cluster.give("x", Bootstrap("u"))
    cluster.give("a", Join(("x",)))
    cluster.run_until(lambda: cluster.agree("ax"))
    assert other.agree("x")


def test_joiners_are_refused_with_a_reason():
    cluster = Cluster().found(*ABC)
    cluster.start("d", replace(FAST, label="other"))
    cluster.give("d", Join(("a",)))
    cluster.start("e")
    cluster.start("f")
    cluster.give("e", Join(("f",)))
    cluster.run(2_000)
    assert cluster.told("d", JoinRefused)[0].reason == "other label"
    assert cluster.told("e", JoinRefused)[0].reason == "not a member"
    view = cluster.view("a")
    leader = coordinator(view).node
    reasons = []
    for member in (
        Member("b", view.number + 9, "elsewhere"),
        Member("z", view.number + 1, "b"),
        Member("z", view.number + 1, ""),
        Member("z", view.number, "z"),
    ):
        cluster.give(leader, Received("z", JoinRequest("test", stamp_of(view), member)))
        reasons.append(cluster.told(leader, JoinerRefused)[-1].reason)
    assert reasons == ["duplicate node id", "bad address", "bad address", "stale incarnation"]
    assert cluster.agree(ABC)


def test_commands_that_make_no_sense_are_refused_with_a_reason():
    cluster = Cluster().found(*ABC)
    cluster.give("a", Bootstrap("again"))
    cluster.give("a", Join(("b",)))
    cluster.give("a", ForceView(("a",), "x"))
    assert [refused.reason for refused in cluster.told("a", CommandRefused)] == ["not possible while member"] * 3
    cluster.start("d")
    cluster.give("d", Join(()))
    assert cluster.told("d", CommandRefused)[0].reason == "no seed to ask"


def test_one_lossy_link_removes_nobody():
    cluster = Cluster().found(*"abcde")
    view = cluster.view("a")
    cluster.loss = lambda sender, receiver: float({sender, receiver} == {"a", "b"})
    cluster.run(60_000)
    assert cluster.agree("abcde")
    assert cluster.view("a") == view


def test_a_slow_monitor_suspects_itself_first():
    cluster = Cluster().found(*"abcde")
    view = cluster.view("a")
    cluster.loss = lambda sender, receiver: float(receiver == "a")
    cluster.run(800)
    assert not [m for m in cluster.sent if m[0] == "a" and m[1] == "Accusation"]
    cluster.heal()
    cluster.run(20_000)
    assert cluster.agree("abcde")
    assert cluster.view("b") == view


def test_a_deaf_member_accuses_nobody_and_is_removed():
    cluster = Cluster().found(*"abcde")
    cluster.loss = lambda sender, receiver: float(receiver == "a")
    cluster.run(5_000)
    assert not [m for m in cluster.sent if m[0] == "a" and m[1] == "Accusation"]
    assert cluster.agree("bcde")
