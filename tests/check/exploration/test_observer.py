"""An observer keeps one history of all nodes: a register is checked for linearizability over its clients."""

import itertools
from dataclasses import replace

import pytest

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.combinators import at_most
from coordfsm.check.modelling.model import Model, Multiset, Node, Observer, Property, UnreliableSet
from coordfsm.check.traces.explorer import Explorer
from coordfsm.check.traces.replay import replay
from coordfsm.check.traces.trace import story
from coordfsm.kernel import Command, Message, ModelError, Notify, Received, Send, Step, Value
from coordfsm.testing.stateful import state_machine_of

ENGINES = [reference.explore, native.explore]


# -- a register at a server, and clients that each call it once --------------------------------------------------------


class Put(Command):
    value: int


class Get(Command):
    pass


class Write(Message):
    value: int


class Read(Message):
    pass


class Answer(Message):
    value: int


class Returned(Value):
    value: int


class Register(Value):
    value: int = 0
    copy: int = 0  # what a careless server answers from: it is brought up to date by the next read


class Client(Value):
    state: str = "idle"


def serve(data, given):
    if isinstance(given.message, Write):
        return Step(Register(given.message.value, data.copy), (Send(given.sender, Answer(0)),), ("write",))
    return Step(data, (Send(given.sender, Answer(data.value)),), ("read",))


def serve_carelessly(data, given):
    if isinstance(given.message, Read):
        return Step(Register(data.value, data.value), (Send(given.sender, Answer(data.copy)),), ("read",))
    return serve(data, given)


def call(data, given):
    if isinstance(given, Received):
        return Step(Client("done"), (Notify(Returned(given.message.value)),), ("return",))
    if data.state != "idle":
        return Step(data, (), ())
    message = Write(given.value) if isinstance(given, Put) else Read()
    return Step(Client("waiting"), (Send("register", message),), ("call",))


def note(history, occurrence):
    """Calls and returns, in their order: (client, call or None, value)."""
    command = occurrence.command
    if command is not None:
        kind, value = ("put", command.value) if isinstance(command, Put) else ("get", 0)
        history = (*history, (occurrence.node, kind, value))
    return (*history, *((occurrence.node, "returned", event.value) for event in occurrence.events))


def is_linearizable(history):
    """Whether some order of the calls keeps what came before what, and explains every value that was returned."""
    begins = {client: at for at, (client, kind, _) in enumerate(history) if kind != "returned"}
    ends = {client: at for at, (client, kind, _) in enumerate(history) if kind == "returned"}
    return any(
        explains(order, history, begins, ends)
        for size in range(len(ends), len(begins) + 1)  # a call that is under way may have taken effect or not
        for order in itertools.permutations(begins, size)
        if set(ends) <= set(order)
    )


def explains(order, history, begins, ends):
    value = 0
    for at, client in enumerate(order):
        if any(ends.get(later, len(history)) < begins[client] for later in order[at + 1 :]):
            return False
        _, kind, given = history[begins[client]]
        value = given if kind == "put" else value
        if kind == "get" and client in ends and history[ends[client]][2] != value:
            return False
    return True


def model(step=serve, network=None, **options):
    calls = {"ann": Put(1), "bob": Get(), "eve": Get()}
    clients = [Node(name, Client(), call, lambda _local, one=one: (one,)) for name, one in calls.items()]
    return Model(
        "register",
        (Node("register", Register(), step), *clients),
        (Property("L", "Calls take effect between call and return, one by one.",
                  lambda seen: is_linearizable(seen[-1]), observe=lambda _local: None),),
        network=network or Multiset(),
        observer=Observer((), note),
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("network", [Multiset(), Multiset(loss=1), Multiset(copies=2)])
def test_a_register_is_linearizable_and_both_engines_count_the_same(network):
    counts = {
        (report.verdict, report.distinct_states, report.transitions, report.depth)
        for report in (explore(model(network=network)) for explore in ENGINES)
    }
    [(verdict, states, *_)] = counts
    assert verdict == "holds"
    assert states > reference.explore(replace(model(network=network), observer=None, properties=())).distinct_states


@pytest.mark.parametrize("explore", ENGINES)
def test_an_answer_from_an_old_copy_is_not(explore):
    report = explore(model(serve_carelessly))
    assert (report.verdict, report.counterexample.property) == ("violated", "L")
    told = story(report.counterexample)
    assert "history: [] -> [[" in told
    assert replay(model(serve_carelessly), report.counterexample).same


def test_without_the_observer_nobody_can_tell():
    """Each client's own history says nothing of what came before what."""
    blind = replace(model(serve_carelessly), observer=None, properties=())
    assert native.explore(blind).verdict == "holds"


def test_a_combinator_counts_nodes_only():
    one = Property("one", "At most one waits.", at_most(1, lambda at: at == "waiting"),
                   observe=lambda local: getattr(local.data, "state", ""))  # fmt: skip
    found = [explore(replace(model(), properties=(one,))) for explore in ENGINES]
    assert {report.verdict for report in found} == {"violated"}
    assert {len(report.counterexample.steps) for report in found} == {2}


def test_the_explorer_shows_the_history_and_hypothesis_keeps_it():
    assert "<tr><td>history<td>[[ann, put, 1]]" in Explorer(model()).page("0")
    machine = state_machine_of(model(serve_carelessly))()
    machine.take("command", 0)
    assert machine.system.locals.values[machine.state.locals[-1]].kept == (("ann", "put", 1),)


def test_a_message_that_is_told_to_the_observer_is_never_left_out():
    def deaf(data, given):
        return Step(data, (Notify(Returned(1)),) if isinstance(given, Received) else (), ())

    loud = model(step=deaf, network=UnreliableSet())
    silent = Property("silent", "Nothing returns.", lambda seen: not any(kind == "returned" for _, kind, _ in seen[-1]),
                      observe=lambda _local: None)  # fmt: skip
    bounded = replace(loud, properties=(silent,), observer=Observer((), lambda kept, told: note(kept, told)[-4:]))
    for explore in ENGINES:
        for por in (False, True):
            assert explore(bounded, por=por).verdict == "violated"


@pytest.mark.parametrize(
    ("observer", "message"),
    [(3, "observer is 3, expected an Observer"), (Observer((), lambda kept: kept), "observer: observe takes .*2 arg")],
)
def test_an_observer_that_is_none_is_refused(observer, message):
    with pytest.raises(ModelError, match=message):
        replace(model(), observer=observer)


def test_symmetry_refuses_an_observer():
    with pytest.raises(ModelError, match="symmetry with an observer is not supported"):
        native.explore(model(symmetric=(("bob", "eve"),)), symmetry=True)
