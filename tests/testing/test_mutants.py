"""The seeded broken variants: complete, distinct, and each a change of a machine that really ships."""

from dataclasses import replace

import pytest

from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.report import Limits
from coordfsm.kernel import CoordfsmError, ModelError
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.testing.mutants import catalogue
from coordfsm.testing.mutants.membership_flaws import patched

MUTANTS = catalogue()
SOURCES = {"Luciferase", "Delos", "Rapid", "own"}
STATES = 20_000
"""Enough for the smallest mutants; `coordfsm verify --mutants` explores them all, without a limit."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_well_described_and_breaks_a_machine_of_its_model(mutant):
    assert mutant.name == mutant.name.lower().replace("_", "-").replace(" ", "-")
    assert mutant.flaw.endswith(".")
    assert mutant.source in SOURCES
    broken, real = mutant.build(), mutant.real()
    assert [item.id for item in broken.properties] == [mutant.property]
    assert broken.nodes != real.nodes or broken.network != real.network


@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.model == "twophase"], ids=lambda mutant: mutant.name
)
def test_a_small_mutant_is_caught_and_its_real_machine_is_not(mutant):
    report = explore(mutant.build(), Limits(max_states=STATES), mutant=mutant.name)
    assert (report.verdict, report.counterexample.property) == ("violated", mutant.property)
    assert report.counterexample.mutant == mutant.name
    assert explore(mutant.real(), Limits(max_states=STATES)).verdict == "holds"


def test_names_are_unique_and_found_in_a_fixed_order():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
    assert [mutant.machine for mutant in MUTANTS] == sorted(mutant.machine for mutant in MUTANTS)


def test_a_mutant_that_changes_nothing_or_expects_nothing_is_refused():
    mutant = MUTANTS[0]
    with pytest.raises(ModelError, match="changes nothing"):
        replace(mutant, functions={}, edit=None, transform=None).build()
    with pytest.raises(ModelError, match="has no property 'Z9'"):
        replace(mutant, property="Z9").build()
    with pytest.raises(CoordfsmError, match="runs machine 'Nothing'"):
        replace(mutant, machine="Nothing", edit=lambda table: table, functions={}).build()


def test_a_replacement_of_another_shape_is_refused_when_the_mutant_is_made():
    mutant = MUTANTS[0]
    with pytest.raises(CoordfsmError, match="replacement of is_yes takes 1 arguments; expected 2 or 3"):
        replace(mutant, functions={"is_yes": lambda data: True})
    with pytest.raises(CoordfsmError, match="replacement of high_mark takes 2 arguments; expected 1"):
        patched((cut_rules, "high_mark", lambda count, marks: 1))
