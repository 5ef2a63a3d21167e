"""This project's engines, called as a user calls them."""

import functools
import importlib.metadata
import json
import sys
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options
from bench.peers.measure import ProgramError, run
from bench.peers.workload import TWOPHASE, Counts, Workload

TOOL = "coordfsm"
SCRIPT = Path(sys.executable).parent / "coordfsm"
NATIVE = ("--engine", "native", "--threads")
OWN_MODELS = {"mutex": str(Path(__file__).parent.parent / "models" / "mutex_coordfsm.py")}
"""Models that do not ship with the project but are given to it as a user gives one."""


def read(output: str) -> Counts:
    """The counts from ``coordfsm verify --json``, an array with one object.

    Raises:
        ValueError: the output holds no JSON object.
    """
    start = output.find("{")
    if start < 0:
        raise ValueError(f"no JSON in the output: {output[-200:]!r}")
    report, _ = json.JSONDecoder().raw_decode(output[start:])
    return Counts(report["distinct_states"], report["transitions"], report["verdict"] == "holds", report["seconds"])


def command(extra: tuple[str, ...], workload: Workload, size: int) -> list[str]:
    """The command line that explores every state of a model."""
    model = OWN_MODELS.get(workload.name, workload.name)
    size_option = f"{workload.parameter}={size}"
    return [str(SCRIPT), "verify", model, "-p", size_option, "--json", *extra]


def _warm(extra: tuple[str, ...], workload: Workload, size: int) -> float:
    """Run once, so that the compiled code is cached, as the other checkers' compilers have run before.

    What an empty cache costs is measured apart, in the start-up figures.
    """
    run(command(extra, workload, size))
    return 0.0


def find(options: Options) -> list[Contender]:
    """The native engine with one and with more threads.

    Raises:
        MissingError: the command is not there, or lacks the engine.
    """
    settings = {
        "coordfsm, 1 thread": (1, (*NATIVE, "1")),
        f"coordfsm, {options.threads} threads": (options.threads, (*NATIVE, str(options.threads))),
    }
    return [
        Contender(
            name,
            TOOL,
            _version(extra),
            threads,
            exact=True,
            command=functools.partial(command, extra),
            read=read,
            build=functools.partial(_warm, extra),
        )
        for name, (threads, extra) in settings.items()
    ]


def find_reference(_options: Options) -> list[Contender]:
    """The reference explorer, which is the oracle of the native engine and not meant to be fast.

    Raises:
        MissingError: the command is not there, or lacks the engine.
    """
    extra = ("--engine", "reference")
    words = functools.partial(command, extra)
    return [Contender("coordfsm reference", "reference", _version(extra), 1, exact=True, command=words, read=read)]


def _version(extra: tuple[str, ...]) -> str:
    """The version of the installed project, once a tiny exploration works."""
    if not SCRIPT.exists():
        raise MissingError(f"no coordfsm command beside {Path(sys.executable).name}; install the project first")
    try:
        run(command(extra, TWOPHASE, TWOPHASE.smallest), timeout_seconds=300)
    except ProgramError as error:
        said = [line.strip() for line in error.output.splitlines() if "rror" in line]
        raise MissingError(said[-1] if said else str(error)) from error
    return importlib.metadata.version("coordfsm")
