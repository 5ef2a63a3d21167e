"""Every protocol and the composed node under random faults, larger than can be explored; `coordfsm fuzz` runs more."""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from coordfsm.check.modelling.registry import catalogue
from coordfsm.testing.stateful import state_machine_of

FUZZED = [(entry, parameters) for entry in catalogue() for parameters in entry.fuzz]


def test_every_protocol_and_the_composed_node_are_fuzzed():
    assert {entry.name for entry, _ in FUZZED} >= {"coordinator", "migration", "membership-chain", "cluster"}
    sizes = {len(entry.build(parameters).nodes) for entry, parameters in FUZZED if entry.name == "cluster"}
    assert sizes == {5, 7}


@pytest.mark.parametrize(("entry", "parameters"), FUZZED, ids=lambda value: getattr(value, "name", ""))
def test_no_property_is_violated_at_random(entry, parameters):
    run_state_machine_as_test(
        seed(2_026)(state_machine_of(entry.build(parameters))),
        settings=settings(
            max_examples=6,
            stateful_step_count=50,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            deadline=None,
            database=None,
        ),
    )
