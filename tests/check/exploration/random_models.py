"""Small models at random: nodes that talk, write, notify, wait and raise, on every network, with every fault."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hypothesis import strategies as st

from coordfsm.check.modelling.model import (
    Each,
    Envelope,
    Faults,
    Local,
    Model,
    Multiset,
    Node,
    Observer,
    Ordered,
    Partition,
    Property,
    Start,
    UnreliableSet,
)
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Effect,
    Message,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Step,
    Timer,
    TimerFired,
    Value,
    Write,
)

PLACES, LETTERS = 4, 3
DOWN = -1
PRESS, RING = "press", "ring"
BELL = Timer("bell")


class Word(Message):
    letter: int


class Press(Command):
    """Somebody presses the button."""


class Place(Value):
    number: int


class Say(NamedTuple):
    """Send a letter to a node, or to those that a role stands for."""

    to: str
    letter: int


class Rule(NamedTuple):
    """What a node does on one input in one place."""

    to: int  # `PLACES`: it raises
    effects: tuple[Effect | Say, ...] = ()


Table = Mapping[tuple[int, int | str], Rule]
"""By place and input: a letter, `PRESS` or `RING`."""

WRITES = [Persist((Write("place", Place(number)),)) for number in range(PLACES)]
OTHERS = [*WRITES, Notify(Place(0)), Notify(Place(1)), SetTimer(BELL, 10), SetTimer(BELL, 10), CancelTimer(BELL)]
INPUTS = [*range(LETTERS), PRESS, PRESS, RING]


def place(local: Local) -> int:
    """Where a node is."""
    return DOWN if local.data is None else local.data.number


def node(
    name: str,
    table: Table,
    roles: Mapping[str, tuple[str, ...]] | None = None,
    *,
    boots: bool = True,
    fair: tuple[str, ...] = (),
) -> Node:
    """A node that follows a table; `roles` says whom it means. ``"sender"`` is who sent what it answers."""

    def step(data, given):
        if isinstance(given, Recover):
            kept = [write.value.number for write in given.records]
            return Step(Place(kept[0] if kept else 0), (), ("recovers",))
        which = (
            given.message.letter if isinstance(given, Received) else RING if isinstance(given, TimerFired) else PRESS
        )
        rule = table.get((data.number, which))
        if rule is None:
            return Step(data, (), ())
        if rule.to == PLACES:
            raise ValueError("the machine is broken")
        meant = {**(roles or {}), "sender": (given.sender,) if isinstance(given, Received) else ()}
        effects = [effect for item in rule.effects for effect in done(item, meant)]
        return Step(Place(rule.to), tuple(effects), (f"{data.number} {which}",))

    return Node(
        name,
        Place(0),
        step,
        commands=lambda _local: (Press(),),
        boots=boots,
        history=lambda seen, event: seen if len(seen) == 2 else (*seen, event.number),
        first_history=(),
        rules=tuple(f"{number} {which}" for number in range(PLACES) for which in dict.fromkeys(INPUTS)),
        fair=fair,
        final=lambda local: place(local) == 0,
    )


def done(item: Effect | Say, meant: Mapping[str, tuple[str, ...]]) -> list[Effect]:
    """One item of a rule as effects."""
    if isinstance(item, Say):
        return [Send(name, Word(item.letter)) for name in meant.get(item.to, (item.to,))]
    return [item]


def pair(tables: tuple[Table, Table], network, faults, *, wrong, good: int, presses: int) -> Model:
    """The nodes a and b, which must never be at the places `wrong` at once, and can always get one to `good`."""
    return Model(
        "pair",
        (node("a", tables[0]), node("b", tables[1])),
        (
            Property("wrong", "Never there at once.", lambda seen: seen != wrong, observe=place),
            Property("there", "Once there.", lambda seen: good in seen, kind="sometimes", observe=place),
            Property("back", "Always a way there.", lambda seen: good in seen, kind="reachable", observe=place),
        ),
        network=network,
        faults=faults,
        budgets={"local_press": presses},
    )


# -- strategies --------------------------------------------------------------------------------------------------------

SETS = [UnreliableSet(), UnreliableSet(loss=1), UnreliableSet(loss=None)]
BAGS = [
    Multiset(),
    Multiset(loss=None),
    Multiset(loss=1, duplicate=1),
    Multiset(loss=None, copies=3),
    Multiset(duplicate=2, copies=2),
]
CHANNELS = [
    Ordered(capacity=2),
    Ordered(loss=1, capacity=3),
    Ordered(loss=None, capacity=2),
    Ordered(duplicate=1, capacity=1),
]
CUT = Partition("cut", frozenset({("a", "b"), ("b", "a")}))
FAULTS = [
    Faults(),
    Faults(),
    Faults(crash=1),
    Faults(crash=1, torn=False),
    Faults(crash=1, recover=False),
    Faults(crash=1, crashable=("a",)),
    Faults(crash=Each(1)),
    Faults(crash=1, rollback=1),
    Faults(crash=1, wipe=1, torn=False),
    Faults(crash=2, rollback=1, wipe=1, stores=("a",), torn=False),
    Faults(clone=1),
    Faults(crash=1, clone=2, rollback=1, torn=False),
    Faults(crash=1, partitions=(CUT,), partition=1),
]


def tables(says: list[Say], *, raises: bool):
    """Tables whose rules say only this."""
    effects = st.lists(st.sampled_from([*says, *says, *OTHERS]), max_size=3).map(tuple)
    to = st.sampled_from([*range(PLACES)] * 4 + [PLACES] * raises)
    key = st.tuples(st.integers(0, PLACES - 1), st.sampled_from(INPUTS))
    return st.dictionaries(key, st.builds(Rule, to, effects), max_size=12)


def places(count: int):
    """Where so many nodes are; None: anywhere."""
    return st.tuples(*[st.sampled_from([None, DOWN, *range(PLACES)])] * count)


def are_at(wanted):
    """Whether all nodes are where they are wanted."""
    return lambda seen: all(want in {None, at} for want, at in zip(wanted, seen, strict=True))


def budgets():
    """How often the button may be pressed and the bell may ring: in all, or at each node."""
    presses = st.one_of(st.integers(0, 3), st.integers(0, 2).map(Each))
    rings = st.one_of(st.integers(0, 2), st.integers(0, 1).map(Each))
    return st.fixed_dictionaries({"local_press": presses, "timeout_ring": rings})


def starts(names: str):
    """Up to three ways in which these nodes can stand at first; two of them may be the same."""
    known = st.sampled_from(names)
    somewhere = st.integers(0, PLACES - 2).map(Place)
    word = st.builds(Envelope, known, known, st.integers(0, LETTERS - 1).map(Word))
    start = st.tuples(
        st.dictionaries(known, somewhere),
        st.dictionaries(known, somewhere.map(lambda at: (Write("place", at),))),
        st.lists(word, max_size=2).map(tuple),
    )
    return st.lists(start, max_size=3).map(lambda given: tuple(Start(f"s{at}", *one) for at, one in enumerate(given)))


def happened(told):
    """What an observer keeps of an occurrence."""
    return told.node, told.command is not None, tuple(event.number for event in told.events)


@st.composite
def models(draw, *, fair: bool = False, cut: bool = False, networks=(*SETS, *BAGS, *CHANNELS)) -> Model:
    """Models of one to three nodes; `fair` ones have properties of fair executions instead of invariants, and all that
    are `cut` have a boundary.
    """
    originals = "abc"[: draw(st.integers(1, 3))]
    faults = draw(st.sampled_from(FAULTS if len(originals) > 1 else FAULTS[:-1]))
    names = originals + "z" * (faults.clone > 0)
    said = [Say(name, letter) for name in names for letter in range(LETTERS)]
    wanted = [are_at(draw(places(len(names)))) for _ in range(4)]
    is_history_seen = draw(st.booleans())

    def state(local):
        return place(local), local.history if is_history_seen else ()

    def where(predicate):
        return lambda seen: predicate([at for at, _ in seen[: len(names)]])

    there = Property("there", "Once there.", where(wanted[0]), kind="sometimes", observe=state)
    back = Property("back", "Always a way there.", where(wanted[1]), kind="reachable", observe=state)
    never = where(wanted[2])
    observer = draw(st.sampled_from([None, Observer((), lambda kept, told: (*kept, happened(told))[-2:])]))
    kept = draw(st.tuples(st.sampled_from(names), st.sampled_from(names)))
    follows = draw(st.booleans())

    def is_safe(seen):
        return not never(seen) or (follows and [name for name, *_ in (seen[len(names) :] or [()])[0]] != list(kept))

    safe = Property("wrong", "Never there.", is_safe, observe=state)
    at_last = Property("at last", "There at last.", where(wanted[0]), kind="eventually", observe=state)
    then = Property("then", "Then there.", where(wanted[1]), kind="leads_to", observe=state, trigger=where(wanted[3]))
    presses = st.sampled_from([(), ("local_press",)])
    booting = st.just(True) if faults.rollback or faults.clone or faults.wipe else st.booleans()  # noqa: FBT003
    nodes = [
        node(name, draw(tables(said, raises=not fair)), boots=draw(booting), fair=draw(presses)) for name in originals
    ]
    nodes += [replace(nodes[0], name=name, clone_of="a") for name in names[len(originals) :]]
    return Model(
        "random",
        tuple(nodes),
        (there, *((at_last, then) if fair else (safe,)), *([back] if draw(st.booleans()) else [])),
        network=draw(st.sampled_from(networks)),
        faults=faults,
        budgets=draw(budgets()),
        observer=observer,
        starts=draw(st.one_of(st.just(()), starts(originals))),
        boundary=is_within if cut or draw(st.integers(0, 5)) == 0 else None,
    )


def is_within(local: Local) -> bool:
    """A boundary that leaves out one place."""
    return place(local) != PLACES - 1


@st.composite
def symmetric_models(draw) -> Model:
    """Two or three interchangeable nodes, and a server."""
    names = ("a", "b", "c")[: draw(st.integers(2, 3))]
    said = [Say(role, letter) for role in ("others", "server", "sender") for letter in range(LETTERS)]
    table, served = draw(tables(said, raises=False)), draw(tables(said, raises=False))
    wanted, most = draw(st.integers(0, PLACES - 1)), draw(st.integers(1, len(names)))

    def few(seen):
        return seen[:-1].count(wanted) <= most

    def client(name):
        return node(name, table, {"others": tuple(other for other in names if other != name), "server": ("s",)})

    return Model(
        "symmetric",
        (*map(client, names), node("s", served, {"others": names, "server": ()})),
        (
            Property("few", "Few are there.", few, observe=place),
            Property("there", "Once there.", lambda seen: wanted in seen, kind="sometimes", observe=place),
        ),
        network=draw(st.sampled_from([*SETS, *BAGS])),
        faults=draw(st.sampled_from([Faults(), Faults(crash=1, torn=False), Faults(crash=Each(1), torn=False)])),
        budgets=draw(budgets()),
        symmetric=(names,),
    )
