"""A member whose disk is lost comes back as another member, whatever the seed knows that it asks."""

from coordfsm.protocols.membership.events import Join, JoinAsked, ViewChanged
from coordfsm.protocols.membership.lifecycle.incarnations import LEAPS, leap_of, next_incarnation
from tests.protocols.membership.membership_cluster import Cluster


def lose_the_disk_of(cluster, name):
    cluster.crash(name)
    cluster.durable[name] = ()
    cluster.start(name)


def joined_behind_the_back_of(lagging, *, token):
    """A cluster in which d is a member of a view of which one member has not heard."""
    cluster = Cluster().found(*"abc")
    cluster.split("abcd".replace(lagging, ""), lagging)
    cluster.start("d")
    cluster.give("d", Join(("a",), token))
    cluster.run_until(lambda: cluster.state("d") == "member", 1_000)
    assert "d" not in cluster.members(lagging)
    return cluster


def test_it_is_no_member_of_the_view_in_which_its_former_self_voted():
    cluster = joined_behind_the_back_of("b", token="first disk")
    lose_the_disk_of(cluster, "d")
    cluster.heal()
    cluster.give("d", Join(("b",), "second disk"))
    cluster.run_until(lambda: cluster.agree("abcd"))
    numbers = [event.view.number for event in cluster.told("d", ViewChanged)]
    assert numbers == sorted(set(numbers))
    asked = [event.incarnation for event in cluster.told("d", JoinAsked)]
    assert len(asked) == len(set(asked)) > 1


def test_who_remembers_an_incarnation_goes_up_by_one():
    assert next_incarnation(7, 3, "token") == 8
    assert next_incarnation(7, 12, "token") == 13


def test_who_remembers_none_leaps_by_what_follows_from_the_token():
    assert next_incarnation(0, 12, "") == 13
    assert next_incarnation(0, 12, "token") == 13 + leap_of("token") == next_incarnation(0, 12, "token")
    leaps = {leap_of(f"token {number}") for number in range(1_000)}
    assert len(leaps) == 1_000
    assert all(1 <= leap <= LEAPS for leap in leaps)
