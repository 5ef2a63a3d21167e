"""Shorthand for declarations: the same transition in, or from, several states."""

from typing import Any

from statemachine import State


def within(*states: State, **how: Any) -> Any:
    """The same internal transition in each of the states."""
    first, *rest = (state.to(state, internal=True, **how) for state in states)
    for transition in rest:
        first |= transition
    return first


def moving(target: State, *states: State, **how: Any) -> Any:
    """The same transition from each of the states to `target`."""
    first, *rest = (state.to(target, **how) for state in states)
    for transition in rest:
        first |= transition
    return first
