"""What is left is told only once the levels shrink, and then not too low on a graph of the usual shape."""

import pytest

from coordfsm.check.exploration.engines import Options, explore
from coordfsm.check.exploration.estimate import states_left
from coordfsm.check.exploration.report import NO_LIMITS
from coordfsm.check.modelling.registry import find


@pytest.mark.parametrize("levels", [[1], [1, 2, 4], [8, 4, 2], [1, 8, 4, 4, 2], [1, 2, 9, 8, 7]])
def test_nothing_is_told_before_the_levels_shrink(levels: list[int]) -> None:
    assert states_left(levels) is None


def test_a_geometric_end_is_told_as_it_comes() -> None:
    assert states_left([1, 64, 32, 16, 8]) == 8  # 4 + 2 + 1 + ...


def test_in_two_phase_commit_the_estimate_is_from_above_and_near_in_the_end() -> None:
    told = []
    model = find("twophase").build({"rms": 5})
    report = explore(model, NO_LIMITS, told.append, options=Options(engine="reference"))

    levels: dict[int, int] = {}
    for now in told:
        levels[now.depth] = max(levels.get(now.depth, 0), now.frontier)
    sizes = [levels[depth] for depth in sorted(levels)]
    found = sum(sizes)
    assert found <= report.distinct_states
    for depth in range(len(sizes) - 4, len(sizes)):
        left, estimate = report.distinct_states - sum(sizes[:depth]), states_left(sizes[:depth])
        assert estimate is not None
        assert left <= estimate <= 2 * left + 10
