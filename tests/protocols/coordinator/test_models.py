"""Coordination explored: every second view after a first, and the parameters that a user may give."""

from itertools import combinations

import pytest

from coordfsm.check.exploration.reference import explore
from coordfsm.check.models.coordinator import build, chain_of
from coordfsm.kernel import ParameterError
from coordfsm.protocols.view import coordinator

# Both larger ones, in which all stay and another leads, take minutes: `coordfsm verify coordinator -p chain=abc/bac`.
SECOND_VIEWS = [
    "abc",
    *(
        leader + "".join(name for name in members if name != leader)
        for size in (1, 2)
        for members in combinations("abc", size)
        for leader in members
    ),
]


@pytest.mark.parametrize("second", SECOND_VIEWS)
def test_every_second_view_of_three_processes(second):
    report = explore(build(chain=f"abc/{second}"))
    assert report.verdict == "holds", report.counterexample
    assert {item.id for item in report.properties} >= {"C1", "C2", "C3", "C4", "C5", "CL1-rest", "CL2-rest"}


@pytest.mark.parametrize("chain", ["ab/a/ab", "ab/b/ba", "a/ab/b"])
def test_a_process_that_returns_or_takes_over_always_finds_its_way_to_a_common_topology(chain):
    report = explore(build(chain=chain, restarted=False, network="ordered", loss=None, resends=None))
    assert report.verdict == "holds", report.counterexample
    assert "CL2" in {item.id for item in report.properties}


def test_a_chain_names_members_and_coordinators():
    first, second, third = chain_of("abc/cb/bac")
    assert [coordinator(view).node for view in (first, second, third)] == ["a", "c", "b"]
    assert [member.incarnation for member in third.members] == [2, 1, 1]


@pytest.mark.parametrize("chain", ["", "abc/", "aa", "a-b"])
def test_a_chain_that_cannot_be_read_is_refused(chain):
    with pytest.raises(ParameterError, match="distinct letters, the coordinator first"):
        build(chain=chain)
