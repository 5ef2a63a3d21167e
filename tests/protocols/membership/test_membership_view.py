"""Views: ids that never recur, a coordinator all agree on, monitors that are distinct and everywhere k."""

from collections import Counter

import pytest

from coordfsm.protocols.view import (
    NO_VIEW,
    Member,
    View,
    coordinator,
    majority,
    member_at,
    member_of,
    monitors,
    rank,
    ring_order,
    subjects,
)


def view_of(count, number=1, parent=NO_VIEW):
    return View("l", number, parent, tuple(Member(f"n{i:03}", 1, f"10.0.0.{i}:1") for i in range(count)))


def test_the_same_members_under_another_number_or_parent_have_another_id():
    ids = {view_of(3).id, view_of(3, number=2).id, view_of(3, parent="a").id, view_of(4).id}
    assert len(ids) == 4
    assert all(len(identity) == 32 for identity in ids)
    assert view_of(3).id == view_of(3).id


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 12, 60])
def test_every_member_has_k_distinct_monitors_and_subjects_are_their_inverse(size):
    view = view_of(size)
    for member in view.members:
        watchers = monitors(view, member.node)
        assert len(watchers) == len(set(watchers)) == min(10, size - 1)
        assert member.node not in watchers
        assert all(member.node in subjects(view, watcher) for watcher in watchers)
    assert sum(len(subjects(view, member.node)) for member in view.members) == size * min(10, size - 1)


def test_load_of_monitoring_is_even_enough():
    loads = [len(subjects(view_of(200), member.node)) for member in view_of(200).members]
    assert max(loads) <= 20


def test_succession_is_a_permutation_led_by_the_coordinator_and_changes_with_the_view():
    view = view_of(5)
    assert sorted(ring_order(view), key=lambda member: member.node) == list(view.members)
    assert coordinator(view) == ring_order(view)[0]
    assert [rank(view, member.node) for member in ring_order(view)] == [0, 1, 2, 3, 4]
    assert rank(view, "stranger") is None
    leaders = Counter(coordinator(view_of(5, number=number)).node for number in range(500))
    assert set(leaders) == {member.node for member in view.members}


def test_quorums_overlap_and_members_are_found():
    assert [majority(view_of(size)) for size in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]
    view = view_of(3)
    assert member_of(view, "n001") == member_at(view, "10.0.0.1:1") == view.members[1]
    assert member_of(view, "x") is member_at(view, "x") is None


def test_an_empty_view_has_no_coordinator():
    with pytest.raises(ValueError, match="without members"):
        coordinator(View("l", 1, NO_VIEW, ()))
