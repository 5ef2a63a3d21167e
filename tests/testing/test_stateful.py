"""Hypothesis drives models at random; what it finds is short, and what it may do is what the explorer may."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from coordfsm.check.exploration.reference import ERROR
from coordfsm.check.modelling.model import Faults, Multiset, Partition, Property
from coordfsm.check.modelling.registry import find
from coordfsm.check.traces.replay import replay
from coordfsm.kernel import Step
from coordfsm.testing.fuzz import fuzz
from coordfsm.testing.mutants import catalogue
from coordfsm.testing.stateful import ModelStateMachine, PropertyViolatedError, state_machine_of
from tests.check.exploration.letters import ReaderData, Write1, heard, letters

SETTINGS = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


class TwoPhaseCommitStories(ModelStateMachine):
    """What a user writes: a subclass with a model."""

    model = find("twophase").build({"rms": 5})


TestTwoPhaseCommit = TwoPhaseCommitStories.TestCase
TestTwoPhaseCommit.settings = SETTINGS


def run(model, **more):
    run_state_machine_as_test(seed(1)(state_machine_of(model)), settings=settings(SETTINGS, derandomize=False, **more))


def test_every_kind_of_action_is_taken():
    cut = Partition("split", frozenset({("writer", "reader")}))
    model = letters(
        "a",
        "b",
        "c",
        boots=True,
        network=Multiset(loss=1, duplicate=1),
        faults=Faults(crash=2, partitions=(cut,), partition=1),
    )
    report = fuzz(model, examples=60, steps=40, seed_number=3)
    assert report.counterexample is None
    assert set(report.actions) == {
        *("deliver", "duplicate", "lose", "command", "crash", "torn", "recover", "partition", "heal")
    }
    assert report.steps == sum(report.actions.values())


def test_a_violation_is_told_as_a_short_story_that_replays():
    silent = Property("two", "At most one letter is heard.", lambda seen: len(seen[1]) < 2, observe=heard)
    model = letters("a", "b", "c", "d", properties=(silent,))
    with pytest.raises(PropertyViolatedError) as error:
        run(model, phases=(Phase.generate,))
    trace = error.value.trace
    assert [step.kind for step in trace.steps].count("command") == 2
    assert len(trace.steps) == 4
    assert "two violated in letters" in str(error.value)
    assert replay(model, trace).violated


def test_a_machine_that_raises_is_found():
    writer, reader = letters("a").nodes
    strange = replace(reader, commands=lambda local: (Write1("a"),) if heard(local) else ())
    with pytest.raises(PropertyViolatedError) as error:
        run(replace(letters("a"), nodes=(writer, strange)))
    assert error.value.trace.property == ERROR


def test_a_machine_that_is_not_deterministic_is_named():
    answers = iter(range(1_000_000))

    def moody(data, given):
        return Step(ReaderData((str(next(answers)),)), (), ("Moody: rule",))

    writer, reader = letters("a").nodes
    with pytest.raises(AssertionError, match="reader is not deterministic"):
        run(replace(letters("a"), nodes=(writer, replace(reader, step=moody))), phases=(Phase.generate,))


def test_fuzzing_finds_a_flaw_of_two_phase_commit():
    mutant = next(mutant for mutant in catalogue() if mutant.name == "abort-leaves-decision-open")
    report = fuzz(mutant.build(), examples=400, steps=40, seed_number=7, mutant=mutant.name)
    assert report.counterexample is not None
    assert report.counterexample.property == "TC"
    assert len(report.counterexample.steps) <= 10
    assert replay(mutant.break_model(mutant.real()), report.counterexample).violated


def test_the_same_seed_gives_the_same_runs():
    model = find("twophase").build({"rms": 4})
    first, again, other = (fuzz(model, examples=10, steps=20, seed_number=number) for number in (5, 5, 6))
    assert (first.steps, first.actions) == (again.steps, again.actions)
    assert (first.steps, first.actions) != (other.steps, other.actions)
