"""``python -m bench.membership``: detection time, false positives and traffic at rest, in virtual time.

Everything is counted in virtual milliseconds and messages, so that the load of the machine does not matter.
"""

import argparse
import json
import sys
from statistics import mean
from typing import Any

from bench.membership.runs import exclusion, percentile, rest
from coordfsm.protocols.membership import Settings
from coordfsm.simulate.network import Weather

COLUMNS = (
    "members", "loss", "runs", "first_p50_ms", "all_p50_ms", "all_p99_ms", "all_max_ms", "views", "lost",
    "messages_s", "busiest_s", "bytes_s", "accusations_min", "removed_min", "wedged_min",
)  # fmt: skip


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in text.split(","))


def _shares(text: str) -> tuple[float, ...]:
    return tuple(float(item) for item in text.split(","))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.membership", description=__doc__)
    parser.add_argument("--members", type=_numbers, default=(3, 10, 30, 50), help="sizes (default: 3,10,30,50)")
    parser.add_argument("--loss", type=_shares, default=(0.0, 0.1, 0.3), help="shares of lost messages (0,0.1,0.3)")
    parser.add_argument("--runs", type=int, default=20, help="kills for each size and loss (default: 20)")
    parser.add_argument("--minutes", type=float, default=5.0, help="virtual time at rest (default: 5)")
    parser.add_argument("--victims", type=int, default=1, help="members killed at once (default: 1)")
    parser.add_argument("--leader", action="store_true", help="kill the coordinator")
    parser.add_argument("--fastest-ms", type=int, default=1, help="shortest delay of a message (default: 1)")
    parser.add_argument("--slowest-ms", type=int, default=5, help="longest delay of a message (default: 5)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=MS", help="a setting of membership")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _row(given: argparse.Namespace, members: int, loss: float, settings: Settings) -> dict[str, Any]:
    weather = Weather(given.fastest_ms, given.slowest_ms, loss=loss)
    kills = [
        exclusion(members, seed=seed, weather=weather, settings=settings, victims=given.victims, leader=given.leader)
        for seed in range(given.runs)
    ]
    row: dict[str, Any] = {"members": members, "loss": loss, "runs": len(kills)}
    if kills:
        lasts = [kill.last_ms for kill in kills]
        row |= {
            "first_p50_ms": percentile([kill.first_ms for kill in kills], 0.5),
            "all_p50_ms": percentile(lasts, 0.5),
            "all_p99_ms": percentile(lasts, 0.99),
            "all_max_ms": max(lasts),
            "views": round(mean(kill.views for kill in kills), 2),
            "lost": sum(kill.survivors_lost for kill in kills),
        }
    if given.minutes:
        calm = rest(members, seed=1, weather=weather, settings=settings, for_ms=int(given.minutes * 60_000))
        row |= {
            "messages_s": round(calm.messages, 2),
            "busiest_s": round(calm.busiest, 2),
            "bytes_s": round(calm.octets),
            "accusations_min": round(calm.accusations, 2),
            "removed_min": round(calm.removed, 2),
            "wedged_min": round(calm.wedged, 2),
        }
    return row


def main() -> None:
    """Measure and print a table."""
    given = _arguments()
    settings = Settings(**{name: int(value) for name, value in (item.split("=") for item in given.set)})
    rows = []
    if not given.json:
        print("  ".join(COLUMNS))
    for members in given.members:
        for loss in given.loss:
            rows.append(_row(given, members, loss, settings))
            if not given.json:
                print("  ".join(str(rows[-1].get(name, "-")).rjust(len(name)) for name in COLUMNS), flush=True)
    if given.json:
        json.dump(rows, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
