"""Machines are broken on purpose, and only where it is said."""

from functools import partial

import pytest

from coordfsm.check.modelling.model import Model, Node
from coordfsm.check.models.twophase import (
    MANAGER_TABLE,
    Abort,
    Commit,
    DecideAbort,
    DecideCommit,
    ManagerData,
    Prepared,
)
from coordfsm.kernel import Composition, DeclarationError, Part, Received, Send, Value
from coordfsm.testing.mutants import substitute, substitute_in_model, with_rule, without_rules

TWO = ManagerData(("a", "b"))


def never(data, given):
    return False


def always(data, given):
    return True


def whisper(data, given):
    return data, (Send("a", Commit()),)


def test_a_guard_is_replaced_under_its_name_and_the_original_stays():
    broken = substitute(MANAGER_TABLE, {"all_prepared": always})
    step = broken.step(TWO, DecideCommit())
    assert step.data.state == "committed"
    assert step.effects == (Send("a", Commit()), Send("b", Commit()))
    assert step.fired == ("TransactionManager: init --local_decide_commit--> committed [all_prepared]",)
    assert MANAGER_TABLE.step(TWO, DecideCommit()).fired == ()


def test_an_action_is_replaced_under_its_name():
    broken = substitute(MANAGER_TABLE, {"send_commit": whisper, "all_prepared": always})
    assert broken.step(TWO, DecideCommit()).effects == (Send("a", Commit()),)
    assert broken.step(TWO, DecideAbort()).effects == (Send("a", Abort()), Send("b", Abort()))


def test_a_name_that_the_machine_does_not_have_is_refused():
    with pytest.raises(DeclarationError, match="TransactionManager has no guard or action all_ready"):
        substitute(MANAGER_TABLE, {"all_ready": never})


def test_a_rule_more_is_tried_first():
    broken = with_rule(MANAGER_TABLE, "committed", "local_decide_abort", "aborted", on=whisper)
    step = broken.step(ManagerData(("a", "b"), state="committed"), DecideAbort())
    assert (step.data.state, step.effects) == ("aborted", (Send("a", Commit()),))
    assert step.fired[0] in broken.rule_names
    guarded = with_rule(MANAGER_TABLE, "init", "recv_prepared", "aborted", cond=(never,))
    assert guarded.step(TWO, Received("a", Prepared())).data == ManagerData(("a", "b"), frozenset({"a"}))


def test_a_rule_needs_a_state_and_an_event_of_the_machine():
    with pytest.raises(DeclarationError, match="no state 'done'; states are init, committed, aborted"):
        with_rule(MANAGER_TABLE, "done", "recv_prepared", "init")
    with pytest.raises(DeclarationError, match="no event 'recv_vote'; events are local_decide_abort"):
        with_rule(MANAGER_TABLE, "init", "recv_vote", "init")


def test_an_event_is_dropped_in_one_state_and_taken_in_the_others():
    broken = without_rules(MANAGER_TABLE, "init", "local_decide_abort")
    step = broken.step(TWO, DecideAbort())
    assert (step.data, step.effects, step.fired) == (TWO, (), ())
    assert MANAGER_TABLE.step(TWO, DecideAbort()).data.state == "aborted"
    with pytest.raises(DeclarationError, match="no rule for 'local_decide_abort' in state 'committed'"):
        without_rules(MANAGER_TABLE, "committed", "local_decide_abort")


class Process(Value):
    manager: ManagerData = TWO


def tap(machine, data, given):
    return machine.step(data, given)


@pytest.mark.parametrize("kind", ["bound", "partial", "partial of bound"])
def test_a_machine_is_found_inside_compositions_and_behind_partial_steps(kind):
    process = Composition("process", (Part("manager", MANAGER_TABLE),))
    step = {"bound": process.step, "partial": partial(tap, process), "partial of bound": partial(process.step)}[kind]
    model = Model("sample", (Node("n", Process(), step),), ())
    broken = substitute_in_model(model, "TransactionManager", lambda table: substitute(table, {"all_prepared": always}))
    assert broken.nodes[0].step(Process(), DecideCommit()).data.manager.state == "committed"
    assert model.nodes[0].step(Process(), DecideCommit()).fired == ()


def test_a_machine_that_no_node_runs_is_refused():
    model = Model("sample", (Node("n", TWO, MANAGER_TABLE.step),), ())
    with pytest.raises(DeclarationError, match="no node of model sample runs machine 'Coordinator'"):
        substitute_in_model(model, "Coordinator", lambda table: table)
