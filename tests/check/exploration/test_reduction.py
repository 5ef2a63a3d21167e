"""The partial-order reduction: fewer states, the same verdicts, witnesses and shortest counterexamples."""

from dataclasses import replace

import pytest
from check.exploration.random_models import BAGS, PLACES, PRESS, SETS, Rule, Say, models, pair
from check.native import sample
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordfsm.check import native
from coordfsm.check.exploration import futures, reduction, reference
from coordfsm.check.exploration.futures import Futures
from coordfsm.check.exploration.reduction import Reduction, reason_against
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Faults, Multiset, Ordered, Property, UnreliableSet
from coordfsm.check.modelling.registry import catalogue
from coordfsm.check.models import membership_join, migration, pingpong, twophase
from coordfsm.check.traces.replay import replay
from coordfsm.kernel import ModelError

NETWORKS = {
    "unreliable": UnreliableSet(),
    "unreliable lossy": UnreliableSet(loss=1),
    "multiset": Multiset(),
    "lossy": Multiset(loss=None),
    "budgets": Multiset(loss=1, duplicate=1),
    "copies": Multiset(loss=None, copies=3),
}
FAULTS = {
    "none": Faults(),
    "stop": Faults(crash=1, recover=False, torn=False),
    "torn": Faults(crash=2),
    "partition": Faults(crash=1, partitions=(sample.CUT,), partition=1),
}


def told(report):
    """What must not depend on the reduction.

    A step that raises is one more than the counterexample shows.
    """
    trace = report.counterexample
    if trace is None:
        return report.verdict, report.properties
    raises = trace.property == "error"
    return report.verdict, trace.property, trace.statement, len(trace.steps) + raises


def reduced(model):
    """Both engines explore with and without the reduction and say the same; the report of the reduced exploration."""
    full, fewer = reference.explore(model), reference.explore(model, por=True)
    assert told(fewer) == told(full)
    assert fewer.distinct_states <= full.distinct_states
    for threads in (1, 2):
        found = native.explore(model, por=True, threads=threads)
        assert told(found) == told(full)
        if full.counterexample is None:
            for name in ("distinct_states", "transitions", "depth", "faults", "cut_off", "never_fired"):
                assert getattr(found, name) == getattr(fewer, name), name
            assert found.details["reduction"] == fewer.details["reduction"]
    for trace in (fewer.counterexample, found.counterexample):
        if trace is not None:
            again = replay(model, trace)
            assert again.violated
            assert again.same
    return fewer


# -- small machines ----------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(model=models(networks=[*SETS, *BAGS]))
def test_random_machines(model):
    assume(reference.explore(model, Limits(max_states=3_000)).stopped is None)
    reduced(model)


@settings(max_examples=100, deadline=None)
@given(model=models(networks=[*SETS, *BAGS]), first=st.sampled_from([(3, 5, 1), (10, 30, 1), (2, 20_000, 40)]))
def test_random_machines_in_many_rounds(model, first):
    assume(reference.explore(model, Limits(max_states=3_000)).stopped is None)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("FIRST_STATES", "FIRST_STEPS", "STATES_A_STEP"), first, strict=True):
            patch.setattr(reduction, name, value)
        reduced(model)


LATE = {(0, 1): Rule(1), (1, 0): Rule(2)}
"""The letter 0 does nothing at first, but something after the letter 1."""
SAYS = {(0, PRESS): Rule(1, (Say("a", 0),)), (1, PRESS): Rule(2, (Say("a", 1),))}
"""The letter 0 at the first press, the letter 1 at the second."""


def late_model():
    return pair((LATE, SAYS), Multiset(), Faults(), wrong=(2, 2), good=2, presses=2)


def test_a_message_that_may_still_have_an_effect_stays():
    found = reduced(late_model())
    assert found.counterexample.property == "wrong"
    assert len(found.counterexample.steps) == 4


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_machine_raises_in_an_early_round_is_found_again_in_the_last(threads):
    raises, says = {(0, 0): Rule(PLACES)}, {(0, PRESS): Rule(1, (Say("a", 0),))}
    model = pair((raises, says), UnreliableSet(), Faults(), wrong=(9, 9), good=1, presses=1)
    found = native.explore(model, por=True, threads=threads)
    assert found.details["reduction"].startswith("inert messages left out, 2 rounds")
    assert (found.verdict, found.counterexample.property, len(found.counterexample.steps)) == ("violated", "error", 1)


@pytest.mark.parametrize("raising", ["a", "b"])
def test_of_a_step_that_raises_and_a_violation_that_is_as_short_the_first_is_told(raising):
    raises, walks = {(0, PRESS): Rule(1), (1, PRESS): Rule(PLACES)}, {(0, PRESS): Rule(2)}
    tables, wrong = ((raises, walks), (1, 2)) if raising == "a" else ((walks, raises), (2, 1))
    model = pair(tables, Multiset(), Faults(), wrong=wrong, good=0, presses=2)
    assert reduced(model).counterexample.property == "error"
    assert native.explore(model).counterexample.property == "error"


