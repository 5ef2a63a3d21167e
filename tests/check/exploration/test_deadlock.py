"""Freedom of deadlocks: a node rests nowhere unless its model says where."""

from dataclasses import replace

from statemachine import State

from coordfsm.check import native
from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.walks import Walks, walk
from coordfsm.check.modelling.model import Model, Node
from coordfsm.kernel import Command, Machine, Message, Received, Send, Value, compile_machine


class Grab(Message):
    """Let me have the fork."""


class Grant(Message):
    """You have the fork."""


class Return(Message):
    """Here is the fork."""


class Hungry(Command):
    """A philosopher wants to eat."""


class Philosophy(Value):
    forks: tuple[str, ...] = ()
    held: int = 0
    state: str = "thinking"


def ask(data: Philosophy, given: Hungry):
    return data, (Send(data.forks[0], Grab()),)


def ask_for_the_other(data: Philosophy, given: Received):
    return with_held(data, 1), (Send(data.forks[1], Grab()),)


def eat(data: Philosophy, given: Received):
    return with_held(data, 0), tuple(Send(fork, Return()) for fork in data.forks)


def with_held(data: Philosophy, held: int):
    return Philosophy(data.forks, held, data.state)


class Philosopher(Machine):
    thinking = State(initial=True)
    wanting = State()
    holding = State()

    local_hungry = thinking.to(wanting, on=ask)
    recv_grant = wanting.to(holding, on=ask_for_the_other) | holding.to(thinking, on=eat)
    ignored = {(state, "local_hungry"): "hungry already" for state in ("wanting", "holding")} | {
        ("thinking", "recv_grant"): "never asked"
    }


class Table(Value):
    waiting: tuple[str, ...] = ()
    state: str = "free"


def grant(data: Table, given: Received):
    return data, (Send(given.sender, Grant()),)


def queue(data: Table, given: Received):
    return Table((*data.waiting, given.sender), data.state), ()


def is_awaited(data: Table, given: Received) -> bool:
    return bool(data.waiting)


def pass_on(data: Table, given: Received):
    return Table(data.waiting[1:], data.state), (Send(data.waiting[0], Grant()),)


class Fork(Machine):
    free = State(initial=True)
    taken = State()

    recv_grab = free.to(taken, on=grant) | taken.to(taken, internal=True, on=queue)
    recv_return = taken.to(taken, internal=True, cond=is_awaited, on=pass_on) | taken.to(free)
    ignored = {("free", "recv_return"): "nobody has it"}


PHILOSOPHER, FORK = compile_machine(Philosopher), compile_machine(Fork)


def dinner(count: int = 3) -> Model:
    """Philosophers who all take the left fork first; once each, so that a quiet end is possible, too."""
    philosophers = tuple(
        Node(
            f"p{at}",
            Philosophy((f"f{at}", f"f{(at + 1) % count}")),
            PHILOSOPHER.step,
            lambda _local: (Hungry(),),
            rules=PHILOSOPHER.rule_names,
        )
        for at in range(count)
    )
    forks = tuple(Node(f"f{at}", Table(), FORK.step, rules=FORK.rule_names) for at in range(count))
    return Model("dinner", (*philosophers, *forks), (), deadlock=True)


def test_philosophers_who_all_take_the_left_fork_are_in_a_deadlock():
    for found in (explore(dinner()), native.explore(dinner())):
        assert [(item.id, item.kind, item.verdict) for item in found.properties] == [
            ("deadlock", "deadlock", "violated")
        ]
        story = found.counterexample.steps
        assert sum(step.kind == "command" for step in story) == 3
        assert found.counterexample.property == "deadlock"
        assert len(story) == 12  # each: hungry, one fork granted, the other in vain


def test_one_who_takes_the_right_fork_first_prevents_it():
    model = dinner()
    other = replace(model.nodes[0], initial=Philosophy(("f1", "f0")))
    for found in (explore, native.explore):
        assert found(replace(model, nodes=(other, *model.nodes[1:]))).holds


def test_what_goes_on_beyond_the_boundary_is_no_deadlock():
    cut = replace(dinner(), boundary=lambda local: getattr(local.data, "waiting", ()) == ())
    for engine in (explore, native.explore):
        found = engine(cut)
        assert found.holds
        assert found.cut_off > 0
    assert walk(cut, Walks(200, 40, 0)).counterexample is None


def test_who_may_rest_is_in_no_deadlock():
    model = dinner()
    resting = tuple(replace(node, final=lambda _local: True) for node in model.nodes)
    assert explore(replace(model, nodes=resting)).holds
