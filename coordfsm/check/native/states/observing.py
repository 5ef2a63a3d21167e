"""What a property sees of interchangeable nodes, and what it sees once two of them are exchanged."""

from collections.abc import Callable
from typing import Any

from coordfsm.check.exploration.semantics import Interner, System
from coordfsm.kernel import ModelError

Seen = tuple[int, ...]
"""Per node: the number of what is observed of it."""


class View:
    """One projection of the local states, in numbers.

    Args:
        told: whose projection it is, for errors.
        observe: the projection.
        system: the model made executable.
        names: per swap, the names of the nodes that it exchanges.
    """

    def __init__(self, told: str, observe: Callable[[Any], Any], system: System, names: list[dict[str, str]]) -> None:
        self._told, self._observe, self._system, self._names = told, observe, system, names
        self._observations = Interner()
        self._numbers: dict[int, int] = {}
        self._images: list[dict[tuple[int, int], int]] = [{} for _ in names]

    def enter(self, position: int, local: int, images: list[int]) -> None:
        """Learn what exchanges make of one more local state (all by the system's numbers).

        Raises:
            ModelError: it looks like another one that the same exchange makes look different.
        """
        seen = self._number(local)
        for swap, image in enumerate(images):
            found = self._number(image)
            if self._images[swap].setdefault((position, seen), found) != found:
                names = " and ".join(self._names[swap])
                raise ModelError(
                    f"{self._told} observes what tells {names} apart (`observe` names a node), "
                    "so it cannot be checked with symmetry"
                )

    def observed(self, locals_: tuple[int, ...]) -> Seen:
        """What is observed in a state."""
        return tuple(map(self._number, locals_))

    def image(self, seen: Seen, swap: int, left: int, right: int) -> Seen:
        """What is observed once the nodes at two positions are exchanged."""
        images = self._images[swap]
        after = [images[at] for at in enumerate(seen)]
        after[left], after[right] = after[right], after[left]
        return tuple(after)

    def values(self, seen: Seen) -> tuple[Any, ...]:
        """The observations themselves."""
        return tuple(self._observations.values[number] for number in seen)

    def _number(self, local: int) -> int:
        known = self._numbers.get(local)
        if known is None:
            known = self._numbers[local] = self._observations(self._observe(self._system.locals.values[local]))
        return known
