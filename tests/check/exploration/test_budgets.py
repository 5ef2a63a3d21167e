"""A budget of all nodes together, and one that each node has for itself."""

from dataclasses import replace

import pytest
from check.exploration.random_models import PRESS, Rule, Say, node, place
from check.native.test_symmetry import orbits

from coordfsm import Each
from coordfsm.check import native
from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.semantics import System
from coordfsm.check.modelling.model import Faults, Model, Multiset, Ordered, Property
from coordfsm.check.traces.replay import replay
from coordfsm.cli.text.faults import faults_text
from coordfsm.kernel import ModelError

WALK = {(0, PRESS): Rule(1), (1, PRESS): Rule(2)}
BOTH_AT_TWO = Property("apart", "Never both at two.", lambda seen: seen != (2, 2), observe=place)
BOTH_AT_ONE = Property("not one", "Never both at one.", lambda seen: seen != (1, 1), observe=place)
ENGINES = pytest.mark.parametrize("engine", [explore, native.explore], ids=["reference", "native"])


def walkers(presses, *properties, names="ab", table=None, **options):
    nodes = tuple(node(name, table or WALK, boots=False) for name in names)
    return Model("walkers", nodes, properties, budgets={"local_press": presses}, **options)


@ENGINES
def test_each_node_has_a_budget_of_its_own(engine):
    report = engine(walkers(Each(1), BOTH_AT_ONE))
    # neither, one, the other, both: what one spends the other still has
    assert (report.verdict, len(report.counterexample.steps)) == ("violated", 2)
    whole = engine(walkers(Each(1), BOTH_AT_TWO))
    assert (whole.verdict, whole.distinct_states, whole.depth) == ("holds", 4, 3)


@ENGINES
def test_a_number_is_shared_by_all(engine):
    assert engine(walkers(1, BOTH_AT_ONE)).verdict == "holds"
    # two presses: at two and none, one and one, none and two, and what comes before
    assert engine(walkers(2)).distinct_states == 6


@ENGINES
def test_each_of_none_is_none(engine):
    assert engine(walkers(Each(0))).distinct_states == 1


@ENGINES
def test_each_node_may_crash_once(engine):
    both_down = Property("up", "Not both are down.", lambda seen: seen != (-1, -1), observe=place)
    shared = walkers(0, both_down, faults=Faults(crash=1))
    each = walkers(0, both_down, faults=Faults(crash=Each(1), recover=False))
    assert engine(shared).verdict == "holds"
    assert engine(each).verdict == "violated"
    alone = walkers(0, both_down, faults=Faults(crash=Each(1), crashable=("a",)))
    assert engine(alone).verdict == "holds"
    assert faults_text(each).startswith("any reordering, crash 1 a node")


def test_what_is_left_is_told_by_node():
    system = System(walkers(Each(2), faults=Faults(crash=Each(1), crashable=("b",))))
    assert system.budget_names == ("crash of b", "local_press of a", "local_press of b")
    assert system.initial().budgets == (1, 2, 2)


def test_a_counterexample_is_stepped_again():
    model = walkers(Each(2), BOTH_AT_TWO)
    again = replay(model, native.explore(model).counterexample)
    assert again.violated
    assert again.same


@pytest.mark.parametrize("crash", [0, Each(1)])
@pytest.mark.parametrize("presses", [1, Each(1), Each(2)])
def test_symmetry_exchanges_budgets_with_their_nodes(presses, crash):
    table = {(0, PRESS): Rule(1, (Say("others", 0),)), (1, 0): Rule(2), (2, PRESS): Rule(0)}
    names = ("a", "b", "c")
    nodes = tuple(node(name, table, {"others": tuple(set(names) - {name})}, boots=False) for name in names)
    model = Model(
        "ring", nodes, (), budgets={"local_press": presses}, faults=Faults(crash=crash, torn=False), symmetric=(names,)
    )
    found = native.explore(model, symmetry=True)
    assert found.distinct_states == orbits(model)
    if presses == Each(1) and not crash:
        assert found.distinct_states < native.explore(model).distinct_states / 3


def test_nodes_of_which_one_alone_may_crash_are_not_interchangeable():
    model = walkers(Each(1), faults=Faults(crash=Each(1), crashable=("a",)), symmetric=(("a", "b"),))
    with pytest.raises(ModelError, match="a and b are not interchangeable"):
        native.explore(model, symmetry=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"presses": Each(-1)}, r"budgets: 'local_press': Each is -1, expected a whole number of at least 0"),
        ({"presses": Each(1.5)}, r"budgets: 'local_press': Each is 1.5, expected a whole number"),
        ({"presses": None}, r"budgets: 'local_press' is None, expected a whole number of at least 0, or Each of one"),
        ({"presses": 1, "faults": Faults(crash=Each(0.5))}, r"faults: crash: Each is 0.5, expected a whole number"),
        (
            {"presses": 1, "network": Multiset(loss=Each(1))},
            r"network: loss is Each\(most=1\), expected a whole",
        ),
        (
            {"presses": 1, "network": Ordered(duplicate=Each(1))},
            r"network: duplicate is Each\(most=1\), expected a",
        ),
        ({"presses": 1, "faults": Faults(partition=Each(1))}, r"faults: partition is Each\(most=1\), expected a whole"),
    ],
)
def test_a_wrong_budget_is_named(options, told):
    with pytest.raises(ModelError, match=told):
        walkers(**options)


def test_more_budgets_than_the_native_engine_counts_are_refused():
    model = walkers(Each(1), names=[f"n{number}" for number in range(300)])
    with pytest.raises(ModelError, match="walkers: 300 budgets, those of `Each` one a node; natively at most 254"):
        native.explore(model)
    assert explore(replace(model, budgets={"local_press": 1})).distinct_states == 301


def test_the_partial_order_reduction_heeds_them():
    table = {(0, PRESS): Rule(1, (Say("b", 0),)), (0, 0): Rule(2), (2, 0): Rule(3)}
    for presses in (1, Each(1), Each(2)):
        model = walkers(presses, BOTH_AT_TWO, table=table)
        assert native.explore(model, por=True).verdict == explore(model).verdict == "holds"
