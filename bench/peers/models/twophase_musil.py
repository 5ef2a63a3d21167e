"""Two-phase commit (Gray and Lamport, 2006) for musil: ``python twophase_musil.py RMS``.

Prints one line of JSON: distinct states, seconds, and whether the invariant holds. Sets of resource managers are bit
masks in a named tuple, which musil explores faster than a frozen dataclass.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from musil import Action, Model, check  # type: ignore[import-not-found,unused-ignore]  # another interpreter has it

UNLIMITED = 10**12


class State(NamedTuple):
    """A resource manager in none of the first three sets is working."""

    prepared: int = 0
    committed: int = 0
    aborted: int = 0
    known: int = 0
    told: int = 0
    order: str = ""


def _working(bit: int, state: State) -> bool:
    return not (state.prepared | state.committed | state.aborted) & bit


def _can_learn(bit: int, state: State) -> bool:
    return not state.order and bool(state.told & bit)


def _learn(bit: int, state: State) -> State:
    return state._replace(known=state.known | bit)


def _prepare(bit: int, state: State) -> State:
    return state._replace(prepared=state.prepared | bit, told=state.told | bit)


def _withdraw(bit: int, state: State) -> State:
    return state._replace(aborted=state.aborted | bit)


def _commit(bit: int, state: State) -> State:
    return State(
        state.prepared & ~bit, state.committed | bit, state.aborted & ~bit, state.known, state.told, state.order
    )


def _abort(bit: int, state: State) -> State:
    return State(
        state.prepared & ~bit, state.committed & ~bit, state.aborted | bit, state.known, state.told, state.order
    )


def _ordered(order: str) -> Callable[[State], bool]:
    return lambda state: state.order == order


def build(rms: int) -> Model[State]:
    """Two-phase commit among `rms` resource managers."""
    everyone = (1 << rms) - 1
    actions = [
        Action("decide commit", lambda s: not s.order and s.known == everyone, lambda s: s._replace(order="commit")),
        Action("decide abort", _ordered(""), lambda s: s._replace(order="abort")),
    ]
    for bit in (1 << number for number in range(rms)):
        actions += [
            Action(f"learn {bit}", partial(_can_learn, bit), partial(_learn, bit)),
            Action(f"prepare {bit}", partial(_working, bit), partial(_prepare, bit)),
            Action(f"withdraw {bit}", partial(_working, bit), partial(_withdraw, bit)),
            Action(f"commit {bit}", _ordered("commit"), partial(_commit, bit)),
            Action(f"abort {bit}", _ordered("abort"), partial(_abort, bit)),
        ]
    return Model(
        init=[State()],
        actions=actions,
        invariants={"consistent": lambda s: not (s.committed and s.aborted)},
    )


def main() -> None:
    model = build(int(sys.argv[1]))
    started = time.perf_counter()
    found = check(model, max_states=UNLIMITED)
    seconds = time.perf_counter() - started
    print(
        json.dumps({"distinct": found.states_explored, "seconds": seconds, "holds": found.ok and not found.truncated})
    )


if __name__ == "__main__":
    main()
