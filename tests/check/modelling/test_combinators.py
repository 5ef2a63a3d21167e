"""Combinators are the predicates that they stand for, in both engines; a predicate is asked for what it reads only."""

import copy
import pickle
from dataclasses import replace
from itertools import combinations, permutations, product

import pytest
from check.exploration.random_models import PLACES, models, place
from check.exploration.test_random_models import check_same, explored
from hypothesis import given, settings
from hypothesis import strategies as st

from coordfsm.check.modelling.combinators import (
    any_of,
    at_least,
    at_most,
    count,
    exactly,
    for_all,
    for_all_pairs,
    never_together,
)
from coordfsm.check.modelling.model import Model, Node, Property
from coordfsm.kernel import Command, ModelError, Step, Value

pytest.importorskip("numba")
from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.native.verdicts import counting
from coordfsm.check.native.verdicts.recorded import Recorded, evaluate

often = settings(max_examples=60, deadline=None)


def is_odd(number):
    return number % 2 == 1


def is_big(number):
    return number >= 2


def is_near(one, other):
    return one <= other + 1  # in one order only


PLAIN = {
    "at_most": (at_most(1, is_odd), lambda seen: sum(map(is_odd, seen)) <= 1),
    "at_least": (at_least(2, is_odd), lambda seen: sum(map(is_odd, seen)) >= 2),
    "exactly": (exactly(1, is_odd), lambda seen: sum(map(is_odd, seen)) == 1),
    "count": (count(is_odd, least=1, most=2), lambda seen: 1 <= sum(map(is_odd, seen)) <= 2),
    "any_of": (any_of(is_big), lambda seen: any(map(is_big, seen))),
    "for_all": (for_all(is_big), lambda seen: all(map(is_big, seen))),
    "for_all_pairs": (for_all_pairs(is_near), lambda seen: all(is_near(*pair) for pair in permutations(seen, 2))),
    "never_together": (
        never_together(is_odd, is_big),
        lambda seen: not any(is_odd(one) and is_big(other) for one, other in permutations(seen, 2)),
    ),
    "differ": (for_all_pairs(lambda one, other: one != other), lambda seen: len({*seen}) == len(seen)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_in_python_they_are_the_plain_predicates(name):
    combinator, plain = PLAIN[name]
    for length in range(5):
        for seen in product(range(4), repeat=length):
            assert combinator(seen) == plain(seen), seen


@often
@given(
    model=models(),
    names=st.lists(st.sampled_from(sorted(PLAIN)), min_size=1, max_size=4, unique=True),
    kind=st.sampled_from(["invariant", "sometimes", "reachable"]),
    threads=st.integers(1, 2),
    paired=st.sampled_from([1, 2, counting.MOST_PAIRED]),
    part=st.sampled_from([1, 7, counting.PART]),
    group=st.sampled_from([0, counting.GROUP_BITS]),
)
def test_on_random_models_too(model, names, kind, threads, paired, part, group):
    def with_properties(which):
        def of_nodes(name):
            return PLAIN[name][0] if which == 0 else lambda seen: PLAIN[name][1](seen[: len(model.nodes)])

        items = [Property(name, "...", of_nodes(name), kind, observe=place) for name in names]
        return replace(model, properties=tuple(items))

    expected = explored(with_properties(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "MOST_PAIRED", paired)
        patch.setattr(counting, "PART", part)
        patch.setattr(counting, "GROUP_BITS", group)
        check_same(native.explore(with_properties(0), threads=threads), expected)
    check_same(native.explore(with_properties(1), threads=threads), expected)
    check_same(reference.explore(with_properties(0)), expected)


@pytest.mark.parametrize("make", [lambda: at_most(-1, is_odd), lambda: exactly(True, is_odd), lambda: for_all("odd")])  # noqa: FBT003
def test_what_cannot_count_is_refused(make):
    with pytest.raises(ModelError, match="expected a"):
        make()


# -- what is read ------------------------------------------------------------------------------------------------------

ITEMS = ("a", "b", "c")
READINGS = {
    "nothing": (lambda seen: len(seen) == 3, set()),
    "one": (lambda seen: seen[1] == "b", {1}),
    "the last": (lambda seen: seen[-1] == "c", {2}),
    "a slice": (lambda seen: seen[:2] == ("a", "b"), {0, 1}),
    "up to the first": (lambda seen: any(item == "a" for item in seen), {0}),
    "unpacked": (lambda seen: max(*seen) == "c", {0, 1, 2}),
    "pairs": (lambda seen: all(one != other for one, other in combinations(seen, 2)), {0, 1, 2}),
    "joined": (lambda seen: ("x", *ITEMS) == ("x",) + seen, {0, 1, 2}),  # noqa: RUF005
    "compared": (lambda seen: seen == ITEMS and ITEMS == seen and seen < ("b",), {0, 1, 2}),  # noqa: SIM300
    "hashed": (lambda seen: {ITEMS: True}[seen], {0, 1, 2}),
    "looked through": (lambda seen: "b" in seen and seen.count("b") == 1 and seen.index("b") == 1, {0, 1, 2}),
    "backwards": (lambda seen: next(reversed(seen)) == "c", {2}),
    "copied": (lambda seen: copy.copy(seen) == pickle.loads(pickle.dumps(seen)) == ITEMS, {0, 1, 2}),
    "formatted by compiled code": (lambda seen: "%s%s%s" % seen == "abc", {0, 1, 2}),  # noqa: UP031
    "prefixes for compiled code": ("abc".startswith, {0, 1, 2}),
    "told": (lambda seen: repr(seen) == f"{seen}" == str(ITEMS), {0, 1, 2}),
}


@pytest.mark.parametrize("name", READINGS)
def test_what_a_predicate_reads_is_noted(name):
    predicate, expected = READINGS[name]
    assert predicate(ITEMS)
    read: set[int] = set()
    assert evaluate(predicate, ITEMS, read)
    assert read == expected


def test_a_predicate_that_catches_everything_is_asked_with_the_tuple_itself():
    def caught(seen):
        try:
            return "%s" % seen == "a"  # noqa: UP031
        except Exception:  # noqa: BLE001
            return False

    read: set[int] = set()
    assert evaluate(caught, ("a",), read)
    assert read == {0}


def test_it_is_a_tuple():
    assert isinstance(Recorded(ITEMS, set()), tuple)


# -- how often Python is asked -----------------------------------------------------------------------------------------


class Go(Command):
    """Take the step."""


class At(Value):
    number: int


def steps_once(count_of_nodes):
    def step(data, given):
        return Step(At(1), (), ("go",)) if data.number == 0 and isinstance(given, Go) else Step(data, (), ())

    return [Node(f"n{at}", At(0), step, commands=lambda _local: (Go(),)) for at in range(count_of_nodes)]


@pytest.mark.parametrize(
    ("predicate", "most"),
    [
        (lambda _seen: True, 2),
        (lambda seen: seen[0] < 2, 4),
        (lambda seen: not (seen[3] == 2 and seen[5] == 2), 4),
        (lambda seen: seen[3] == 0 or seen[5] < 2, 8),
    ],
)
def test_a_predicate_is_asked_once_for_what_it_reads(predicate, most):
    asked = []

    def counted(seen):
        asked.append(1)
        return predicate(seen)

    model = Model("steps", tuple(steps_once(10)), (Property("p", "...", counted, observe=lambda at: at.data.number),))
    report = native.explore(model)
    assert (report.verdict, report.distinct_states, len(asked) <= most) == ("holds", 1024, True)


@pytest.mark.parametrize(
    "make", [lambda where: at_most(10, where), lambda where: never_together(where, lambda _: False)]
)
def test_a_combinator_is_asked_once_for_each_observation_or_pair(make):
    asked = []

    def where(number):
        asked.append(number)
        return number == 1

    item = Property("p", "...", make(where), observe=lambda local: local.data.number)
    report = native.explore(Model("steps", tuple(steps_once(10)), (item,)))
    assert (report.verdict, report.distinct_states) == ("holds", 1024)
    assert len(asked) <= 8


def test_a_relation_that_fails_for_two_that_never_meet_is_asked_for_those_that_do():
    def fits(one, other):
        if (one, other) == (PLACES, PLACES):
            raise ValueError("no two nodes are ever there")
        return True

    def step(data, given):
        return Step(At(PLACES), (), ("go",)) if isinstance(given, Go) else Step(data, (), ())

    nodes = tuple(Node(f"n{at}", At(0), step, commands=lambda _local: (Go(),)) for at in range(3))
    item = Property("p", "...", for_all_pairs(fits), observe=lambda local: local.data.number)
    model = Model("once", nodes, (item,), budgets={"local_go": 1})
    assert native.explore(model).verdict == reference.explore(model).verdict == "holds"
