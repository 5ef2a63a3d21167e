"""Makes a run that violates a property shorter, by leaving out whatever the violation does not need.

For runs found at random: those of the explorers are shortest already. The result is 1-minimal: without any single
one of its actions it is no violation any more.
"""

from collections.abc import Callable, Sequence

from coordfsm.check.exploration.semantics import Action, State, System

Path = list[tuple[Action | None, State]]


def shortened(system: System, path: Path, violated: Callable[[State], bool]) -> Path:
    """A path from the same initial state to a violation, with a part of the actions in the same order.

    Args:
        system: what the path is of.
        path: from the initial state (its action is None) to a state in which `violated` is true.
        violated: what is to be kept.

    Returns:
        The path itself if it does not end in a violation.
    """
    best = path
    chunk = max((len(path) - 1) // 2, 1)
    while chunk:
        start, shrunk = 0, False
        while start < len(best) - 1:
            actions = [action for action, _ in best[1:] if action is not None]
            candidate = _run(system, best[0][1], actions[:start] + actions[start + chunk :], violated)
            if candidate is not None and len(candidate) < len(best):
                best, shrunk = candidate, True
            else:
                start += chunk
        if chunk > 1 or not shrunk:
            chunk //= 2
    return best


def _run(system: System, first: State, actions: Sequence[Action], violated: Callable[[State], bool]) -> Path | None:
    """Take the actions that are possible, until the violation; None if it does not come."""
    path: Path = [(None, first)]
    for action in actions:
        if violated(path[-1][1]):
            break
        state = path[-1][1]
        after = next((successor for taken, successor in system.successors(state) if taken == action), None)
        if after is not None:
            path.append((action, after))
    return path if violated(path[-1][1]) else None
