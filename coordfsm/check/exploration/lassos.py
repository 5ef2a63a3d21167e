"""Counterexamples to properties of whole executions: a way to a loop, and the loop."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

S = TypeVar("S")

Edges = Mapping[int, set[tuple[int, int]]]
"""Per state of a component (by number): where it leads, and what weak fairness calls that; 0: nothing."""


@dataclass(frozen=True)
class Lasso(Generic[S]):
    """A fair execution that never reaches a goal.

    Attributes:
        stem: from a state in which the goal was due to the one where the loop begins, both included.
        loop: the states after that, the last one being where the loop began; empty: it stays there for ever.
    """

    stem: list[S]
    loop: list[S]


def fair_walk(edges: Edges, entry: int) -> list[int]:
    """A closed walk from `entry` within its component that is fair to every label, without its first state.

    Args:
        edges: of every state of the component; what leads out of it is only possible.
        entry: where the walk begins.
    """
    able = {state: {label for _, label in found} for state, found in edges.items()}
    wanted = {label for labels in able.values() for label in labels if label}

    def idle_or_done(label: int) -> Callable[[int, int], bool]:
        return lambda target, taken: taken == label or label not in able[target]

    walk = [entry]
    for label in sorted(wanted):
        steps = list(pairwise(walk))
        if any(label not in able[state] for state in walk) or any((step[1], label) in edges[step[0]] for step in steps):
            continue
        walk += _hop(edges, walk[-1], idle_or_done(label))
    if walk[-1] != entry:
        walk += _hop(edges, walk[-1], lambda target, _taken: target == entry)
    return walk[1:]


def _hop(edges: Edges, start: int, reached: Callable[[int, int], bool]) -> list[int]:
    """The shortest walk within a component whose last transition satisfies `reached`; without its first state."""
    came: dict[int, int] = {}
    queue = deque([start])
    seen = {start}
    while queue:
        source = queue.popleft()
        for target, label in sorted(edges[source]):
            if target not in edges:
                continue
            if reached(target, label):
                walk = [target, source]
                while walk[-1] != start:
                    walk.append(came[walk[-1]])
                return walk[-2::-1] if len(walk) > 1 else walk
            if target not in seen:
                seen.add(target)
                came[target] = source
                queue.append(target)
    raise AssertionError("a fair component has no walk that is fair to one of its labels")
