"""Predicates over all nodes alike, said by what they count: engines can count without asking Python.

Each is a predicate like any other, ``(observations) -> bool``: the reference explorer, the fuzzers and the simulator
call it. The native engine asks `where` once per distinct observation, a relation once per pair of them, and counts by
itself. So `where` and `relation` must depend on nothing but what they are given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from coordfsm.kernel import ModelError

Where = Callable[[Any], bool]
"""Whether something is so in one observation."""
Relation = Callable[[Any, Any], bool]
"""Whether two observations may stand side by side."""


@dataclass(frozen=True)
class Counted:
    """How many nodes are so: at least `least`, at most `most`.

    Attributes:
        where: which observations count.
        least: the fewest that may.
        most: the most that may; None: no bound.
        opposite: count those that are not so instead.
    """

    where: Where
    least: int = 0
    most: int | None = None
    opposite: bool = False

    def counts(self, observation: Any) -> bool:
        """Whether one observation counts."""
        return bool(self.where(observation)) != self.opposite

    def __call__(self, observations: Sequence[Any]) -> bool:
        """Whether the number of those that count is within the bounds."""
        number = sum([self.counts(observation) for observation in observations])
        return self.least <= number and (self.most is None or number <= self.most)


@dataclass(frozen=True)
class Paired:
    """Every two different nodes are in a relation, in both orders.

    Attributes:
        relation: of the observations of two nodes.
    """

    relation: Relation

    def __call__(self, observations: Sequence[Any]) -> bool:
        """Whether the relation is true of every pair."""
        return all(
            self.relation(one, other)
            for at, one in enumerate(observations)
            for beside, other in enumerate(observations)
            if at != beside
        )


Combinator = Counted | Paired


def of_nodes(predicate: Callable[..., bool], nodes: int) -> Callable[..., bool]:
    """A predicate on observations that hold more than the nodes': combinators are given those of the nodes alone."""
    if not isinstance(predicate, Counted | Paired):
        return predicate
    return lambda observations, *others: predicate(observations[:nodes], *others)


def count(where: Where, *, least: int = 0, most: int | None = None) -> Counted:
    """True where at least `least` and at most `most` nodes are so.

    Raises:
        ModelError: `where` cannot be called, or a bound is not a whole number from 0.
    """
    for name, bound in (("least", least), ("most", most)):
        if bound is not None and (type(bound) is not int or bound < 0):
            raise ModelError(f"{name} is {bound!r}; expected a whole number of nodes, from 0")
    return Counted(_callable(where, "where"), least, most)


def at_most(most: int, where: Where) -> Counted:
    """True where at most so many nodes are so: ``at_most(1, is_leader)``. Errors as of `count`."""
    return count(where, most=most)


def at_least(least: int, where: Where) -> Counted:
    """True where at least so many nodes are so. Errors as of `count`."""
    return count(where, least=least)


def exactly(number: int, where: Where) -> Counted:
    """True where exactly so many nodes are so. Errors as of `count`."""
    return count(where, least=number, most=number)


def any_of(where: Where) -> Counted:
    """True where some node is so. Errors as of `count`."""
    return count(where, least=1)


def for_all(where: Where) -> Counted:
    """True where all nodes are so. Errors as of `count`."""
    return Counted(_callable(where, "where"), most=0, opposite=True)


def for_all_pairs(relation: Relation) -> Paired:
    """True where every two different nodes are in this relation, in both orders.

    Raises:
        ModelError: `relation` cannot be called.
    """
    return Paired(_callable(relation, "relation"))


def never_together(one: Where, other: Where) -> Paired:
    """True where no node is as `one` says while a different node is as `other` says.

    Raises:
        ModelError: one of them cannot be called.
    """
    first, second = _callable(one, "one"), _callable(other, "other")
    return Paired(lambda observation, beside: not (first(observation) and second(beside)))


def _callable(given: Any, name: str) -> Any:
    if not callable(given):
        raise ModelError(f"{name} is {given!r}; expected a function of observations")
    return given
