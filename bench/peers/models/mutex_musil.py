"""Mutual exclusion (Lamport, "Time, clocks, and the ordering of events", 1978): ``python mutex_musil.py LATEST``.

Three processes with ordered channels, as far as no logical clock exceeds LATEST. Prints one line of JSON: distinct
states, seconds, and whether the invariant holds.
"""

import json
import sys
import time
from functools import partial
from typing import NamedTuple

from musil import Action, Model, check  # type: ignore[import-not-found,unused-ignore]  # another interpreter has it

PROCESSES = range(3)
EVERYONE = 0b111
AGREE, RELEASE = -1, -2  # a request is its time, from 1
UNLIMITED = 10**12


class State(NamedTuple):
    """Items of `asked` and `channels` are those of process p, q at 3 p + q; `agreed` and `inside` hold bit masks.

    ``asked`` is the time of q's request that p knows of, 0 for none; a channel holds what is on its way from p to q,
    oldest first.
    """

    clock: tuple[int, ...] = (1, 1, 1)
    asked: tuple[int, ...] = (0,) * 9
    agreed: tuple[int, ...] = (0, 0, 0)
    inside: int = 0
    channels: tuple[tuple[int, ...], ...] = ((),) * 9


def _set(items: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*items[:place], value, *items[place + 1 :])


def _told(
    channels: tuple[tuple[int, ...], ...], sender: int, receiver: int, message: int
) -> tuple[tuple[int, ...], ...]:
    place = 3 * sender + receiver
    return (*channels[:place], (*channels[place], message), *channels[place + 1 :])


def _told_others(state: State, sender: int, message: int) -> tuple[tuple[int, ...], ...]:
    channels = state.channels
    for receiver in PROCESSES:
        if receiver != sender:
            channels = _told(channels, sender, receiver, message)
    return channels


def _may_request(process: int, state: State) -> bool:
    return not state.asked[4 * process]


def _request(process: int, state: State) -> State:
    now = state.clock[process]
    return state._replace(
        asked=_set(state.asked, 4 * process, now),
        agreed=_set(state.agreed, process, 1 << process),
        channels=_told_others(state, process, now),
    )


def _may_enter(process: int, state: State) -> bool:
    if state.agreed[process] != EVERYONE:
        return False
    asked = state.asked
    own = asked[4 * process], process
    return all(
        not asked[3 * process + other] or own < (asked[3 * process + other], other)
        for other in PROCESSES
        if other != process
    )


def _enter(process: int, state: State) -> State:
    return state._replace(inside=state.inside | 1 << process)


def _may_leave(process: int, state: State) -> bool:
    return bool(state.inside & 1 << process)


def _leave(process: int, state: State) -> State:
    return state._replace(
        asked=_set(state.asked, 4 * process, 0),
        agreed=_set(state.agreed, process, 0),
        inside=state.inside & ~(1 << process),
        channels=_told_others(state, process, RELEASE),
    )


def _may_hear(receiver: int, sender: int, latest: int, state: State) -> bool:
    channel = state.channels[3 * sender + receiver]
    return bool(channel) and (channel[0] < 0 or max(channel[0], state.clock[receiver]) < latest)


def _hear(receiver: int, sender: int, state: State) -> State:
    place, known = 3 * sender + receiver, 3 * receiver + sender
    message, *rest = state.channels[place]
    channels = (*state.channels[:place], tuple(rest), *state.channels[place + 1 :])
    if message == AGREE:
        agreed = state.agreed[receiver] | 1 << sender
        return state._replace(agreed=_set(state.agreed, receiver, agreed), channels=channels)
    if message == RELEASE:
        return state._replace(asked=_set(state.asked, known, 0), channels=channels)
    return state._replace(
        clock=_set(state.clock, receiver, max(state.clock[receiver], message) + 1),
        asked=_set(state.asked, known, message),
        channels=_told(channels, receiver, sender, AGREE),
    )


def build(latest: int) -> Model[State]:
    """Three processes whose clocks stay at or below `latest`."""
    actions = []
    for process in PROCESSES:
        actions += [
            Action(f"request {process}", partial(_may_request, process), partial(_request, process)),
            Action(f"enter {process}", partial(_may_enter, process), partial(_enter, process)),
            Action(f"leave {process}", partial(_may_leave, process), partial(_leave, process)),
        ]
        actions += [
            Action(
                f"hear {sender} {process}", partial(_may_hear, process, sender, latest), partial(_hear, process, sender)
            )
            for sender in PROCESSES
            if sender != process
        ]
    return Model(
        init=[State()],
        actions=actions,
        invariants={"exclusive": lambda state: state.inside.bit_count() <= 1},
        terminal=lambda _state: True,
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
