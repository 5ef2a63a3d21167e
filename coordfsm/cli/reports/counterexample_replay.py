"""Replays a trace file on the model that it names, and tells what came of it."""

import argparse
import json
from pathlib import Path

from coordfsm.check.modelling.model import Model
from coordfsm.check.modelling.registry import find
from coordfsm.check.traces.replay import Replay, replay
from coordfsm.check.traces.trace import Trace, TraceFileError, story
from coordfsm.cli.exits import Exit
from coordfsm.testing.mutants import catalogue


def run(arguments: argparse.Namespace) -> int:
    """Replay the file; exit 1 when it is reproduced."""
    trace = read(arguments.file)
    result = replay(model_of(trace, arguments.model, real=arguments.real), trace)
    if arguments.json:
        print(json.dumps({"violated": result.violated, "same": result.same, "trace": result.trace.to_json()}, indent=1))
    else:
        print(story(result.trace) if result.violated else "\n".join(story(result.trace).splitlines()[1:]) + "\n")
        print(_outcome(result))
    return Exit.COUNTEREXAMPLE if result.violated else Exit.OK


def read(path: Path) -> Trace:
    """The trace in a file.

    Raises:
        TraceFileError: no such file, or not a trace.
    """
    try:
        return Trace.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TraceFileError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TraceFileError(f"{path} is not a trace file: not text") from error
    except TraceFileError as error:
        raise TraceFileError(f"{path}: {error}") from error


def model_of(trace: Trace, name: str | None = None, *, real: bool = False) -> Model:
    """The model that a trace is of, or another one (`name`) with the same parameters; `real`: without its mutant.

    Raises:
        ModelError, ParameterError: the model cannot be built.
        TraceFileError: there is no such mutant.
    """
    model = find(name or trace.model).build(trace.parameters)
    if not trace.mutant or real:
        return model
    mutant = next((mutant for mutant in catalogue() if mutant.name == trace.mutant), None)
    if mutant is None:
        raise TraceFileError(f"the trace is of mutant {trace.mutant!r}, which does not exist")
    return mutant.break_model(model)


def _outcome(result: Replay) -> str:
    steps = f"{len(result.trace.steps)} steps"
    if not result.violated:
        return f"NOT reproduced: {steps} replayed, {result.trace.property} is not violated"
    differs = "" if result.same else " (what they change or send differs from the file)"
    return f"reproduced: {steps} replayed, {result.trace.property} is violated{differs}"
