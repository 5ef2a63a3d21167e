"""Explores models and prints what was found: stories of counterexamples, a table, transitions never fired."""

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordfsm.check.exploration.engines import Options, explore
from coordfsm.check.exploration.report import Limits, Progress, Report
from coordfsm.check.exploration.walks import Walks
from coordfsm.check.modelling.blame import place_in
from coordfsm.check.modelling.model import Model
from coordfsm.check.modelling.registry import Entry, catalogue, find
from coordfsm.cli.exits import Exit
from coordfsm.cli.reports.counterexamples import DEFAULT_DIRECTORY, Counterexamples, print_story
from coordfsm.cli.text.faults import faults_text
from coordfsm.cli.text.tables import VERDICT_STYLES, Row, parameters_text, table
from coordfsm.cli.text.terminal import Line, ProgressLine, Span, paragraph, write_lines
from coordfsm.kernel import CoordfsmError

TITLES = ("model", "distinct states", "transitions", "depth", "seconds", "never fired", "verdict")


DEFAULT_DEPTH = 100
"""Actions of a random walk at most."""


FEW = 12
"""So many transitions that never fired are named without being asked for."""


DETAILED = 3
"""So many models are told in full; more of them in brief."""


@dataclass(frozen=True)
class Explored:
    """A model with what was found, or why the exploration itself failed.

    Attributes:
        name: of the model.
        model: what was explored.
        report: None if it failed.
        error: why it failed.
        internal: whether that is a fault of coordfsm rather than of the model or the options.
    """

    name: str
    model: Model
    report: Report | None
    error: str = ""
    internal: bool = False


def run(arguments: argparse.Namespace) -> int:
    """Explore the named models, or the default ones."""
    chosen = choose(arguments.models, arguments.parameters)
    limits, options = limits_of(arguments), options_of(arguments)
    saved = Counterexamples(arguments.output or DEFAULT_DIRECTORY)
    explored: list[Explored] = []
    for entry, parameters in chosen:
        result = explore_one(entry.name, entry.build(parameters), limits, options)
        explored.append(result)
        trace = None if result.report is None else result.report.counterexample
        if trace is not None:
            path = saved.save(trace)
            if not arguments.json:
                print_story(trace, path)
        if result.report is not None and result.report.stopped == "interrupted":
            break
    if arguments.json:
        print(json.dumps([to_json(item) for item in explored], indent=1))
    else:
        write_lines([*summary(explored), *coverage(explored, everything=arguments.coverage)])
    return exit_code(explored)


def choose(names: Sequence[str], assignments: Sequence[str]) -> list[tuple[Entry, dict[str, Any]]]:
    """The models to explore with their parameters."""
    if not names:
        return [(entry, dict(parameters)) for entry in catalogue() for parameters in entry.defaults]
    return [(entry, entry.parse(assignments)) for entry in map(find, names)]


def limits_of(arguments: argparse.Namespace) -> Limits:
    """When to stop early."""
    return Limits(arguments.max_states, arguments.max_seconds, arguments.max_depth)


def options_of(arguments: argparse.Namespace) -> Options:
    """How to explore."""
    return Options(
        engine=arguments.engine,
        threads=arguments.threads,
        symmetry=arguments.symmetry,
        por=arguments.por,
        checkpoint=arguments.checkpoint,
        resume=arguments.resume,
        max_memory=arguments.max_memory,
        walks=None
        if arguments.walks is None
        else Walks(arguments.walks, arguments.depth or DEFAULT_DEPTH, arguments.seed or 0),
    )


def explore_one(name: str, model: Model, limits: Limits, options: Options, *, mutant: str = "") -> Explored:
    """Explore one model with a progress line. A failure is a result, too: other models are explored all the same."""
    line = ProgressLine()
    label = mutant or name

    def progress(now: Progress) -> None:
        rate = now.states / max(now.seconds, 1e-3)
        head = f"{label}: round {now.round}" if now.round else label
        if now.states == 0:
            line.show(f"{head}: {now.learned:,} local steps to learn what has no effect, {now.seconds:.0f} s")
            return
        parts = [
            f"{head}: {now.states:,} states",
            *([f"about {now.left:,} left"] if now.left is not None else []),
            f"depth {now.depth}",
            f"frontier {now.frontier:,}",
            f"{rate:,.0f} states/s",
            *([f"{now.memory_bytes / (1 << 20):,.0f} MiB"] if now.memory_bytes else []),
            f"{now.seconds:.0f} s",
            f"{now.transitions:,} transitions",
        ]
        line.show(", ".join(parts))

    line.show(f"{label}: starting")
    try:
        return Explored(name, model, explore(model, limits, progress, mutant=mutant, options=options))
    except CoordfsmError as error:
        return Explored(name, model, None, str(error))
    except Exception as error:  # noqa: BLE001  (reported, with where it happened)
        line.clear()
        place = place_in(Path(name.partition(":")[0]), error)
        if place:
            return Explored(name, model, None, f"{type(error).__name__}: {error} ({place})")
        traceback.print_exception(error, file=sys.stderr)
        return Explored(name, model, None, f"{type(error).__name__}: {error}", internal=True)
    finally:
        line.clear()


