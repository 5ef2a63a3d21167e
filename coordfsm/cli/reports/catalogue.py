"""`coordfsm verify --list`: models, their parameters and properties."""

import argparse
import json
from typing import Any

from coordfsm.check.modelling.registry import Entry, catalogue, find
from coordfsm.cli.exits import Exit
from coordfsm.cli.text.faults import faults_text
from coordfsm.cli.text.tables import value_text
from coordfsm.cli.text.terminal import Line, Span, paragraph, write_lines


def run(arguments: argparse.Namespace) -> int:
    """Show the named models, or all."""
    entries = [find(name) for name in arguments.models] if arguments.models else list(catalogue())
    if arguments.json:
        print(json.dumps([to_json(entry) for entry in entries], indent=1))
    else:
        write_lines(line for entry in entries for line in _entry(entry))
    return Exit.OK


def to_json(entry: Entry) -> dict[str, Any]:
    """One object of ``coordfsm verify --list --json``."""
    model = entry.build()
    return {
        "model": entry.name,
        "summary": entry.summary,
        "parameters": [parameter.to_json() for parameter in entry.parameters],
        "defaults": [entry.complete(given) for given in entry.defaults],
        "bounds": faults_text(model),
        "properties": [{"id": item.id, "kind": item.kind, "statement": item.statement} for item in model.properties],
    }


def _entry(entry: Entry) -> list[Line]:
    model = entry.build()
    lines: list[Line] = [(Span(entry.name, "bold"),), *paragraph(entry.summary, indent=2)]
    lines.append((Span("  parameters:" if entry.parameters else "  no parameters"),))
    for parameter in entry.parameters:
        given = f"{parameter.name}={value_text(parameter.default)}"
        lines += paragraph(
            f"{given:<18} {parameter.help or 'no description'} ({parameter.expected})", indent=4, hanging=19
        )
    lines.append((Span(f"  faults: {faults_text(model)}"),))
    lines.append((Span("  properties:"),))
    for item in model.properties:
        kind = "" if item.kind == "invariant" else f" [{item.kind}]"
        lines += paragraph(f"{item.id:<12} {item.statement}{kind}", indent=4, hanging=13)
    return [*lines, ()]
