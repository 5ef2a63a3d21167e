"""What a machine ignores is a transition when an onlooker sees it: it may be wrong to ignore it."""

import pytest

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Model, Multiset, Node, Property, UnreliableSet
from coordfsm.kernel import Command, Message, Notify, Received, Recover, Send, Step, Value


class Alarm(Command):
    """It rings."""


class Word(Message):
    """Somebody says that it rings."""


class Sleeper(Value):
    """Hears nothing."""


def asleep(data, given):
    """No rule fires; what comes is told to whoever looks on."""
    if isinstance(given, Recover):
        return Step(data, (Send("b", Word()),), ("wakes",))
    return Step(data, (Notify(given.message if isinstance(given, Received) else given),), ())


def sleeper(name, *, watched):
    return Node(
        name,
        Sleeper(),
        asleep,
        commands=lambda _local: (Alarm(),) if name == "a" else (),
        boots=name == "a",
        history=lambda seen, event: seen | {type(event).__name__} if watched else seen,
        first_history=frozenset(),
    )


def model(network, *, watched):
    quiet = Property("quiet", "Nobody heard a thing.", lambda seen: not any(seen), observe=lambda local: local.history)
    return Model("house", tuple(sleeper(name, watched=watched) for name in "ab"), (quiet,), network=network)


@pytest.mark.parametrize("engine", [reference.explore, native.explore])
@pytest.mark.parametrize("network", [UnreliableSet(), Multiset()])
def test_what_an_onlooker_sees_is_explored_though_no_rule_fires(engine, network):
    report = engine(model(network, watched=True))
    assert (report.verdict, report.counterexample.property) == ("violated", "quiet")
    assert len(report.counterexample.steps) == 1


@pytest.mark.parametrize("engine", [reference.explore, native.explore])
def test_what_nobody_sees_and_no_rule_takes_is_no_transition(engine):
    report = engine(model(UnreliableSet(), watched=False))
    assert (report.verdict, report.distinct_states, report.transitions) == ("holds", 1, 1)