def to_json(item: Explored) -> dict[str, Any]:
    """One object of ``coordfsm verify --json``."""
    if item.report is not None:
        return {**item.report.to_json(), "bounds": faults_text(item.model)}
    return {"model": item.name, "params": dict(item.model.parameters), "verdict": "incomplete", "error": item.error}


def exit_code(explored: Sequence[Explored]) -> Exit:
    """The worst of what was found; an internal error is worst of all."""
    if any(item.internal for item in explored):
        return Exit.INTERNAL
    verdicts = {"error" if item.report is None else item.report.verdict for item in explored}
    if "violated" in verdicts:
        return Exit.COUNTEREXAMPLE
    if "error" in verdicts:
        return Exit.USAGE
    return Exit.INCOMPLETE if "incomplete" in verdicts else Exit.OK


def summary(explored: Sequence[Explored]) -> list[Line]:
    """The table, and what it does not say: witnesses never seen, properties never put to the test."""
    brief = len(explored) > DETAILED
    head, *lines = table(TITLES, [row(item, brief=brief) for item in explored])
    legend = [(Span("  parameters other than the defaults | faults | properties", "dim"),)] if brief else []
    return [head, *legend, *lines, *(line for item in explored for line in _remarks(item))]


def coverage(explored: Sequence[Explored], *, everything: bool) -> list[Line]:
    """The transitions that no model took: each by name if they are few or `everything` is asked for."""
    declared, never = rules_of(explored), never_fired(explored)
    if not never:
        return []
    by_machine: dict[str, list[str]] = {}
    for name in never:
        machine, _, rule = name.partition(": ")
        by_machine.setdefault(machine, []).append(rule)
    of = "this model" if len(explored) == 1 else "any of these models"
    head = f"never fired in {of}: {len(never)} of {len(declared)} transitions"
    if not everything and len(never) > FEW:
        counts = ", ".join(f"{machine} {len(rules)}" for machine, rules in by_machine.items())
        return [(), *paragraph(f"{head} ({counts}); --coverage names them", hanging=2)]
    lines: list[Line] = [(), (Span(f"{head}:"),)]
    for machine, rules in by_machine.items():
        lines.append((Span(f"  {machine}"),))
        lines += [line for rule in rules for line in paragraph(rule, indent=4, hanging=4)]
    return lines


def rules_of(explored: Sequence[Explored]) -> tuple[str, ...]:
    """The rules of all machines of these models."""
    return tuple(dict.fromkeys(name for item in explored for node in item.model.nodes for name in node.rules))


def never_fired(explored: Sequence[Explored]) -> tuple[str, ...]:
    """The rules that some model has and none took."""
    fired: set[str] = set()
    for item in explored:
        if item.report is not None:
            fired |= set(rules_of([item])) - set(item.report.never_fired)
    return tuple(name for name in rules_of(explored) if name not in fired)


def row(item: Explored, *, brief: bool = False) -> Row:
    """The entry of a model in the table; what was explored in one paragraph (`brief`) or in a line each."""
    report = item.report
    asked = [known.id for known in item.model.properties] + ["deadlock"] * item.model.deadlock
    properties = " ".join(dict.fromkeys(known.split("@", maxsplit=1)[0] for known in asked))
    if brief:
        details = [f"{_changed(item) or 'defaults'} | {faults_text(item.model)} | {properties}"]
    else:
        details = [f"parameters: {parameters_text(dict(item.model.parameters)) or 'none'}"]
        details += [f"faults: {faults_text(item.model)}", f"properties: {properties or 'none'}"]
    if report is None:
        return Row((item.name, "", "", "", "", "", "error"), (*details, item.error), VERDICT_STYLES["error"])
    if report.cut_off:
        details.append(
            f"boundary: {report.cut_off:,} successors outside it were not explored, what follows is not known"
        )
    if "reduction" in report.details:
        details.append(f"reduction: {report.details['reduction']}")
    cells = (
        item.name,
        f"{report.distinct_states:,}",
        f"{report.transitions:,}",
        str(report.depth),
        f"{report.seconds:.1f}",
        str(len(report.never_fired)),
        verdict_text(report),
    )
    return Row(cells, tuple(details), VERDICT_STYLES[report.verdict])


def _changed(item: Explored) -> str:
    """The parameters that differ from the model's defaults."""
    defaults = find(item.name).complete({})
    given = item.model.parameters.items()
    return parameters_text({name: value for name, value in given if defaults.get(name) != value})


def verdict_text(report: Report) -> str:
    """The verdict with what broke it, or what cut it short."""
    if report.verdict == "violated":
        return f"violated: {' '.join(result.id for result in report.properties if result.verdict == 'violated')}"
    if report.verdict == "incomplete":
        return f"incomplete: {report.why_incomplete}"
    return report.verdict


def _remarks(item: Explored) -> list[Line]:
    if item.report is None:
        return []
    statements = {known.id: known.statement for known in item.model.properties}
    lines: list[Line] = []
    for result in item.report.properties:
        if result.kind == "sometimes" and result.verdict == "violated":
            lines += paragraph(f"{item.name}: {result.id} is true in no reachable state: {statements[result.id]}")
        elif result.vacuous:
            lines += paragraph(f"{item.name}: {result.id} was never put to the test: nothing ever triggers it")
    return [(), *lines] if lines else []
