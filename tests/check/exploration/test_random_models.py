"""On models at random, both engines find the same, whatever makes the search shorter or interrupts it."""

import itertools
from dataclasses import replace

import pytest
from check.exploration.random_models import is_within, models, symmetric_models
from check.native.test_liveness import check_lasso
from check.native.test_symmetry import orbits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.fairness import cannot_reach, edges_of, stuck
from coordfsm.check.exploration.reference import holds_in
from coordfsm.check.exploration.report import Limits
from coordfsm.check.exploration.semantics import System
from coordfsm.check.native import search
from coordfsm.check.traces.replay import replay

COUNTS = ("distinct_states", "transitions", "depth", "faults", "cut_off", "never_fired", "properties")
FEW = Limits(max_states=3_000)
"""Larger models take too long here."""
LARGEST_BATCH = st.sampled_from([1, 7, search.LARGEST_BATCH])
THREADS = st.integers(1, 2)

often = settings(max_examples=150, deadline=None)


def explored(model):
    """What the reference explorer finds in a model that is small enough."""
    report = reference.explore(model, FEW)
    assume(report.stopped is None)
    return report


def found_natively(model, largest_batch, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "LARGEST_BATCH", largest_batch)
        return native.explore(model, **options)


def told(report):
    """Which violation is told: the property, and what a machine raised."""
    trace = report.counterexample
    return None if trace is None else (trace.property, trace.statement)


def steps(report):
    """How long a counterexample is; a step that raises is one more than it shows."""
    trace = report.counterexample
    return None if trace is None else len(trace.steps) + (trace.property == "error")


def check_same(found, expected):
    assert (found.verdict, steps(found), told(found)) == (expected.verdict, steps(expected), told(expected))
    if expected.counterexample is None:
        for name in COUNTS:
            assert getattr(found, name) == getattr(expected, name), name


def check_replay(model, report):
    if report.counterexample is not None:
        again = replay(model, report.counterexample)
        assert again.violated
        assert again.same


@often
@given(model=models(), batch=LARGEST_BATCH, threads=THREADS)
def test_the_engines_agree(model, batch, threads):
    expected = explored(model)
    found = found_natively(model, batch, threads=threads)
    check_same(found, expected)
    check_replay(model, found)
    check_replay(model, expected)


@often
@given(model=models(fair=True), threads=THREADS)
def test_fair_executions(model, threads):
    expected = explored(model)
    found = native.explore(model, threads=threads)
    assert found.properties == expected.properties
    if found.counterexample is None:
        check_same(found, expected)
        return
    item = next(item for item in model.properties if item.id == found.counterexample.property)
    for report in (found, expected):
        check_lasso(model, item, report.counterexample)
        check_replay(model, report)
    assert told(found) == told(expected)
    assert found.counterexample.loop == expected.counterexample.loop


@often
@given(model=models(fair=True, cut=True), threads=THREADS)
def test_what_is_said_of_a_part_is_true_of_the_whole(model, threads):
    """What holds, or does not, in the states within a boundary does so in the model without one."""
    whole = System(replace(model, boundary=None))
    within, states = reached(whole, is_cut=True), reached(whole)
    assume(len(states) <= FEW.max_states)
    edges = edges_of(whole, states)
    found = native.explore(model, threads=threads)
    assert found.properties == reference.explore(model).properties
    for item, result in zip(model.properties, found.properties, strict=True):
        good = {state for state in states if holds_in(whole, item, state)}
        if item.kind == "sometimes":
            is_true = bool(good)
        elif item.kind == "reachable":
            is_true = not cannot_reach([(a, b) for a in edges for _, b in edges[a]], within, good)
        else:
            firsts = [state for _, state in whole.starts]
            due = firsts if item.trigger is None else [at for at in within if holds_in(whole, item, at, item.trigger)]
            is_true = not stuck(edges, due, good)
        assert result.verdict in {"incomplete", "holds" if is_true else "violated"}, item.id


def reached(system, *, is_cut=False):
    """The states that can be reached, some more than are few at most; with `is_cut` by local states within alone."""
    states = {state: None for _, state in system.starts}
    waiting = list(states)
    while waiting and len(states) <= FEW.max_states:
        for action, after in system.successors(waiting.pop()):
            if is_cut and is_step(system, action) and not is_within(system.local(after, system.index[action.node])):
                continue
            if after not in states:
                states[after] = None
                waiting.append(after)
    return states


def is_step(system, action):
    """Whether a machine takes a step: it is not the environment alone that acts."""
    boots = action.kind == "recover" and system.model.nodes[system.index[action.node]].boots
    return boots or action.kind in {"deliver", "timeout", "command"}


@often
@given(model=models(), batch=LARGEST_BATCH, threads=THREADS, step=st.integers(1, 400), deep=st.booleans())
def test_a_search_that_is_saved_goes_on(tmp_path_factory, model, batch, threads, step, deep):
    expected = explored(model)
    file = tmp_path_factory.mktemp("saved") / "search"
    report = None
    for number in itertools.count(1):
        limits = Limits(max_depth=number) if deep else Limits(max_states=number * step)
        resume = file if number > 1 else None
        report = found_natively(model, batch, limits=limits, threads=threads, checkpoint=file, resume=resume)
        if report.stopped is None:
            break
    check_same(report, expected)


@often
@given(model=symmetric_models(), threads=THREADS)
def test_symmetry(model, threads):
    whole = native.explore(model, FEW)
    assume(whole.stopped is None)
    found = native.explore(model, symmetry=True, threads=threads)
    assert (found.verdict, steps(found), found.depth) == (whole.verdict, steps(whole), whole.depth)
    check_replay(model, found)
    if whole.counterexample is None:
        assert found.properties == whole.properties
        assert found.distinct_states == orbits(model)
