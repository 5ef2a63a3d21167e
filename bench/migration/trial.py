"""One trial: two processes on loopback, a number of entities that travel between them, and the audit at the end."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from bench.migration.limit import commits
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.traces.ownership import audit_stores

ROOT = Path(__file__).parent.parent.parent
LONGEST_S = 120.0
"""A worker that has not answered by then is taken for lost."""


class Case(NamedTuple):
    """What is measured.

    Attributes:
        concurrent: entities under way at a time.
        payload_bytes: of each.
        warm_s: not measured: caches and time limits become what they are under this load.
        seconds: measured.
        limit_s: how long the physical limit is measured, before and after.
        shares: measure where the time goes; costs some of it.
    """

    concurrent: int
    payload_bytes: int
    warm_s: float = 1.0
    seconds: float = 3.0
    limit_s: float = 0.5
    shares: bool = False


class Worker:
    """One node in a process of its own, asked by lines."""

    def __init__(self, name: str, listen: str, seed: str, directory: Path, *, shares: bool) -> None:
        directory.mkdir()
        self.store = directory / "node.db"
        self.name = name
        words = ["-m", "bench.migration.worker", name, listen, seed, str(directory), "shares" if shares else ""]
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **given: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with exit code {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        """Let it leave; kill it when it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def both(workers: list[Worker], do: str, **given: Any) -> list[dict[str, Any]]:
    for worker in workers:
        worker.ask(do, **given)
    return [worker.answer() for worker in workers]


def run(case: Case) -> dict[str, Any]:
    """Measure one case.

    Raises:
        RuntimeError: a worker failed, or the audit found an entity lost or twice.
    """
    with tempfile.TemporaryDirectory(prefix="coordfsm-bench-") as made:
        directory = Path(made)
        limits = [commits(directory, case.limit_s)]
        ends = free_endpoints(2)
        first = Worker("n1", ends[0], "", directory / "n1", shares=case.shares)
        second = Worker("n2", ends[1], ends[0], directory / "n2", shares=case.shares)
        workers = [first, second]
        try:
            found = _measure(case, workers)
        finally:
            for worker in workers:
                worker.kill()
        limits.append(commits(directory, case.limit_s))
        _audit(case, {worker.name: worker.store for worker in workers})
    rate = sum(limit["per_second"] for limit in limits) / len(limits)
    alone_ms = sum(limit["median_ms"] for limit in limits) / len(limits)
    return found | {"limit_per_second": rate, "limit_ms": alone_ms}


def _measure(case: Case, workers: list[Worker]) -> dict[str, Any]:
    for worker in workers:
        worker.answer()
    both(workers, "members", number=2)
    workers[0].ask("create", number=case.concurrent, payload_bytes=case.payload_bytes)
    workers[0].answer()
    both(workers, "begin")
    time.sleep(case.warm_s)
    before, began = both(workers, "measure"), time.perf_counter()
    time.sleep(case.seconds)
    after, took_s = both(workers, "measure"), time.perf_counter() - began
    both(workers, "end")
    return summarized(case, before, after, took_s)


def summarized(case: Case, before: list[dict[str, Any]], after: list[dict[str, Any]], took_s: float) -> dict[str, Any]:
    """The figures of a window from what both processes said at its ends."""
    latencies = sorted(latency for found in after for latency in found["latencies_ms"])
    number = len(latencies)
    cuts = quantiles(latencies, n=100) if number > 1 else [0.0] * 99

    def grown(*path: str) -> float:
        return sum(_at(new, path) - _at(old, path) for old, new in zip(before, after, strict=True))

    cpu_s = grown("cpu_s")
    return {
        "concurrent": case.concurrent,
        "payload_bytes": case.payload_bytes,
        "migrations": number,
        "seconds": took_s,
        "per_second": number / took_s,
        "latency_ms": {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]},
        "decided_ms": median([latency for found in after for latency in found["decided_ms"]] or [0.0]),
        "outcomes": dict(sorted((key, value) for found in after for key, value in found["outcomes"].items())),
        "cpu_us_per_process": cpu_s / 2 / max(1, number) * 1e6,
        "cpu_cores": cpu_s / took_s,
        "starved": grown("waited_s") / 2 / took_s,
        "memory_bytes": max(found["memory_bytes"] for found in after),
        "per_migration": {
            name: grown("counts", name) / max(1, number) for name in after[0]["counts"] if name != "inputs"
        },
        "shares_s": {part: grown("shares_s", part) for part in sorted(after[0]["shares_s"])},
        "cpu_s": cpu_s,
    }


def _at(found: dict[str, Any], path: tuple[str, ...]) -> float:
    value: Any = found
    for name in path:
        value = value.get(name, 0.0)
    return float(value)


def _audit(case: Case, stores: dict[str, Path]) -> None:
    expected = [f"e{place}" for place in range(case.concurrent)]
    owned = audit_stores(stores, expected)
    if not owned.clean or set(owned.entities) != set(expected):
        raise RuntimeError(f"the audit failed: lost {owned.lost[:5]}, twice {owned.duplicated[:5]}")
    if any(len(payload) != case.payload_bytes for payload in owned.payloads.values()):
        raise RuntimeError("the audit failed: a payload changed")
