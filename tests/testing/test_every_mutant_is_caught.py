"""Every seeded flaw is caught, and not because the property fails anyway: the real machines keep it."""

import pytest

from coordfsm.check.exploration.report import Limits
from coordfsm.check.native import explore
from coordfsm.testing.mutants import Mutant, catalogue

STATES = 2_000_000  # far more than any mutant needs: one that hides behind this is as good as not caught
REAL_STATES = 30_000  # a look at the beginning; the bounded models of the manifest are explored whole


@pytest.mark.parametrize("mutant", catalogue(), ids=lambda mutant: mutant.name)
def test_the_mutant_is_caught_by_the_property_that_it_breaks(mutant: Mutant) -> None:
    report = explore(mutant.build(), Limits(max_states=STATES), mutant=mutant.name)
    assert [(item.id, item.verdict) for item in report.properties] == [(mutant.property, "violated")]
    if report.counterexample is not None:
        assert report.counterexample.property == mutant.property
        assert report.counterexample.steps


@pytest.mark.parametrize("mutant", catalogue(), ids=lambda mutant: mutant.name)
def test_the_real_machines_keep_the_property_in_the_same_model(mutant: Mutant) -> None:
    report = explore(mutant.real(), Limits(max_states=REAL_STATES))
    assert {item.id: item.verdict for item in report.properties}[mutant.property] != "violated"
