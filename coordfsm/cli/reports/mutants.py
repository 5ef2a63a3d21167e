"""`coordfsm verify --mutants`: every seeded flaw must be caught by the property that it breaks."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordfsm.check.exploration.report import Report
from coordfsm.check.modelling.spelling import closest
from coordfsm.cli.exits import Exit
from coordfsm.cli.reports.counterexamples import Counterexamples, print_story
from coordfsm.cli.reports.verification import Explored, explore_one, limits_of, options_of, verdict_text
from coordfsm.cli.text.tables import Row, parameters_text, table
from coordfsm.cli.text.terminal import Line, paragraph, write_lines
from coordfsm.kernel import ModelError
from coordfsm.testing.mutants import Mutant, catalogue

TITLES = ("mutant", "machine", "property", "length", "seconds", "caught")


@dataclass(frozen=True)
class Trial:
    """A mutant and what its exploration found."""

    mutant: Mutant
    explored: Explored

    @property
    def report(self) -> Report | None:
        """None if the exploration itself failed."""
        return self.explored.report

    @property
    def length(self) -> int | None:
        """Steps of the counterexample; None without one."""
        trace = None if self.report is None else self.report.counterexample
        return None if trace is None else len(trace.steps)

    @property
    def caught(self) -> bool:
        """Whether the expected property is violated; a witness that is never seen has no counterexample."""
        results = () if self.report is None else self.report.properties
        return any(result.id == self.mutant.property and result.verdict == "violated" for result in results)


def run(arguments: argparse.Namespace) -> int:
    """Explore the named mutants, or all."""
    chosen = choose(arguments.models)
    limits, options = limits_of(arguments), options_of(arguments)
    saved = None if arguments.output is None else Counterexamples(arguments.output)
    trials: list[Trial] = []
    for mutant in chosen:
        trial = Trial(mutant, explore_one(mutant.model, mutant.build(), limits, options, mutant=mutant.name))
        trials.append(trial)
        trace = None if trial.report is None else trial.report.counterexample
        if trace is not None:
            path = None if saved is None else saved.save(trace)
            if len(chosen) == 1 and not arguments.json:
                print_story(trace, path)
        if trial.report is not None and trial.report.stopped == "interrupted":
            break
    if arguments.json:
        print(json.dumps([to_json(trial) for trial in trials], indent=1))
    else:
        write_lines(summary(trials))
    return exit_code(trials)


def run_list(arguments: argparse.Namespace) -> int:
    """Say what the named mutants, or all, do wrong; explore nothing."""
    chosen = choose(arguments.models)
    if arguments.json:
        fields = ("name", "machine", "property", "flaw", "source", "model")
        listed = [{name: getattr(mutant, name) for name in fields} for mutant in chosen]
        print(json.dumps([{"mutant": item.pop("name"), **item} for item in listed], indent=1))
        return Exit.OK
    rows = [
        Row((mutant.name, mutant.machine, mutant.property, mutant.source), (f"in {_where(mutant)}: {mutant.flaw}",))
        for mutant in chosen
    ]
    write_lines(table(("mutant", "machine", "property", "seen in"), rows, left=3))
    return Exit.OK


def _where(mutant: Mutant) -> str:
    return f"{mutant.model} {parameters_text(dict(mutant.parameters))}".strip()


def choose(names: Sequence[str]) -> tuple[Mutant, ...]:
    """The mutants of these names, machines or models; all without a name.

    Raises:
        ModelError: a name fits none.
    """
    known = catalogue()
    chosen: dict[str, Mutant] = {}
    for name in names:
        found = [mutant for mutant in known if name in {mutant.name, mutant.machine, mutant.model}]
        if not found:
            words = {word for mutant in known for word in (mutant.name, mutant.machine, mutant.model)}
            hint = "`coordfsm verify --mutants --list` shows the mutants"
            raise ModelError(f"no mutant, machine or model is called {name!r}{closest(name, words)}; {hint}")
        chosen |= {mutant.name: mutant for mutant in found}
    return tuple(chosen.values()) if names else known


def to_json(trial: Trial) -> dict[str, Any]:
    """One object of ``coordfsm verify --mutants --json``."""
    mutant, report = trial.mutant, trial.report
    return {
        "mutant": mutant.name,
        "machine": mutant.machine,
        "property": mutant.property,
        "caught": trial.caught,
        "length": trial.length,
        "flaw": mutant.flaw,
        "source": mutant.source,
        "model": mutant.model,
        "params": dict(trial.explored.model.parameters),
        "verdict": "error" if report is None else report.verdict,
        "distinct_states": None if report is None else report.distinct_states,
        "seconds": None if report is None else round(report.seconds, 3),
    }


def exit_code(trials: Sequence[Trial]) -> Exit:
    """OK only if every flaw was caught."""
    if any(trial.explored.internal for trial in trials):
        return Exit.INTERNAL
    missed = [trial.report for trial in trials if not trial.caught]
    if not missed:
        return Exit.OK
    cut_short = all(report is not None and report.verdict == "incomplete" for report in missed)
    return Exit.INCOMPLETE if cut_short else Exit.COUNTEREXAMPLE


def summary(trials: Sequence[Trial]) -> list[Line]:
    """The table, and a sentence on each flaw that was not caught."""
    lines = table(TITLES, [_row(trial) for trial in trials], left=3)
    caught = sum(trial.caught for trial in trials)
    lines += [(), *paragraph(f"{caught} of {len(trials)} mutants caught")]
    for trial in trials:
        if not trial.caught:
            mutant = trial.mutant
            lines += paragraph(f"NOT CAUGHT {mutant.name}, in {_where(mutant)}: {mutant.flaw}", hanging=2, style="red")
            lines += paragraph(trial.explored.error, indent=2, hanging=2)
    return lines


def _row(trial: Trial) -> Row:
    report, mutant = trial.report, trial.mutant
    outcome = "error" if report is None else verdict_text(report)
    length = "" if trial.length is None else str(trial.length)
    seconds = "" if report is None else f"{report.seconds:.1f}"
    verdict, style = ("yes", "green") if trial.caught else (f"NO: {outcome}", "bold red")
    return Row((mutant.name, mutant.machine, mutant.property, length, seconds, verdict), (), style)
