"""Mutual exclusion (Lamport, "Time, clocks, and the ordering of events", 1978): ``python mutex_minicheck.py LATEST``.

Three processes with ordered channels, as far as no logical clock exceeds LATEST. Prints one line of JSON: distinct
states, seconds, and whether the invariant holds.
"""

import json
import sys
import time

from minicheck import Protocol, check_safety  # type: ignore[import,unused-ignore]  # optional, untyped

PROCESSES = range(3)
EVERYONE = 0b111
AGREE, RELEASE = -1, -2  # a request is its time, from 1
UNLIMITED = 10**12

Channels = tuple[tuple[int, ...], ...]  # channel 3 p + q: what is on its way from p to q, oldest first
State = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int, Channels]
Step = tuple[str, State]

FIELDS = ("clock", "asked", "agreed", "inside", "channels")
"""``asked[3 p + q]`` is the time of q's request that p knows of, 0 for none; `agreed` and `inside` hold bit masks."""

FIRST: State = ((1, 1, 1), (0,) * 9, (0, 0, 0), 0, ((),) * 9)


def _set(items: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*items[:place], value, *items[place + 1 :])


def _told(channels: Channels, sender: int, receiver: int, message: int) -> Channels:
    place = 3 * sender + receiver
    return (*channels[:place], (*channels[place], message), *channels[place + 1 :])


def _told_others(channels: Channels, sender: int, message: int) -> Channels:
    for receiver in PROCESSES:
        if receiver != sender:
            channels = _told(channels, sender, receiver, message)
    return channels


def _may_enter(asked: tuple[int, ...], process: int) -> bool:
    own = asked[4 * process], process
    return all(
        not asked[3 * process + other] or own < (asked[3 * process + other], other)
        for other in PROCESSES
        if other != process
    )


def _local(state: State, process: int) -> list[Step]:
    clock, asked, agreed, inside, channels = state
    bit, own = 1 << process, 4 * process
    found: list[Step] = []
    if not asked[own]:
        now = clock[process]
        told = _told_others(channels, process, now)
        found.append(("request", (clock, _set(asked, own, now), _set(agreed, process, bit), inside, told)))
    if agreed[process] == EVERYONE and _may_enter(asked, process):
        found.append(("enter", (clock, asked, agreed, inside | bit, channels)))
    if inside & bit:
        told = _told_others(channels, process, RELEASE)
        found.append(("leave", (clock, _set(asked, own, 0), _set(agreed, process, 0), inside & ~bit, told)))
    return found


def _hear(state: State, receiver: int, sender: int) -> Step:
    clock, asked, agreed, inside, channels = state
    place = 3 * sender + receiver
    message, *rest = channels[place]
    channels = (*channels[:place], tuple(rest), *channels[place + 1 :])
    known = 3 * receiver + sender
    if message == AGREE:
        return "agree", (clock, asked, _set(agreed, receiver, agreed[receiver] | 1 << sender), inside, channels)
    if message == RELEASE:
        return "release", (clock, _set(asked, known, 0), agreed, inside, channels)
    later = _set(clock, receiver, max(clock[receiver], message) + 1)
    return "hear", (later, _set(asked, known, message), agreed, inside, _told(channels, receiver, sender, AGREE))


def build(latest: int) -> Protocol:
    """Three processes whose clocks stay at or below `latest`."""

    def successors(state: State) -> list[Step]:
        found = [step for process in PROCESSES for step in _local(state, process)]
        channels = state[4]
        heard = (
            _hear(state, receiver, sender)
            for receiver in PROCESSES
            for sender in PROCESSES
            if channels[3 * sender + receiver]
        )
        found.extend(step for step in heard if max(step[1][0]) <= latest)
        return found

    return Protocol(
        name="mutual exclusion",
        candidate=True,
        fields=FIELDS,
        initial=FIRST,
        transitions=successors,
        invariants={"exclusive": lambda state: state["inside"].bit_count() <= 1},
    )


def main() -> None:
    protocol = build(int(sys.argv[1]))
    started = time.perf_counter()
    found = check_safety(protocol, max_states=UNLIMITED)
    seconds = time.perf_counter() - started
    holds = bool(found["exhaustive"]) and found["properties"]["exclusive"]["holds"] is True
    print(json.dumps({"distinct": found["reachable_states"], "seconds": seconds, "holds": holds}))


if __name__ == "__main__":
    main()
