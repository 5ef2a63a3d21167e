"""Symmetry: the counts are numbers of orbits, verdicts stay, and what is not symmetric is refused."""

from dataclasses import replace
from itertools import permutations
from math import comb

import pytest
from check.exploration.random_models import PRESS, Rule, Say, node, place
from check.native import sample

from coordfsm.check import native
from coordfsm.check.exploration.renaming import rename
from coordfsm.check.exploration.semantics import System
from coordfsm.check.modelling.model import Faults, Model, Multiset, Node, Ordered, Property, UnreliableSet
from coordfsm.check.models import twophase
from coordfsm.check.traces.trace import action_key
from coordfsm.kernel import ModelError, Step, Value

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
    return state._replace(locals=tuple(locals_), network=network, budgets=tuple(permuted_budgets(system, state, names)))


def permuted_budgets(system, state, names):
    left = dict(zip(system.budget_names, state.budgets, strict=True))
    back = {new: old for old, new in names.items()}
    for name in system.budget_names:
        event, _, owner = name.partition(" of ")
        yield left[f"{event} of {back.get(owner, owner)}"] if owner else left[name]


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


CLAIMANTS = ("a", "b", "c", "d")


def claims(*, odd="", **options):
    """Each of four nodes asks the server; the first one wins. `odd`: the node that never asks."""
    asks, wins = {(0, PRESS): Rule(1, (Say("server", 0),)), (1, 1): Rule(2)}, {(0, 0): Rule(1, (Say("sender", 1),))}
    few = Property("few", "At most one wins.", lambda seen: seen.count(2) <= 1, observe=place)
    model = Model(
        "claims",
        (*(node(name, {} if name == odd else asks, {"server": ("s",)}) for name in CLAIMANTS), node("s", wins)),
        (few,),
        budgets={"local_press": 4},
        symmetric=(CLAIMANTS,),
    )
    return replace(model, **options)


def test_what_treats_the_nodes_alike_holds():
    found = native.explore(claims(), symmetry=True)
    assert (found.verdict, found.distinct_states) == ("holds", orbits(claims()))


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("messages", [False, True])
def test_a_property_of_one_node_is_refused_whichever_it_is(at, messages):
    one = Property("one", "Not this one.", lambda seen, *_: seen[at] != 2, observe=place, messages=messages)
    assert native.explore(claims(properties=(one,))).verdict == "violated"
    with pytest.raises(ModelError, match=r"one tells . and . apart"):
        native.explore(claims(properties=(one,)), symmetry=True)


def test_a_property_of_one_pair_is_refused():
    pair = Property("pair", "Not both.", lambda seen: not seen[0] == seen[2] == 1, observe=place)
    assert native.explore(claims(properties=(pair,))).verdict == "violated"
    with pytest.raises(ModelError, match=r"pair tells . and . apart"):
        native.explore(claims(properties=(pair,)), symmetry=True)


class Led(Value):
    leader: str = ""


def led(**options):
    """As `claims`, but the server keeps the name of who asked last."""
    model = claims(**options)
    server = Node("s", Led(), lambda _data, given: Step(Led(given.sender), (), ("leads",)))
    return replace(model, nodes=(*model.nodes[:-1], server))


def leads(name):
    return lambda local: getattr(local.data, "leader", "") == name


@pytest.mark.parametrize("name", CLAIMANTS)
def test_an_observation_that_names_a_node_is_refused(name):
    never = Property("led", "Never leads.", lambda seen: not any(seen), observe=leads(name))
    assert native.explore(led(properties=(never,))).verdict == "violated"
    with pytest.raises(ModelError, match=r"led observes what tells . and . apart"):
        native.explore(led(properties=(never,)), symmetry=True)


@pytest.mark.parametrize("name", CLAIMANTS)
def test_one_machine_of_four_that_differs_is_refused(name):
    with pytest.raises(ModelError, match=r"are not interchangeable: . on its own steps"):
        native.explore(claims(odd=name), symmetry=True)


@pytest.mark.parametrize("at", range(4))
def test_one_node_that_may_rest_where_others_may_not_is_refused(at):
    nodes = list(claims().nodes)
    nodes[at] = replace(nodes[at], final=lambda _local: True)
    with pytest.raises(ModelError, match="`final` tells them apart"):
        native.explore(claims(nodes=tuple(nodes), deadlock=True), symmetry=True)


@pytest.mark.parametrize("name", CLAIMANTS)
def test_a_boundary_that_names_a_node_is_refused(name):
    cut = led(properties=(), boundary=lambda local: not leads(name)(local))
    with pytest.raises(ModelError, match="the boundary tells them apart"):
        native.explore(cut, symmetry=True)


def test_a_renaming_that_does_not_give_back_what_it_took_is_refused():
    model = symmetric()
    forgetful = replace(model, rename=lambda value, names: rename(value, dict.fromkeys(names, min(names))))
    with pytest.raises(ModelError, match="c1 and c2"):
        native.explore(forgetful, symmetry=True)
