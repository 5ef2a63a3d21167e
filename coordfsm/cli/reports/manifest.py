"""`coordfsm verify --manifest FILE`: explore every recorded model and compare with what was recorded."""

import argparse
import json
from dataclasses import replace
from typing import Any

from coordfsm.check.modelling.manifest import Expectation, expectation, load, load_fired, save
from coordfsm.check.modelling.registry import catalogue, find
from coordfsm.cli.exits import Exit
from coordfsm.cli.reports.verification import (
    TITLES,
    Explored,
    exit_code,
    explore_one,
    limits_of,
    options_of,
    row,
    rules_of,
    to_json,
)
from coordfsm.cli.text.tables import VERDICT_STYLES, parameters_text, table
from coordfsm.cli.text.terminal import Line, paragraph, write_lines
from coordfsm.kernel import ModelError, ParameterError

QUICK_STATES = 5_000
"""A model of at most so many states is explored by the tests, too."""


def run(arguments: argparse.Namespace) -> int:
    """Compare; with ``--update``, record what was found, for the default models as well.

    Raises:
        ParameterError: counts of a reduced exploration were to be recorded.
    """
    reduced = bool(arguments.symmetry or arguments.por)
    if arguments.update and reduced:
        raise ParameterError(
            "a manifest records what is found without reductions; --update without --symmetry and --por"
        )
    entries = load(arguments.manifest) if arguments.manifest.exists() or not arguments.update else ()
    if arguments.update:
        entries = tuple(entry for entry in entries if _is_possible(entry))
    wanted = _keys(entries) + (_defaults(entries) if arguments.update else [])
    limits, options = limits_of(arguments), options_of(arguments)
    explored = [explore_one(name, find(name).build(parameters), limits, options) for name, parameters in wanted]
    if arguments.update:
        return _update(arguments, explored)
    recorded = None if reduced else load_fired(arguments.manifest)
    differences = [
        (*_differences(entry, item, reduced=reduced), *rules)
        for entry, item, rules in zip(entries, explored, _rule_differences(recorded, explored), strict=True)
    ]
    if arguments.json:
        results = zip(explored, differences, strict=True)
        print(json.dumps([{**to_json(item), "differences": list(found)} for item, found in results], indent=1))
    else:
        write_lines(_summary(entries, explored, differences))
    worst = exit_code(explored)
    return worst if worst == Exit.INTERNAL or not any(differences) else Exit.COUNTEREXAMPLE


def _keys(entries: tuple[Expectation, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.model, entry.params) for entry in entries]


def _is_possible(entry: Expectation) -> bool:
    """Whether the model and exactly these parameters still exist; if not, there is nothing to record."""
    try:
        find(entry.model).build(entry.params)
    except ModelError:
        return False
    return set(find(entry.model).complete({})) == set(entry.params)


def _defaults(entries: tuple[Expectation, ...]) -> list[tuple[str, dict[str, Any]]]:
    """The default models that are not recorded yet."""
    defaults = [(entry.name, entry.complete(given)) for entry in catalogue() for given in entry.defaults]
    return [key for key in defaults if key not in _keys(entries)]


def _differences(entry: Expectation, item: Explored, *, reduced: bool) -> tuple[str, ...]:
    return (item.error,) if item.report is None else entry.differences(item.report, reduced=reduced)


def _fired(item: Explored) -> frozenset[str]:
    """The rules that an exploration took."""
    return frozenset() if item.report is None else frozenset(rules_of([item])) - set(item.report.never_fired)


def _is_complete(explored: list[Explored]) -> bool:
    return all(item.report is not None and item.report.verdict != "incomplete" for item in explored)


def _rule_differences(recorded: frozenset[str] | None, explored: list[Explored]) -> list[tuple[str, ...]]:
    """For each model, how the rules that fire differ from those recorded; each rule is told once.

    That a rule fires nowhere any more is told of the first model that has it; that one fires which did not, of the
    first in which it does. A search that was cut short says nothing of what it did not reach.
    """
    if recorded is None or not _is_complete(explored):
        return [() for _ in explored]
    fired = frozenset[str]().union(*map(_fired, explored))
    told: set[str] = set()
    differences = []
    for item in explored:
        lost = [name for name in rules_of([item]) if name in recorded - fired - told]
        gained = sorted(_fired(item) - recorded - told)
        told |= {*lost, *gained}
        differences.append(
            (
                *(f"fires in no recorded model any more: {name}" for name in lost),
                *(f"not recorded as fired: {name}" for name in gained),
            )
        )
    return differences


def _summary(
    entries: tuple[Expectation, ...], explored: list[Explored], differences: list[tuple[str, ...]]
) -> list[Line]:
    rows = [
        replace(row(item), cells=(*row(item).cells[:-1], "DIFFERS"), style=VERDICT_STYLES["violated"], details=found)
        if found
        else replace(row(item), details=(parameters_text(dict(item.model.parameters)), *_saved(entry, item)))
        for entry, item, found in zip(entries, explored, differences, strict=True)
    ]
    fit = sum(not found for found in differences)
    return [*table(TITLES, rows), (), *paragraph(f"{fit} of {len(explored)} as recorded")]


def _saved(entry: Expectation, item: Explored) -> tuple[str, ...]:
    """What a reduction left out of the states that are recorded."""
    if item.report is None or item.report.distinct_states == entry.distinct_states:
        return ()
    return (f"{item.report.distinct_states:,} of {entry.distinct_states:,} states",)


def _update(arguments: argparse.Namespace, explored: list[Explored]) -> int:
    """Record only what was explored to the end: a search cut short says nothing about the counts."""
    worst = exit_code(explored)
    if not _is_complete(explored):
        write_lines([*table(TITLES, [row(item) for item in explored]), (), *paragraph("nothing was recorded")])
        return worst
    reports = [item.report for item in explored if item.report is not None]
    entries = tuple(expectation(report, quick=report.distinct_states <= QUICK_STATES) for report in reports)
    save(arguments.manifest, entries, frozenset[str]().union(*map(_fired, explored)))
    write_lines([*table(TITLES, [row(item) for item in explored]), (), *paragraph(f"recorded in {arguments.manifest}")])
    return worst
