"""How much of a breadth-first exploration is left, where that can be told honestly."""

from collections.abc import Sequence
from itertools import pairwise

SHRINKING = 3
"""So many levels in a row must each be smaller than the one before."""


def states_left(levels: Sequence[int]) -> int | None:
    """About how many states are still to be found; None as long as nothing points to an end.

    Levels of a finite graph grow, and shrink faster and faster once the bounds of the model are felt. So a geometric
    series with the last ratio is an estimate from above, unless a late fault opens a new part of the graph.

    Args:
        levels: sizes of the levels found so far, the first one first; the last one may still be in work.
    """
    last = levels[-SHRINKING - 1 :]
    if len(last) <= SHRINKING or any(later >= earlier for earlier, later in pairwise(last)):
        return None
    ratio = last[-1] / last[-2]
    return round(last[-1] * ratio / (1 - ratio))
