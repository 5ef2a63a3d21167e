"""Counts of what happened, by name and label, and histograms of how long it took. For status, metrics and tests."""

from bisect import bisect_left
from collections import Counter
from typing import Any

LATENCY_BOUNDS_MS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0)
"""Upper bounds of the histogram's buckets, milliseconds; above the last there is one more bucket."""


class Histogram:
    """A distribution of durations in fixed buckets: constant memory, whatever is observed."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self.count = 0
        self.sum_ms = 0.0

    def observe(self, duration_ms: float) -> None:
        self.buckets[bisect_left(LATENCY_BOUNDS_MS, duration_ms)] += 1
        self.count += 1
        self.sum_ms += duration_ms

    def to_json(self) -> dict[str, Any]:
        mean = self.sum_ms / self.count if self.count else 0.0
        return {"count": self.count, "mean_ms": round(mean, 3)}


class Counters:
    """Every number that a node keeps about itself.

    Attributes:
        counts: ``(name, label) -> count``; the label is empty where a name has no parts.
        histograms: by name.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.histograms: dict[str, Histogram] = {}

    def add(self, name: str, label: str = "", amount: int = 1) -> None:
        self.counts[name, label] += amount

    def observe(self, name: str, duration_ms: float) -> None:
        self.histograms.setdefault(name, Histogram()).observe(duration_ms)

    def of(self, name: str) -> dict[str, int]:
        """The counts of one name by label, labels sorted."""
        return {label: self.counts[key, label] for key, label in sorted(self.counts) if key == name}

    def total(self, name: str) -> int:
        return sum(self.of(name).values())

    def to_json(self) -> dict[str, Any]:
        """``{name: count or {label: count}, name: {count, mean_ms}}``, ready for JSON."""
        names = sorted({name for name, _ in self.counts})
        parts = {name: self.of(name) for name in names}
        flat: dict[str, Any] = {name: part[""] if list(part) == [""] else part for name, part in parts.items()}
        return flat | {name: histogram.to_json() for name, histogram in sorted(self.histograms.items())}
