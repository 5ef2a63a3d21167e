"""This project's engines, called as a user calls them."""

import functools
import importlib.metadata
import json
import sys
from pathlib import Path

from bench.peers.contender import Contender, MissingError, Options
from bench.peers.measure import ProgramError, run
from bench.peers.workload import SMALLEST, Counts

TOOL = "coordfsm"
SCRIPT = Path(sys.executable).parent / "coordfsm"


def read(output: str) -> Counts:
    """The counts from ``coordfsm verify --json``.

    Raises:
        ValueError: the output holds no JSON object.
    """
    start = output.find("{")
    if start < 0:
        raise ValueError(f"no JSON in the output: {output[-200:]!r}")
    found, _ = json.JSONDecoder().raw_decode(output[start:])
    report = found["models"][0] if "models" in found else found
    return Counts(report["distinct_states"], report["transitions"], report["verdict"] == "holds", report["seconds"])


def command(extra: tuple[str, ...], rms: int) -> list[str]:
    """The command line that explores two-phase commit."""
    return [str(SCRIPT), "verify", "twophase", "-p", f"rms={rms}", "--json", *extra]


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
            run(command(extra, SMALLEST), timeout_seconds=120)
        except ProgramError as error:
            reasons.append(f"{name}: {str(error).strip().splitlines()[-1]}")
            continue
        tool = "coordfsm reference" if "reference" in extra else TOOL
        found.append(
            Contender(name, tool, version, threads, exact=True, command=functools.partial(command, extra), read=read)
        )
    if not found:
        raise MissingError("; ".join(reasons))
    return found
