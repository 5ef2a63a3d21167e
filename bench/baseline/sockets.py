"""The designs on real loopback sockets: one process a node, forked from a server that has loaded everything.

Loads are those of whole processes: codec, seal, sockets, event loop and machines.
"""

import multiprocessing
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import mean, median
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bench.baseline.designs import COORDINATION, LIVENESS, Design, Everyone
from bench.baseline.figures import Agreement, Storm, agreement
from bench.baseline.worker import Order, Sample, delays, work
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.wire.keyring import KEY_BYTES

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

BUBBLES = 4
PATIENCE_S = 60.0
"""Longest wait for an answer of a process; an overloaded machine is slow."""


class ProcessLoad(NamedTuple):
    """What one process does in a second, mean over the processes.

    Attributes:
        messages: sent, by kind.
        octets: bytes of sealed datagrams sent.
        cpu_ms: milliseconds of processor time of the whole process.
        machine_cpu_ms: of them in the machines' steps, by kind.
        refused: messages and datagrams in a second that could not be sent or taken: the machine cannot keep up.
    """

    messages: dict[str, float]
    octets: float
    cpu_ms: float
    machine_cpu_ms: dict[str, float]
    refused: float


class SilentError(Exception):
    """A process did not answer in time."""


class Processes:
    """A running cluster. A context manager: all processes end with it."""

    def __init__(self, design: Design, count: int, seed: int = 1) -> None:
        self.design = design
        nodes = [f"n{number:03}" for number in range(count)]
        self.everyone: Everyone = dict(zip(nodes, free_endpoints(count), strict=True))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["bench.baseline.worker"])
        key = secrets.token_bytes(KEY_BYTES)
        self._processes: dict[str, BaseProcess] = {}
        self._pipes: dict[str, Connection] = {}
        self._stack = ExitStack()
        self._stack.callback(self._end)
        for node, delay_s in zip(nodes, delays(count, seed), strict=True):
            here, there = context.Pipe()
            bubbles = tuple(f"{node}-{number}" for number in range(BUBBLES))
            order = Order(design.name, node, self.everyone, key, bubbles, delay_s)
            process = context.Process(target=work, args=(order, there), daemon=True)
            process.start()
            there.close()
            self._processes[node], self._pipes[node] = process, here

    def __enter__(self) -> Self:
        try:
            for node in self._pipes:
                self._answer(node)
            for pipe in self._pipes.values():
                pipe.send("go")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.join(10)
        for pipe in self._pipes.values():
            pipe.close()

    def _answer(self, node: str) -> Any:
        if not self._pipes[node].poll(PATIENCE_S):
            raise SilentError(f"{node} did not answer within {PATIENCE_S:g} s")
        return self._pipes[node].recv()

    def ask(self, what: str, argument: object = None) -> dict[str, Any]:
        """The answer of every process that runs."""
        for pipe in self._pipes.values():
            pipe.send((what, argument))
        return {node: self._answer(node) for node in self._pipes}

    def samples(self) -> dict[str, Sample]:
        """What every process has done so far."""
        return self.ask("sample")

    def tell(self, node: str, what: str, argument: object) -> None:
        """A command without an answer."""
        self._pipes[node].send((what, argument))

    def kill(self, node: str) -> float:
        """``kill -9``; when, in monotonic seconds."""
        at_s = time.monotonic()
        process = self._processes.pop(node)
        process.kill()
        process.join(10)
        self._pipes.pop(node).close()
        return at_s

    def load(self, for_s: float) -> tuple[ProcessLoad, dict[str, Sample]]:
        """Let time pass; what the processes did meanwhile, and where they are after it."""
        before, began = self.samples(), time.monotonic()
        time.sleep(for_s)
        after, ended = self.samples(), time.monotonic()
        return _rates([(before[node], after[node]) for node in after], ended - began), after


def _rates(pairs: Sequence[tuple[Sample, Sample]], seconds: float) -> ProcessLoad:
    def rate(field: str) -> dict[str, float]:
        found = {}
        for kind in (LIVENESS, COORDINATION):
            change = [getattr(b, field).get(kind, 0) - getattr(a, field).get(kind, 0) for a, b in pairs]
            found[kind] = mean(change) / seconds
        return found

    return ProcessLoad(
        rate("messages"),
        mean(after.octets - before.octets for before, after in pairs) / seconds,
        mean(after.cpu_s - before.cpu_s for before, after in pairs) * 1000 / seconds,
        {kind: value * 1000 for kind, value in rate("meters_s").items()},
        mean(after.refused - before.refused for before, after in pairs) / seconds,
    )


class Measured(NamedTuple):
    """One cluster.

    Attributes:
        rest: the load at rest.
        private_bytes: memory of a process that it shares with nobody, median.
        crash: the load of the survivors after a crash of the coordinator; None when none was made.
        agreement: of the survivors, likewise.
        agreed_before: whether all named one coordinator before the crash.
    """

    rest: ProcessLoad
    private_bytes: float
    crash: ProcessLoad | None
    agreement: Agreement | None
    agreed_before: bool


def measure(design: Design, count: int, settle_s: float, rest_s: float, window_s: float) -> Measured:
    """Start a cluster, let it rest, kill its coordinator.

    Raises:
        SilentError: the machine cannot carry it.
    """
    with Processes(design, count) as cluster:
        time.sleep(settle_s)
        rest, samples = cluster.load(rest_s)
        memory = median(sample.private_bytes for sample in samples.values())
        leaders = {sample.named[-1][1] if sample.named else "" for sample in samples.values()}
        agreed = len(leaders) == 1 and "" not in leaders
        if not design.can_crash or not agreed:
            return Measured(rest, memory, None, None, agreed)
        (victim,) = leaders
        killed_s = cluster.kill(victim)
        crash, after = cluster.load(window_s)
    return Measured(rest, memory, crash, _agreement(after, samples, victim, killed_s), agreed)


def _agreement(after: Mapping[str, Sample], before: Mapping[str, Sample], victim: str, killed_s: float) -> Agreement:
    events = [
        ((at_s - killed_s) * 1000, node, leader)
        for node, sample in after.items()
        for at_s, leader in sample.named[len(before[node].named) :]
    ]
    return agreement(events, list(after), victim)


def storm(design: Design, count: int, changes: int, storm_s: float, settle_s: float) -> Storm:
    """Changes, each by the next process in turn; then time to come to rest."""
    with Processes(design, count) as cluster:
        time.sleep(settle_s)
        before = sum(sample.broadcasts for sample in cluster.samples().values())
        nodes = list(cluster.everyone)
        began = time.monotonic()
        for number in range(changes):
            time.sleep(max(0.0, began + number * storm_s / changes - time.monotonic()))
            cluster.tell(nodes[number % count], "register", (f"storm-{number}",))
        time.sleep(settle_s)
        broadcasts = sum(sample.broadcasts for sample in cluster.samples().values()) - before
        expected = {f"storm-{number}": nodes[number % count] for number in range(changes)}
        return Storm(broadcasts, sum(cluster.ask("holds", expected).values()), count)
