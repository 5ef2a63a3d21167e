"""A message to a node that there is not: both engines refuse it where it is in flight, and nowhere else."""

import pytest
from check.exploration.random_models import PRESS, Rule, Say, place
from check.exploration.random_models import node as node_of

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Faults, Model, Multiset, Ordered, Property, UnreliableSet
from coordfsm.kernel import ModelError

ENGINES = (reference.explore, native.explore)
NETWORKS = (Multiset(), Multiset(copies=2), UnreliableSet(), Ordered(capacity=2))


def posting(network, presses: int, good=lambda _seen: True) -> Model:
    """The second press sends a letter to nobody."""
    table = {(0, PRESS): Rule(1), (1, PRESS): Rule(2, (Say("nobody", 0),))}
    item = Property("good", "It is good.", good, observe=place)
    nodes = (node_of("a", table), node_of("b", {}))
    return Model("post", nodes, (item,), network=network, faults=Faults(crash=1), budgets={"local_press": presses})


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("explore", ENGINES)
def test_a_message_that_no_budget_lets_anybody_send_is_no_mistake(explore, network):
    assert explore(posting(network, 1)).holds


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("explore", ENGINES)
def test_a_message_in_flight_is_refused_by_name(explore, network):
    with pytest.raises(ModelError, match="post: a message to unknown node 'nobody': "):
        explore(posting(network, 2))


@pytest.mark.parametrize("explore", ENGINES)
def test_a_violation_where_it_is_sent_is_told_first(explore):
    found = explore(posting(Multiset(), 2, lambda seen: seen[0] != 2))
    assert (found.verdict, len(found.counterexample.steps)) == ("violated", 2)
