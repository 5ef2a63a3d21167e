"""Runs found at random become short."""

import random
from itertools import pairwise

from coordfsm.check.exploration.semantics import System
from coordfsm.check.modelling.registry import find
from coordfsm.check.traces.replay import violated_in
from coordfsm.check.traces.shorten import shortened
from coordfsm.testing.mutants import catalogue
from tests.check.exploration.letters import heard, letters

MUTANT = next(mutant for mutant in catalogue() if mutant.name == "commit-before-all-prepared")


def random_violation(system, item, seed):
    """A random walk until the property is violated."""
    chance = random.Random(seed)
    path = [(None, system.initial())]
    while not violated_in(system, item, path[-1][1]):
        path.append(chance.choice(list(system.successors(path[-1][1]))))
        if len(path) > 200:
            path = [(None, system.initial())]
    return path


def test_a_random_run_shrinks_to_one_that_needs_each_of_its_steps():
    system = System(MUTANT.build())
    item = system.model.properties[0]
    for seed in range(5):
        path = random_violation(system, item, seed)
        short = shortened(system, path, lambda state: violated_in(system, item, state))
        assert len(short) <= len(path)
        assert violated_in(system, item, short[-1][1])
        # Each state follows from the one before, and no step is superfluous.
        for (_, before), step in pairwise(short):
            assert step in list(system.successors(before))
        assert shortened(system, short, lambda state: violated_in(system, item, state)) == short
        assert len(short) - 1 <= 7


def test_a_run_without_a_violation_stays_as_it_is():
    system = System(find("twophase").build({"rms": 2}))
    path = [(None, system.initial())]
    for _ in range(3):
        path.append(next(system.successors(path[-1][1])))
    assert shortened(system, path, lambda _state: False) == path


def test_a_run_that_begins_with_the_violation_becomes_empty():
    system = System(letters("a", "b"))
    path = [(None, system.initial()), *[next(system.successors(system.initial()))]]
    assert shortened(system, path, lambda state: not heard(system.local(state, 1))) == path[:1]
