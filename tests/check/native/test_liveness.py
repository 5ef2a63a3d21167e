"""Properties of whole executions: the native engine's verdicts equal those of the slow, explicit oracle."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.check.exploration import fairness, reference
from coordfsm.check.exploration.reference import holds_in
from coordfsm.check.exploration.semantics import System
from coordfsm.check.modelling.model import Faults, Multiset, Ordered, Property, UnreliableSet
from coordfsm.check.native.verdicts.graph import Graph
from coordfsm.check.native.verdicts.liveness import find_lasso
from coordfsm.check.traces.replay import replay
from coordfsm.check.traces.trace import action_key


def observed(kind, name, goal, trigger=None):
    return Property(name, name, goal, kind=kind, observe=sample._observe, trigger=trigger)


def client_idle(observations):
    return observations[1][0] == "idle"


def client_waiting(observations):
    return observations[1][0] == "waiting"


def client_down(observations):
    return observations[1][0] == "down"


def has_learned(observations):
    return (observations[1][1] or 0) > 0


def never(observations):
    return False


PROPERTIES = (
    observed("eventually", "learns", has_learned),
    observed("eventually", "waits", client_waiting),
    observed("eventually", "rests", client_idle),
    observed("leads_to", "comes to rest", client_idle, client_waiting),
    observed("leads_to", "comes back", client_idle, client_down),
    observed("leads_to", "waits again", client_waiting, client_idle),
    observed("leads_to", "nothing follows nothing", never, never),
    observed("reachable", "can rest", client_idle),
    observed("reachable", "can learn", has_learned),
)
MODELS = {
    "reliable": (Multiset(), Faults(), 1),
    "lossy": (Multiset(loss=1), Faults(), 2),
    "always lossy": (Multiset(loss=None), Faults(), 2),
    "retries without end": (Multiset(loss=None), Faults(), None),
    "unreliable": (UnreliableSet(), Faults(), 1),
    "crash": (Multiset(), Faults(crash=1), 1),
    "stop": (Multiset(), Faults(crash=1, recover=False), 1),
    "ordered": (Ordered(loss=1, capacity=2), Faults(crash=1), 1),
    "partition": (Multiset(), Faults(partitions=(sample.CUT,), partition=1), 1),
}


def built(name, item):
    network, faults, retries = MODELS[name]
    model = sample.build(network, faults, turns=1, retries=retries or 0)
    if retries is None:
        model = replace(model, budgets={"local_begin": 1})
    return replace(model, properties=(item,))


def expected(model, item):
    """The verdict by the definition: every state, every transition, sets of states."""
    system = System(model)
    states, waiting = {system.initial()}, [system.initial()]
    while waiting:
        for _, after in system.successors(waiting.pop()):
            if after not in states:
                states.add(after)
                waiting.append(after)
    edges = fairness.edges_of(system, states)
    goal = {state for state in states if holds_in(system, item, state)}
    if item.kind == "reachable":
        good = set(goal)
        while more := {state for state in states - good if any(after in good for _, after in edges[state])}:
            good |= more
        return good == states
    starts = [system.initial()]
    if item.kind == "leads_to":
        starts = [state for state in states if holds_in(system, item, state, item.trigger)]
    return not fairness.stuck(edges, starts, goal)


@pytest.mark.parametrize("item", PROPERTIES, ids=lambda item: item.id.replace(" ", "-") + "-" + item.kind)
@pytest.mark.parametrize("name", MODELS)
def test_verdicts_equal_the_oracle(name, item):
    model = built(name, item)
    report = native.explore(model)
    assert (report.verdict == "holds") == expected(model, item)
    slow = reference.explore(model)
    assert report.verdict == slow.verdict
    if report.verdict == "violated":
        for trace in (report.counterexample, slow.counterexample):
            check_lasso(model, item, trace)
            again = replay(model, trace)
            assert again.violated
            assert again.same


def check_lasso(model, item, trace):
    """The steps are the model's, the goal is never reached after it was due, and the loop closes."""
    system = System(model)
    states = [dict(system.starts)[trace.start]]
    for step in trace.steps:
        states.append(
            next(after for action, after in system.successors(states[-1]) if step.action == action_key(action))
        )
    if item.kind == "reachable":
        return
    assert states[trace.loop] == states[-1]
    due = [holds_in(system, item, state, item.trigger) if item.trigger else True for state in states]
    missing = [not holds_in(system, item, state) for state in states]
    assert any(due[at] and all(missing[at:]) for at in range(trace.loop + 1))
    assert is_fair(system, states[trace.loop :])


def is_fair(system, loop):
    """Whether whatever must happen at last happens in the loop, or is not possible somewhere in it."""
    edges = fairness.edges_of(system, loop)
    taken = {label for before, after in pairwise(loop) for label, found in edges[before] if found == after}
    always = set.intersection(*({label for label, _ in edges[state]} for state in loop)) - {None}
    return always <= taken


def test_the_way_to_the_loop_is_as_short_as_there_is_one():
    """0 leads by 1, 2, 3 to 4, where it stays; and from 1 to 5. What is due from 1 and from 4 on never happens."""
    targets = [[1], [2, 5], [3], [4], [], []]
    graph = Graph(
        np.ones(6, np.bool_),
        np.cumsum([0, *map(len, targets)]),
        np.concatenate(targets).astype(np.uint32),
        np.ones(5, np.int32),
    )
    lasso = find_lasso(graph, np.isin(np.arange(6), [1, 4]), np.zeros(6, np.bool_))
    assert (lasso.stem, lasso.loop) == ([1, 5], [])


def test_a_leads_to_that_nothing_triggers_is_vacuous():
    model = built("reliable", observed("leads_to", "x", client_idle, never))
    (result,) = native.explore(model).properties
    assert result.vacuous
