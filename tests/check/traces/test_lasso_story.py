"""A liveness property that is violated because nothing has to happen says so, and what could."""

import pytest
from statemachine import State

from coordfsm.check.exploration.engines import Options, explore
from coordfsm.check.modelling.model import Model, Node, Property
from coordfsm.check.traces.trace import Trace, story
from coordfsm.kernel import Command, Machine, Value, compile_machine


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
    assert story(trace).endswith("(a step that must come is a timer) --\n")
    assert "-- from here on nothing has to happen" in story(trace)
