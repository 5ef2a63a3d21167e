"""Symmetry: the counts are numbers of orbits, verdicts stay, and what is not symmetric is refused."""

from dataclasses import replace
from itertools import permutations
from math import comb

import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.check.model import Faults, Multiset, Ordered, Property, UnreliableSet
from coordfsm.check.models import twophase
from coordfsm.check.renaming import rename
from coordfsm.check.semantics import System
from coordfsm.check.trace import action_key
from coordfsm.kernel import ModelError

GENERATED = {2: 94, 3: 318, 4: 869, 5: 2_048, 6: 4_328, 7: 8_410}


@pytest.mark.parametrize("rms", range(2, 8))
def test_two_phase_commit_has_the_published_number_of_orbits(rms):
    found = native.explore(twophase.build(rms), symmetry=True)
    assert found.verdict == "holds"
    assert found.distinct_states == comb(rms + 3, 3) + comb(rms + 5, 5) + rms + 1
    assert found.transitions == GENERATED[rms]
    assert found.depth == 3 * rms + 2


def symmetric(network=None, faults=None, **options):
    options = {"clients": 3, "turns": 2, "retries": 0, **options}
    model = sample.build(network, faults, **options)
    return replace(model, symmetric=(tuple(node.name for node in model.nodes[1:]),))


def orbits(model):
    """By the definition: all reachable states, all permutations."""
    system = System(model)
    states, waiting = {system.initial()}, [system.initial()]
    while waiting:
        for _, after in system.successors(waiting.pop()):
            if after not in states:
                states.add(after)
                waiting.append(after)
    names = model.symmetric[0]
    seen, count = set(), 0
    for state in states:
        if state in seen:
            continue
        count += 1
        for order in permutations(names):
            seen.add(permuted(system, state, dict(zip(names, order, strict=True))))
    return count


def permuted(system, state, names):
    locals_ = [0] * len(state.locals)
    for position, identifier in enumerate(state.locals):
        name = system.model.nodes[position].name
        image = rename(system.locals.values[identifier], names)
        locals_[system.index[names.get(name, name)]] = system.locals(image)

    def envelope(identifier):
        return system.envelopes(rename(system.envelopes.values[identifier], names))

    network = frozenset(
        (envelope(item[0]), item[1]) if isinstance(item, tuple) else envelope(item) for item in state.network
    )
    return state._replace(locals=tuple(locals_), network=network)


@pytest.mark.parametrize(
    ("network", "faults"),
    [
        (Multiset(), Faults()),
        (Multiset(loss=1), Faults(crash=1, recover=False, torn=False)),
        (Multiset(duplicate=1, copies=2), Faults()),
        (UnreliableSet(), Faults(crash=1)),
    ],
)
def test_counts_are_orbits(network, faults):
    model = symmetric(network, faults)
    assert native.explore(model, symmetry=True).distinct_states == orbits(model)


def test_a_counterexample_is_a_real_execution():
    model = symmetric(bound=2)
    plain, reduced = native.explore(model), native.explore(model, symmetry=True)
    assert plain.verdict == reduced.verdict == "violated"
    assert len(plain.counterexample.steps) == len(reduced.counterexample.steps)
    system = System(model)
    state = system.initial()
    for step in reduced.counterexample.steps:
        state = next(after for action, after in system.successors(state) if step.action == action_key(action))


def test_nodes_that_start_differently_are_refused():
    model = symmetric()
    odd = replace(model.nodes[1], initial=sample.ClientData("s", turn=1), boots=False)
    even = replace(model.nodes[2], boots=False)
    last = replace(model.nodes[3], boots=False)
    with pytest.raises(ModelError, match=r"c1 and c2 are not interchangeable: at first, c1: data.turn: 1 -> 0"):
        native.explore(replace(model, nodes=(model.nodes[0], odd, even, last)), symmetry=True)


def test_nodes_that_act_differently_are_refused():
    model = symmetric()
    lazy = replace(model.nodes[3], commands=lambda _local: ())
    with pytest.raises(ModelError, match=r"c2 and c3 are not interchangeable: c[23] on its own steps"):
        native.explore(replace(model, nodes=(*model.nodes[:3], lazy)), symmetry=True)


def test_a_property_that_names_a_node_is_refused():
    model = symmetric()
    named = Property("first", "Only c1.", lambda seen: seen[1][0] != "waiting", observe=sample._observe)
    with pytest.raises(ModelError, match="first tells c1 and c2 apart"):
        native.explore(replace(model, properties=(named,)), symmetry=True)


def test_fairness_and_ordered_channels_are_refused():
    model = symmetric()
    later = Property("later", "Some day.", lambda _seen: True, kind="eventually")
    with pytest.raises(ModelError, match="explore without symmetry"):
        native.explore(replace(model, properties=(later,)), symmetry=True)
    with pytest.raises(ModelError, match="ordered channels"):
        native.explore(replace(model, network=Ordered()), symmetry=True)
    with pytest.raises(ModelError, match="names no symmetric nodes"):
        native.explore(replace(model, symmetric=()), symmetry=True)
