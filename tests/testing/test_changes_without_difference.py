"""Changes of the machines that no model can catch, because they make no difference: the same graph is reached."""

from typing import Any

import pytest

from coordfsm.check.modelling.registry import find
from coordfsm.check.native import explore
from coordfsm.protocols.coordinator import coordinator_rules
from coordfsm.protocols.migration import rules
from coordfsm.testing.mutants import substitute, substitute_in_model


def is_newer_version(data: Any, given: Any, _context: Any) -> bool:
    """A view has each process in one incarnation, and its registry holds no other."""
    wanted = coordinator_rules.registration_in(given).hosting
    known = data.registry.processes.get(wanted.process)
    return known is None or known.version < wanted.version


def create_among_siblings(data: Any, given: Any, context: Any) -> Any:
    """Siblings hear of the entity before it is durable: in the same step, and what they note of it is not durable."""
    after, (kept, raised, told) = rules.create(data, given, context)
    return after, (raised, kept, told)


@pytest.mark.parametrize(
    ("machine", "functions", "model", "parameters"),
    [
        (
            "Migration",
            {"create": create_among_siblings},
            "migration-application",
            {"crash": 1, "wedges": 0, "unsettles": 0},
        ),
        (
            "Coordinator",
            {"is_news": is_newer_version},
            "coordinator",
            {"chain": "ab/a/ab", "changes": 1, "restarted": False, "network": "ordered"},
        ),
    ],
)
def test_the_changed_machine_reaches_the_same_graph(machine, functions, model, parameters):
    real = find(model).build(parameters)
    changed = substitute_in_model(real, machine, lambda table: substitute(table, functions))
    first, second = explore(real), explore(changed)
    assert first.verdict == second.verdict == "holds"
    assert (second.distinct_states, second.transitions) == (first.distinct_states, first.transitions)
