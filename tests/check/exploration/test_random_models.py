"""On models at random, both engines find the same, whatever makes the search shorter or interrupts it."""

import itertools

import pytest
from check.exploration.random_models import models, symmetric_models
from check.native.test_liveness import check_lasso
from check.native.test_symmetry import orbits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.report import Limits
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
    check_lasso(model, item, found.counterexample)
    check_replay(model, found)


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
