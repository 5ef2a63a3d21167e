"""Values that Python holds equal are different states, and what does not equal itself is refused, in both engines."""

import itertools
import math
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import pytest

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Local, Model, Multiset, Node, Property, UnreliableSet
from coordfsm.kernel import Command, Map, Message, ModelError, Received, Send, Step, Value
from coordfsm.kernel.identity import alike


class Name(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Pair(NamedTuple):
    one: Any
    other: Any


class Box(Value):
    value: Any = None


class Carry(Message):
    value: Any


class Put(Command):
    value: Any


GROUPS = [
    (1, True, 1.0, Number.ONE),
    (0, False, 0.0, -0.0),
    ("a", Name.A),
    ((1, 2), Pair(1, 2), (1.0, 2)),
    (("a", (1,)), ("a", (True,)), (Name.A, (1,))),
    (frozenset({1}), frozenset({True}), frozenset({1.0})),
    (Map({"k": 1}), Map({"k": True}), Map({"k": 1.0})),
    (Map({1: "v"}), Map({True: "v"})),
    (b"a", "a", ("a",), ("b",)),
    (Box(1), Box(value=True), Box((0.0,)), Box((-0.0,))),
]
WRITABLE = [group for group in GROUPS if not any(isinstance(item, Map) for item in group)]
EXPLORERS = [reference.explore, native.explore]


def by_type(value):
    """What a machine can tell apart."""
    return f"{type(value).__name__} {value!r}"


def box(step, values=(), name="a"):
    return Node(name, Box(), step, commands=lambda _local: [Put(value) for value in values])


def keeps(_data, given):
    value = given.message.value if isinstance(given, Received) else given.value
    return Step(Box(value), (), ("keeps",))


def sends(data, given):
    return Step(data, (Send("b", Carry(given.value)),), ("sends",))


def never(value, observe):
    return Property("never", "Never this.", lambda seen: by_type(value) not in map(by_type, seen), observe=observe)


def held(local: Local) -> Any:
    return None if local.data is None else local.data.value


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("explore", EXPLORERS)
def test_in_data_and_observations(explore, group):
    for values in (group, group[::-1]):
        assert explore(Model("m", (box(keeps, values),), ())).distinct_states == 1 + len(group)
        for value in values:
            found = explore(Model("m", (box(keeps, values),), (never(value, held),)))
            assert found.verdict == "violated"


@pytest.mark.parametrize("group", WRITABLE, ids=repr)
@pytest.mark.parametrize("network", [UnreliableSet(), Multiset()])
def test_in_messages(network, group):
    def model(*properties, values=group):
        return Model("m", (box(sends, values), box(keeps, name="b")), properties, network=network)

    counts = {(found.distinct_states, found.transitions) for found in (explore(model()) for explore in EXPLORERS)}
    assert len(counts) == 1
    for explore, values in itertools.product(EXPLORERS, (group, group[::-1])):
        for value in values:
            assert explore(model(never(value, held), values=values)).verdict == "violated"


@pytest.mark.parametrize("explore", EXPLORERS)
def test_a_property_that_looks_at_equal_messages_as_a_set_is_refused(explore):
    any_ = Property("any", "Any.", lambda _seen, _flying: True, messages=True)
    with pytest.raises(ModelError, match=r"equal but not alike.*Carry\(value=1\), Carry\(value=True\)"):
        explore(Model("m", (box(sends, (1, True)), box(keeps, name="b")), (any_,)))


def gives_nan(_data, _given):
    return Step(Box((1, float("nan"))), (), ("keeps",))


def sends_nan(data, _given):
    return Step(data, (Send("b", Carry(math.nan)),), ("sends",))


@pytest.mark.parametrize("explore", EXPLORERS)
@pytest.mark.parametrize("step", [gives_nan, sends_nan])
def test_what_does_not_equal_itself_is_refused_by_name(explore, step):
    with pytest.raises(ModelError, match=r"a on local_put holds something that does not equal itself: .*value.*nan"):
        explore(Model("m", (box(step, (1,)), box(keeps, name="b")), ()))


@pytest.mark.parametrize("explore", EXPLORERS)
def test_nor_can_it_be_observed_or_be_there_from_the_start(explore):
    odd = Property("odd", "Odd.", lambda _seen: True, observe=lambda _local: (1, math.nan))
    with pytest.raises(ModelError, match=r"what odd observes holds something that does not equal itself: \[1\]: nan"):
        explore(Model("m", (box(keeps),), (odd,)))
    with pytest.raises(ModelError, match="does not equal itself"):
        explore(Model("m", (Node("a", Box(math.nan), keeps),), ()))


def test_a_machine_that_is_not_deterministic_in_a_type_is_refused():
    turns = itertools.cycle((1, True))
    with pytest.raises(ModelError, match=r"not deterministic on Put.*: data.value: 1 -> True"):
        native.explore(Model("m", (box(lambda _data, _given: Step(Box(next(turns)), (), ("r",)), (0,)),), ()))


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_alike(group):
    for one, other in itertools.product(group, group):
        assert alike(one, other) == (by_type_deep(one) == by_type_deep(other))


def by_type_deep(value):
    if isinstance(value, Map):
        return "map", frozenset(map(by_type_deep, value.items()))
    if isinstance(value, tuple | frozenset):
        return type(value), tuple(map(by_type_deep, value))
    return by_type(value)
