"""Random walks find what is there to be found, say honestly that they exhaust nothing, and can be repeated."""

from dataclasses import replace

import pytest
from check.native import sample

from coordfsm.check.exploration import walks as module
from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.report import Limits
from coordfsm.check.exploration.walks import Walks, walk
from coordfsm.check.modelling.model import Faults, Local, Multiset, Ordered, UnreliableSet
from coordfsm.check.models import twophase
from coordfsm.check.traces.replay import replay
from coordfsm.testing.mutants import catalogue


def without_time(report):
    return replace(report, seconds=0.0, details={**report.details, "states_per_second": 0})


def test_the_verdict_is_never_a_pass():
    found = walk(twophase.build(2), Walks(walks=300, depth=60, seed=1))
    assert (found.verdict, found.stopped, found.engine) == ("incomplete", "300 random walks", "walks")
    assert [(result.id, result.verdict) for result in found.properties] == [
        ("TC", "incomplete"),
        ("TC-commit", "holds"),
    ]
    assert found.counterexample is None


def test_many_walks_see_exactly_the_reachable_states():
    """A hash that depended on the numbers in the tables would count more of them."""
    expected = explore(twophase.build(2))
    found = walk(twophase.build(2), Walks(walks=3_000, depth=60, seed=1))
    assert found.distinct_states == expected.distinct_states
    assert found.never_fired == expected.never_fired


def test_tables_that_start_afresh_change_nothing(monkeypatch):
    walks = Walks(walks=100, depth=40, seed=3)
    model = sample.build(Multiset(loss=1, duplicate=1, copies=3), Faults(crash=1), turns=2, retries=1)
    expected = walk(model, walks)
    monkeypatch.setattr(module, "FORGET_AFTER", 5)
    assert without_time(walk(model, walks)) == without_time(expected)


@pytest.mark.parametrize("network", [UnreliableSet(), Multiset(loss=1, duplicate=1), Ordered(loss=1, capacity=2)])
def test_the_same_seed_makes_the_same_walks(network):
    model = sample.build(network, Faults(crash=1, partitions=(sample.CUT,), partition=1), turns=2, retries=1)
    first, again = (walk(model, Walks(walks=50, depth=40, seed=7)) for _ in range(2))
    assert without_time(first) == without_time(again)
    other = walk(model, Walks(walks=50, depth=40, seed=8))
    assert without_time(other) != without_time(first)


def test_a_flaw_is_found_shortened_and_replayed():
    [mutant] = [item for item in catalogue() if item.name == "commit-before-all-prepared"]
    model = mutant.break_model(twophase.build(5))
    found = walk(model, Walks(walks=2_000, depth=100, seed=1), mutant=mutant.name)
    shortest = explore(mutant.break_model(twophase.build(2)))
    assert (found.verdict, found.counterexample.property) == ("violated", "TC")
    assert len(found.counterexample.steps) <= len(shortest.counterexample.steps) + 2
    again = replay(model, found.counterexample)
    assert (again.violated, again.same) == (True, True)


def test_limits_stop_the_walks():
    found = walk(twophase.build(3), Walks(walks=10_000_000, depth=60, seed=1), Limits(max_states=50))
    assert (found.verdict, found.stopped) == ("incomplete", "50 states")
    found = walk(twophase.build(3), Walks(walks=10_000_000, depth=60, seed=1), Limits(max_seconds=0.01))
    assert (found.verdict, found.stopped) == ("incomplete", "0.01 seconds")


def test_ctrl_c_tells_what_was_covered():
    def interrupt(now):
        if now.states > 20:
            raise KeyboardInterrupt

    found = walk(twophase.build(3), Walks(walks=10_000_000, depth=60, seed=1), progress=interrupt)
    assert (found.verdict, found.stopped) == ("incomplete", "interrupted")
    assert found.distinct_states > 20


def _never_rests(_local: Local) -> bool:
    return False


def test_a_deadlock_is_a_violation():
    model = sample.build(Multiset(), Faults(), turns=1, retries=0)
    stuck = replace(model, deadlock=True, nodes=tuple(replace(node, final=_never_rests) for node in model.nodes))
    found = walk(stuck, Walks(walks=10, depth=100, seed=1))
    assert found.verdict == "violated"
    assert found.counterexample.property == "deadlock"
    assert replay(stuck, found.counterexample).violated
