"""The compiled table: same meaning as the library's engine, every pair accounted for, pure."""

import pytest
from kernel.samples import INPUTS, WORKER, Ping, Stop, Work, Worked, Worker, WorkerData

from coordfsm.kernel import Notify, Received, Send, SetTimer, Step, Timer, TimerFired, UndeclaredEventError, event_of
from coordfsm.testing.library import library_step


@pytest.mark.parametrize("given", INPUTS, ids=repr)
@pytest.mark.parametrize("state", WORKER.states)
def test_table_and_library_agree_on_every_state_and_input(state, given):
    data = WorkerData(state)
    step = WORKER.step(data, given, ("friend",))
    library = library_step(Worker, data, given, ("friend",))
    if not step.fired:
        assert library is None
        assert step == Step(data, (), ())
        assert (state, event_of(given)) in WORKER.ignored
    else:
        target, result = library
        assert step.data.state == target
        expected_data, expected_effects = result if result is not None else (data, ())
        assert step.data == WorkerData(target, expected_data.total, expected_data.peers)
        assert step.effects == expected_effects


def test_compound_states_are_flattened_to_their_leaves():
    assert WORKER.states == ("idle", "light", "heavy")
    assert WORKER.initial == "idle"


def test_a_working_day():
    started = WORKER.step(WorkerData(), Work(2))
    assert started.data == WorkerData("light", 2)
    assert started.effects == (SetTimer(Timer("rest"), 100), Notify(Worked(2)))
    grown = WORKER.step(started.data, Work(7))
    assert grown.data == WorkerData("heavy", 9)
    pinged = WORKER.step(grown.data, Received("anyone", Ping(4)))
    assert pinged == Step(grown.data, (Send("anyone", Ping(5)),), pinged.fired)
    rested = WORKER.step(grown.data, TimerFired(Timer("rest")))
    assert rested == Step(WorkerData("idle", 9), (), ("Worker: heavy --timeout_rest--> idle",))
    assert WORKER.step(rested.data, Stop()).data is rested.data


def test_an_undeclared_event_is_an_error_that_changes_nothing():
    data = WorkerData()
    with pytest.raises(UndeclaredEventError, match=r"Worker: event 'timeout_lunch' is not declared in state 'idle'"):
        WORKER.step(data, TimerFired(Timer("lunch")))
    assert data == WorkerData()


def test_every_rule_has_a_name_of_its_own():
    assert len(set(WORKER.rule_names)) == len(WORKER.rule_names)
