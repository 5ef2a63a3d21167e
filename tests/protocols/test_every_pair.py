"""Every (state, event) pair of every machine is handled, declared ignored with a reason, or an error. None is open."""

import pytest

from coordfsm.kernel import TransitionTable, UndeclaredEventError
from coordfsm.kernel.inputs import Timer, TimerFired
from coordfsm.protocols.node import MACHINES


@pytest.mark.parametrize("table", MACHINES.values(), ids=lambda table: table.name)
def test_every_pair_is_accounted_for(table: TransitionTable) -> None:
    for state in table.states:
        for event in table.events:
            rules = table.rules.get((state, event), ())
            closed = bool(rules) and not rules[-1].guards
            reason = table.ignored.get((state, event), "")
            assert closed or len(reason) > 5, f"({state}, {event})"


@pytest.mark.parametrize("table", MACHINES.values(), ids=lambda table: table.name)
def test_an_event_that_a_machine_does_not_declare_is_an_error_in_every_state(table: TransitionTable) -> None:
    class Data:
        def __init__(self, state: str) -> None:
            self.state = state

    for state in table.states:
        with pytest.raises(UndeclaredEventError, match=f"{table.name}.*'timeout_never_declared'.*'{state}'"):
            table.step(Data(state), TimerFired(Timer("never_declared")))


@pytest.mark.parametrize("table", MACHINES.values(), ids=lambda table: table.name)
def test_every_rule_has_a_name_of_its_own(table: TransitionTable) -> None:
    names = [rule.name for group in table.rules.values() for rule in group]
    assert len(names) == len(set(names))
