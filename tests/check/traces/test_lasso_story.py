"""A liveness property that is violated because nothing has to happen says so, and what could."""

from dataclasses import replace

import pytest
from statemachine import State

from coordfsm.check import native
from coordfsm.check.exploration.engines import Options, explore
from coordfsm.check.modelling.model import Model, Node, Property
from coordfsm.check.traces.replay import replay
from coordfsm.check.traces.trace import Trace, story
from coordfsm.kernel import Command, Machine, ModelError, Value, compile_machine


class Hungry(Command):
    pass


class Philosopher(Value):
    state: str = "thinking"


class Eater(Machine):
    thinking = State(initial=True)
    hungry = State()
    eating = State(final=True)

    local_hungry = thinking.to(hungry) | hungry.to(eating)

    ignored = {("eating", "local_hungry"): "eating"}


EATER = compile_machine(Eater)


def build(kind: str, trigger=None) -> Model:
    node = Node("p0", Philosopher(), EATER.step, lambda _local: (Hungry(),), rules=EATER.rule_names)
    eats = Property(
        "eats",
        "p0 comes to eat.",
        lambda seen: seen == ("eating",),
        kind,
        observe=lambda local: local.data.state,
        trigger=trigger,
    )
    return Model("table", (node,), (eats,))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_command_that_nobody_has_to_give_is_named(engine):
    trace = explore(build("eventually"), options=Options(engine=engine)).counterexample
    assert trace.steps == ()
    assert "-- from the start nothing has to happen: " in story(trace)
    assert "not for p0 local_hungry" in story(trace)
    assert Trace.loads(trace.dumps()) == trace


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_the_end_of_a_way_is_told_too(engine):
    hungry = build("leads_to", lambda seen: seen == ("hungry",))
    trace = explore(hungry, options=Options(engine=engine)).counterexample
    assert len(trace.steps) == 1
    assert story(trace).endswith("(a command that must come: `fair=('local_hungry',)` of node p0, or a timer) --\n")
    assert "-- from here on nothing has to happen" in story(trace)


# -- commands that are fair --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("kind", ["eventually", "leads_to"])
def test_a_fair_command_is_given_at_last(engine, kind):
    model = build(kind, None if kind == "eventually" else lambda seen: seen == ("hungry",))
    options = Options(engine=engine)
    assert explore(model, options=options).verdict == "violated"
    fair = replace(model, nodes=(replace(model.nodes[0], fair=("local_hungry",)),))
    assert explore(fair, options=options).verdict == "holds"


class Wait(Command):
    pass


class Both(Machine):
    one, two, done = State(initial=True), State(), State(final=True)
    local_wait = one.to(two) | two.to(one)
    local_hungry = one.to(done) | two.to(done)
    ignored = dict.fromkeys([("done", "local_wait"), ("done", "local_hungry")], "done")


def waiting(*fair: str) -> Model:
    table = compile_machine(Both)
    commands = (Wait(), Hungry())
    node = Node("p0", Philosopher("one"), table.step, lambda _local: commands, rules=table.rule_names, fair=fair)
    done = Property("done", "It ends.", lambda seen: seen == ("done",), "eventually", observe=lambda at: at.data.state)
    return Model("waiting", (node,), (done,))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_each_command_is_fair_by_itself(engine):
    """To wait for ever is fair to waiting, and not to the other command."""
    options = Options(engine=engine)
    assert explore(waiting(), options=options).verdict == "violated"
    assert explore(waiting("local_wait"), options=options).verdict == "violated"
    assert explore(waiting("local_hungry"), options=options).verdict == "holds"


def test_a_loop_names_the_command_that_it_never_comes_to():
    trace = native.explore(waiting("local_wait")).counterexample
    told = story(trace)
    assert "-- all steps repeat for ever; all along, these are possible and need never happen: p0 local_hungry" in told
    assert "`fair=('local_hungry',)` of node p0" in told
    assert replay(waiting("local_wait"), trace).same


def test_a_command_that_no_node_has_is_refused():
    with pytest.raises(ModelError, match=r"node p0: fair: the node has no such command, 'local_hungri' \(did you mean"):
        waiting("local_hungri")
    with pytest.raises(ModelError, match="fair: 'timeout_x' is not a command"):
        waiting("timeout_x")
