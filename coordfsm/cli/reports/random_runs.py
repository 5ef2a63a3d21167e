"""Fuzzes models and prints what was tried and found."""

import argparse
import json
import secrets
from collections.abc import Sequence
from typing import Any

from coordfsm.check.modelling.registry import Entry, catalogue, find
from coordfsm.cli.exits import Exit
from coordfsm.cli.reports.counterexamples import DEFAULT_DIRECTORY, Counterexamples, print_story
from coordfsm.cli.text.tables import VERDICT_STYLES, Row, parameters_text, table
from coordfsm.cli.text.terminal import Line, ProgressLine, paragraph, write_lines
from coordfsm.kernel import ParameterError
from coordfsm.testing.fuzz import FuzzReport, fuzz

TITLES = ("model", "runs", "actions", "local states", "seconds", "never fired", "result")


def run(arguments: argparse.Namespace) -> int:
    """Fuzz the named models, or all."""
    if arguments.parameters and len(arguments.models) != 1:
        raise ParameterError("-p sets a parameter of one model; name exactly one model")
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    saved = Counterexamples(arguments.output or DEFAULT_DIRECTORY)
    reports: list[FuzzReport] = []
    for entry, parameters in choose(arguments.models, arguments.parameters):
        report = _fuzz_one(entry, parameters, arguments.examples, arguments.steps, seed)
        reports.append(report)
        if report.counterexample is not None:
            path = saved.save(report.counterexample)
            if not arguments.json:
                print_story(report.counterexample, path)
        if report.interrupted:
            break
    if arguments.json:
        print(json.dumps([report.to_json() for report in reports], indent=1))
    else:
        write_lines(_summary(reports, seed))
    if any(report.counterexample for report in reports):
        return Exit.COUNTEREXAMPLE
    return Exit.INCOMPLETE if any(report.interrupted for report in reports) else Exit.OK


def choose(names: Sequence[str], assignments: Sequence[str]) -> list[tuple[Entry, dict[str, Any]]]:
    """The models to fuzz with their parameters; assignments come on top of what a model names for fuzzing."""
    if not names:
        return [(entry, dict(parameters)) for entry in catalogue() for parameters in entry.fuzz]
    if assignments:
        entry = find(names[0])
        return [(entry, dict(entry.fuzz[0] if entry.fuzz else {}) | entry.parse(assignments))]
    return [(entry, dict(parameters)) for entry in map(find, names) for parameters in entry.fuzz or ({},)]


def _fuzz_one(entry: Entry, parameters: dict[str, Any], examples: int, steps: int, seed: int) -> FuzzReport:
    line = ProgressLine()

    def progress(runs: int, actions: int) -> None:
        line.show(f"{entry.name}: {runs:,} of {examples:,} runs, {actions:,} actions")

    try:
        return fuzz(entry.build(parameters), examples=examples, steps=steps, seed_number=seed, progress=progress)
    finally:
        line.clear()


def _summary(reports: Sequence[FuzzReport], seed: int) -> list[Line]:
    return [*table(TITLES, [_row(report) for report in reports]), (), *paragraph(f"seed {seed}")]


def _result(report: FuzzReport) -> str:
    if report.counterexample is not None:
        return f"violated: {report.counterexample.property}"
    return "interrupted" if report.interrupted else "no violation found"


def _row(report: FuzzReport) -> Row:
    counts = " ".join(f"{kind} {count:,}" for kind, count in report.actions.items())
    details = (f"parameters: {parameters_text(report.parameters) or 'none'}", f"taken: {counts or 'nothing'}")
    trace = report.counterexample
    cells = (
        report.model,
        f"{report.examples:,}",
        f"{report.steps:,}",
        f"{report.local_states:,}",
        f"{report.seconds:.1f}",
        str(len(report.never_fired)),
        _result(report),
    )
    return Row(cells, details, VERDICT_STYLES["holds" if trace is None else "violated"])