def test_a_violation_and_a_message_met_first_in_one_round():
    """The letter 0 does nothing to a until the letter 1, sent later, takes it to where it matters; `wrong` breaks."""
    early = {(0, 1): Rule(1), (1, 0): Rule(2)}
    says = {(0, PRESS): Rule(1, (Say("a", 0),)), (1, PRESS): Rule(2, (Say("a", 1),))}
    model = pair((early, says), Multiset(), Faults(), wrong=(1, 2), good=2, presses=2)
    found = reduced(model)
    assert (found.counterexample.property, len(found.counterexample.steps)) == ("wrong", 3)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_deadlock_in_fewer_steps_comes_before_an_invariant(threads):
    dies, walks = {(0, PRESS): Rule(1)}, {(0, PRESS): Rule(2), (2, PRESS): Rule(3)}
    model = replace(pair((dies, walks), Multiset(), Faults(), wrong=(0, 3), good=0, presses=1), deadlock=True)
    found = [reference.explore(model), native.explore(model, threads=threads)]
    assert [(item.counterexample.property, len(item.counterexample.steps)) for item in found] == [("deadlock", 1)] * 2


def test_to_look_at_the_present_only_would_be_unsound(monkeypatch):
    monkeypatch.setattr(Futures, "inert", lambda self, position: dict(self._idle[position]))
    assert reference.explore(late_model()).verdict == "violated"
    assert reference.explore(late_model(), por=True).verdict == "holds"


def test_not_to_go_on_until_all_messages_are_known_would_be_unsound(monkeypatch):
    """While only the letter 0 is known, nothing leads a to where it has an effect."""
    monkeypatch.setattr(Futures, "learn", lambda self, met, *most, learn=Futures.learn: learn(self, met & 1, *most))
    monkeypatch.setattr(Reduction, "goes_on", lambda self, _states, _violated: self.round < 2)
    assert reference.explore(late_model(), por=True).verdict == "holds"


@pytest.mark.parametrize("depth", range(1, 8))
@pytest.mark.parametrize("explore", [reference.explore, native.explore])
def test_a_depth_is_explored_whole(explore, depth):
    limits = Limits(max_depth=depth)
    assert explore(late_model(), limits, por=True).verdict == ("violated" if depth >= 4 else "incomplete")


# -- whole models ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_with_every_fault(network, faults):
    model = sample.build(NETWORKS[network], FAULTS[faults], turns=2, retries=1)
    blind = tuple(item for item in model.properties if not item.messages)
    found = reduced(replace(model, properties=blind))
    assert found.details["reduction"].startswith("inert messages left out")


@pytest.mark.parametrize(
    ("model", "states", "of"),
    [
        (pingpong.build(), 22, 4_094),
        (twophase.build(5), 4_181, 8_832),
        (membership_join.build(joiners=1, retries=3), 252, 404),
        (migration.build(requests=1, crash=0, processes=3, duplicate=1), 1_740, 6_828),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_fewer_states_stand_for_all(model, states, of):
    assert native.explore(model).distinct_states == of
    assert reduced(model).distinct_states == states


def test_what_cannot_be_told_soon_is_explored_in_full():
    entry = next(entry for entry in catalogue() if entry.name == "membership-consensus")
    model = entry.build({"wishes": 1})
    full, found = native.explore(model), native.explore(model, por=True)
    assert (found.distinct_states, found.transitions) == (full.distinct_states, full.transitions)
    assert found.details["reduction"].startswith("none: all states were found before")


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"network": Ordered(capacity=2)}, "holds up those behind it"),
        ({"deadlock": True}, "must still arrive"),
        ({"properties": (Property("p", "P.", lambda _seen, _flying: True, messages=True),)}, "p looks at"),
        ({"properties": (Property("e", "E.", lambda _seen: True, kind="eventually"),)}, "e is of fair executions"),
    ],
)
def test_where_it_would_be_unsound_the_model_is_explored_in_full(change, why):
    model = replace(late_model(), **change)
    assert why in reason_against(model)
    full, found = reference.explore(model), reference.explore(model, por=True)
    assert (found.verdict, found.distinct_states) == (full.verdict, full.distinct_states)
    assert why in found.details["reduction"]
    assert why in native.explore(model, por=True).details["reduction"]


def test_a_way_that_needs_a_counted_loss_is_looked_for_in_the_full_model():
    """With the last duplication spent on a message without effect, a can no longer get the letter twice."""
    twice = {(0, 0): Rule(1), (1, 0): Rule(2)}
    once = {(0, PRESS): Rule(1, (Say("a", 0),))}
    model = pair((twice, once), Multiset(duplicate=1), Faults(), wrong=(3, 3), good=2, presses=1)
    found = reduced(model)
    assert found.counterexample.property == "back"
    assert "back may need a loss or a duplication" in found.details["reduction"]


@pytest.mark.parametrize("explore", [reference.explore, native.explore])
def test_ctrl_c_while_learning_ends_the_exploration(explore, monkeypatch):
    def learn(*_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Futures, "learn", learn)
    found = explore(pingpong.build(), por=True)
    assert (found.verdict, found.stopped) == ("incomplete", "interrupted")


@pytest.mark.parametrize("explore", [reference.explore, native.explore])
def test_learning_is_told_of_and_ends_when_the_time_is_over(explore, monkeypatch):
    monkeypatch.setattr(futures, "ASK_EVERY", 1)
    told_of = []
    whole = explore(pingpong.build(), progress=told_of.append, por=True)
    assert whole.verdict == "holds"
    assert max(now.round for now in told_of) == max(now.round for now in told_of if now.learned) > 1
    found = explore(pingpong.build(), Limits(max_seconds=0), por=True)
    assert (found.verdict, found.stopped, found.distinct_states) == ("incomplete", "0 seconds", 1)


@pytest.mark.parametrize("other", [{"symmetry": True}, {"checkpoint": "saved"}, {"resume": "saved"}])
def test_it_goes_without_symmetry_and_checkpoints(other):
    with pytest.raises(ModelError, match="goes neither with symmetry nor with checkpoints"):
        native.explore(twophase.build(3), por=True, **other)
