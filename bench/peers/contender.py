"""One way of running one checker, as the rounds see it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers.workload import Counts, Workload


class MissingError(Exception):
    """A checker cannot be measured here; says what is missing and how to get it."""


@dataclass(frozen=True)
class Options:
    """Where things are.

    Attributes:
        work: directory for what is built; kept between runs.
        tla2tools: the jar that holds TLC, None to skip TLC.
        musil_python: an interpreter in which musil is installed.
        minicheck_python: an interpreter in which minicheck is installed.
        threads: the larger number of threads to measure.
    """

    work: Path
    tla2tools: Path | None
    musil_python: str
    minicheck_python: str
    threads: int


def nothing_to_build(_workload: Workload, _size: int) -> float:
    """For checkers that are run as they are."""
    return 0.0


@dataclass(frozen=True)
class Contender:
    """A checker with its settings.

    Attributes:
        name: as in the tables.
        tool: the checker that it belongs to; ratios are taken against the fastest contender of a tool.
        version: of the checker.
        threads: worker threads or processes.
        exact: whether states are compared in full; otherwise by fingerprint, and states can be lost to a collision.
        command: the program and its arguments, for a workload and a size.
        read: its output as counts. Raises ValueError if the output has another form.
        build: compiles what is needed for a workload and a size and returns the seconds that took; called before every
            measured start-up and exploration, outside of their time.
    """

    name: str
    tool: str
    version: str
    threads: int
    exact: bool
    command: Callable[[Workload, int], list[str]]
    read: Callable[[str], Counts]
    build: Callable[[Workload, int], float] = nothing_to_build


def read_line(output: str) -> Counts:
    """The counts from the line of JSON that our small programs for the peers print.

    Raises:
        ValueError: there is no such line.
    """
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            found = json.loads(line)
            return Counts(found["distinct"], found.get("generated"), found["holds"], found["seconds"])
    raise ValueError(f"no line of JSON in the output: {output[-200:]!r}")
