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
    return [str(SCRIPT), "verify", model, "-p", size_option, "--json", "--no-symmetry", "--no-por", *extra]


def find(options: Options) -> list[Contender]:
    """The native engine with one and with more threads, and the reference explorer.

    Raises:
        MissingError: the command is not there, or has none of the engines.
    """
    if not SCRIPT.exists():
        raise MissingError(f"no coordfsm command beside {Path(sys.executable).name}; install the project first")
    version = importlib.metadata.version("coordfsm")
    settings = {
        "coordfsm, 1 thread": (1, ("--threads", "1")),
        f"coordfsm, {options.threads} threads": (options.threads, ("--threads", str(options.threads))),
        "coordfsm reference": (1, ("--engine", "reference")),
    }
    found = []
    reasons = []
    for name, (threads, extra) in settings.items():
        try:
            run(command(extra, TWOPHASE, TWOPHASE.smallest), timeout_seconds=120)
        except ProgramError as error:
            said = [line.strip() for line in error.output.splitlines() if "rror" in line]
            reasons.append(f"{name}: {said[-1] if said else error}")
            continue
        tool = "coordfsm reference" if "reference" in extra else TOOL
        found.append(
            Contender(name, tool, version, threads, exact=True, command=functools.partial(command, extra), read=read)
        )
    if not found:
        raise MissingError("; ".join(reasons))
    return found
