"""Two-phase commit (Gray and Lamport, 2006) for minicheck: ``python twophase_minicheck.py RMS``.

Prints one line of JSON: distinct states, seconds, and whether the invariant holds. Sets of resource managers are bit
masks, because a small tuple is what minicheck explores fastest.
"""

import json
import sys
import time

from minicheck import Protocol, check_safety  # type: ignore[import,unused-ignore]  # optional, untyped

State = tuple[int, int, int, int, int, str]

FIELDS = ("prepared", "committed", "aborted", "known", "told", "order")
FIRST: State = (0, 0, 0, 0, 0, "")
UNLIMITED = 10**12


def build(rms: int) -> Protocol:
    """Two-phase commit among `rms` resource managers; a manager in none of the first three sets is working."""
    bits = tuple(1 << number for number in range(rms))
    everyone = (1 << rms) - 1

    def successors(state: State) -> list[tuple[str, State]]:
        prepared, committed, aborted, known, told, order = state
        found: list[tuple[str, State]] = []
        if not order:
            found.append(("decide abort", (prepared, committed, aborted, known, told, "abort")))
            if known == everyone:
                found.append(("decide commit", (prepared, committed, aborted, known, told, "commit")))
            found.extend(
                ("learn", (prepared, committed, aborted, known | bit, told, order)) for bit in bits if told & bit
            )
        elif order == "commit":
            found.extend(
                ("commit", (prepared & ~bit, committed | bit, aborted & ~bit, known, told, order)) for bit in bits
            )
        else:
            found.extend(
                ("abort", (prepared & ~bit, committed & ~bit, aborted | bit, known, told, order)) for bit in bits
            )
        busy = prepared | committed | aborted
        for bit in bits:
            if not busy & bit:
                found.append(("prepare", (prepared | bit, committed, aborted, known, told | bit, order)))
                found.append(("withdraw", (prepared, committed, aborted | bit, known, told, order)))
        return found

    return Protocol(
        name="two-phase commit",
        candidate=True,
        fields=FIELDS,
        initial=FIRST,
        transitions=successors,
        invariants={"consistent": lambda state: not (state["committed"] and state["aborted"])},
    )


def main() -> None:
    protocol = build(int(sys.argv[1]))
    started = time.perf_counter()
    found = check_safety(protocol, max_states=UNLIMITED)
    seconds = time.perf_counter() - started
    holds = bool(found["exhaustive"]) and found["properties"]["consistent"]["holds"] is True
    print(json.dumps({"distinct": found["reachable_states"], "seconds": seconds, "holds": holds}))


if __name__ == "__main__":
    main()
