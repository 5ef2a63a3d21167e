"""A cluster of one contender's processes, known by their logs alone: each line gets the moment at which it was read."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from bench.serf.contender import Contender, base_environment, member


class TrialError(Exception):
    """A process ended, or something did not happen in time."""


@dataclass
class Process:
    """One member.

    Attributes:
        name: its name.
        running: the process.
        ready_at: when it said that it listens; 0 before.
        view: whom it takes for members.
        changed_at: when its view last changed.
    """

    name: str
    running: subprocess.Popen[bytes]
    ready_at: float = 0.0
    view: frozenset[str] = frozenset()
    changed_at: float = 0.0
    rest: bytes = b""
    tail: list[str] = field(default_factory=list)


class Cluster:
    """Starts, reads and kills members. A context manager: all are killed at the end."""

    def __init__(self, contender: Contender, directory: Path) -> None:
        self.members: dict[str, Process] = {}
        self._contender = contender
        self._directory = directory
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.members.values():
            process.running.kill()
            process.running.wait()
            _pipe(process).close()
        self._selector.close()

    def start(self, place: int) -> Process:
        command = self._contender.command(place)
        environment = base_environment() | dict(self._contender.environment(place, self._directory))
        running = subprocess.Popen(
            command, cwd=self._directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        process = Process(member(place), running)
        os.set_blocking(_pipe(process).fileno(), False)
        self._selector.register(_pipe(process), selectors.EVENT_READ, process)
        self.members[process.name] = process
        return process

    def kill(self, name: str) -> float:
        """``kill -9``; the moment just before."""
        process = self.members.pop(name)
        moment = time.perf_counter()
        process.running.send_signal(signal.SIGKILL)
        process.running.wait()
        self._selector.unregister(_pipe(process))
        _pipe(process).close()
        return moment

    def wait(self, condition: Callable[[], bool], what: str, longest_s: float) -> None:
        """Read logs until the condition holds.

        Raises:
            TrialError: not in time, or a process ended.
        """
        end = time.perf_counter() + longest_s
        while not condition():
            if time.perf_counter() > end:
                raise TrialError(f"not within {longest_s:g} s: {what}")
            self.read(0.5)

    def rest(self, seconds: float) -> None:
        """Read logs for this long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def read(self, longest_s: float) -> None:
        for key, _ in self._selector.select(longest_s):
            moment = time.perf_counter()
            self._take(key.data, _pipe(key.data).read(), moment)

    def _take(self, process: Process, content: bytes | None, moment: float) -> None:
        if content == b"":
            raise TrialError(f"{process.name} ended:\n" + "\n".join(process.tail))
        *lines, process.rest = (process.rest + (content or b"")).split(b"\n")
        for text in (line.decode(errors="replace") for line in lines):
            process.tail = [*process.tail[-9:], text]
            told = self._contender.read(text)
            if told.ready and not process.ready_at:
                process.ready_at = moment
            before = process.view
            if told.members is not None:
                process.view = told.members
            process.view = (process.view | {told.joined} if told.joined else process.view) - {told.gone}
            if process.view != before:
                process.changed_at = moment


def _pipe(process: Process) -> IO[bytes]:
    assert process.running.stdout is not None
    return process.running.stdout
