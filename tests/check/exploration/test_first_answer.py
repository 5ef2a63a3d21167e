"""Before the native engine has compiled itself, the reference explorer answers what is small, and answers the same."""

from dataclasses import replace

import pytest

from coordfsm.check.exploration import engines
from coordfsm.check.exploration.engines import Options, explore
from coordfsm.check.exploration.report import Limits
from coordfsm.check.models import twophase

pytest.importorskip("numba")


@pytest.fixture
def cold(monkeypatch):
    monkeypatch.setattr(engines, "is_compiled", lambda: False)


def counts(report):
    return replace(report, engine="", seconds=0, details={})


def test_a_small_model_is_answered_at_once_and_alike(cold):
    model = twophase.build(3)
    first = explore(model)
    assert first.engine == "reference"
    assert counts(first) == counts(explore(model, options=Options(engine="native")))


def test_a_larger_one_is_not(cold, monkeypatch):
    monkeypatch.setattr(engines, "SMALL", Limits(max_states=100))
    assert explore(twophase.build(3)).engine == "native"


@pytest.mark.parametrize("options", [Options(threads=1), Options(engine="native"), Options(max_memory=1 << 30)])
def test_who_asks_for_the_native_engine_gets_it(cold, options):
    assert explore(twophase.build(3), options=options).engine == "native"


def test_limits_are_the_native_engines(cold):
    assert explore(twophase.build(3), Limits(max_states=50)).engine == "native"
