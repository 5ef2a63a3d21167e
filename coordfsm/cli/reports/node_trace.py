"""Steps a node's trace again and tells the first difference."""

import argparse
import json
from typing import Any

from coordfsm.cli.connection import print_json
from coordfsm.cli.exits import CommandError, Exit
from coordfsm_runtime.plain import to_plain
from coordfsm_runtime.traces.restep import Difference, Resteps, read_node_trace, restep_trace
from coordfsm_runtime.traces.trace import TraceRun

WIDTH = 100


class NotAModelsTraceError(CommandError):
    """An option for counterexamples was given with a node's trace."""


def run(arguments: argparse.Namespace) -> int:
    """Step the trace; exit 1 at a difference."""
    if arguments.model or arguments.real:
        option = "--model" if arguments.model else "--real"
        raise NotAModelsTraceError(f"{option} is for counterexamples; {arguments.file} is the trace of a node")
    runs = read_node_trace(arguments.file)
    result = restep_trace(runs)
    if arguments.json:
        print_json(_to_json(runs, result))
    else:
        if arguments.steps:
            _print_steps(runs)
        _print(runs, result)
    return Exit.COUNTEREXAMPLE if result.differences else Exit.OK


def _to_json(runs: tuple[TraceRun, ...], result: Resteps) -> dict[str, Any]:
    return {
        "node": runs[0].node,
        "runs": result.runs,
        "inputs": result.inputs,
        "same": not result.differences,
        "torn": list(result.torn),
        "beginning_lost": result.cut,
        "differences": [difference._asdict() | {"path": str(difference.path)} for difference in result.differences],
    }


def _print(runs: tuple[TraceRun, ...], result: Resteps) -> None:
    for place in result.torn:
        print(f"torn: {place}, cut short by a kill and passed over")
    if result.cut:
        print(f"the beginning is gone: starts after step {runs[0].after}, with the data of that moment")
    for difference in result.differences:
        _print_difference(difference)
    runs_text = "1 run" if result.runs == 1 else f"{result.runs} runs"
    verdict = "NOT as recorded" if result.differences else "all effects are as recorded"
    print(f"{runs[0].node}: {result.inputs:,} inputs of {runs_text} stepped again, {verdict}")


def _print_difference(difference: Difference) -> None:
    print(difference)
    if difference.place:
        print(f"effect    {difference.place}")
    print(f"expected  {_text(difference.expected)}")
    print(f"got       {_text(difference.got)}")


def _print_steps(runs: tuple[TraceRun, ...]) -> None:
    for run in runs:
        print(f"{run.path}:{run.number}: {run.node} {'goes on' if run.after else 'starts'}")
        for line in run.lines:
            print(f"{line.number:>6}  {line.now_ms / 1000:12.3f} s  {_phrase(to_plain(line.given))}")
            for effect in line.effects:
                print(f"{'':>22}  -> {_phrase(effect)}")


def _phrase(content: dict[str, Any]) -> str:
    """An input or effect in a line: what it is about first, then what it carries."""
    kind = content["type"]
    inner: dict[str, Any] = next(
        (content[name] for name in ("message", "event", "command") if isinstance(content.get(name), dict)), {}
    )
    match kind:
        case "Received":
            words = f"{inner['type']} from {content['sender']}"
        case "Send":
            words = f"Send {inner['type']} to {content['to']}"
        case "Notify" | "Raise":
            words = f"{kind} {inner['type']}"
        case "SetTimer":
            words = f"SetTimer {_timer(content)} in {content['after_ms']} ms"
        case "CancelTimer" | "TimerFired":
            words = f"{kind} {_timer(content)}"
        case "Persist":
            words = f"Persist {', '.join(write['key'] for write in content['writes'])}"
        case _:
            words, inner = kind, content
    carried = ", ".join(f"{key}={_text(value)}" for key, value in inner.items() if key != "type")
    text = f"{words}  {carried}".rstrip()
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."


def _timer(content: dict[str, Any]) -> str:
    timer = content["timer"]
    return f"{timer['kind']} {timer['subject']}".rstrip()


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
