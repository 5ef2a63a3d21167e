"""Reads ``spec/PROPERTIES.md`` and writes what follows from the code into it."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from coordfsm.check.modelling.registry import catalogue
from coordfsm.testing.mutants import catalogue as mutant_catalogue

DOCUMENT = Path(__file__).parents[2] / "spec" / "PROPERTIES.md"
WITNESSES = "<!-- generated: witnesses -->"
GENERATED = ("- Checked in:", "- Mutants:")


@dataclass
class Known:
    """What the code knows of a catalogued property."""

    kinds: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    mutants: set[str] = field(default_factory=set)


def base(identifier: str) -> str:
    """``X1@e1`` and ``CL1-rest`` are forms of X1 and CL1; ``X-fence`` stands for itself."""
    numbered = re.match(r"[A-Z]+\d+(?=[@-]|$)", identifier)
    return numbered.group() if numbered else identifier.split("@", maxsplit=1)[0]


def is_witness(kind: str) -> bool:
    return kind == "sometimes"


def known_properties() -> tuple[dict[str, Known], dict[str, tuple[str, set[str]]]]:
    """The catalogued properties by base id, and the witnesses: id to statement and models."""
    properties: defaultdict[str, Known] = defaultdict(Known)
    witnesses: dict[str, tuple[str, set[str]]] = {}
    built = [(entry.name, entry.build(given)) for entry in catalogue() for given in ({}, *entry.defaults)]
    built += [(mutant.model, mutant.real()) for mutant in mutant_catalogue()]
    kinds: dict[tuple[str, str], str] = {}
    for name, model in built:
        for item in model.properties:
            kinds[name, item.id] = item.kind
            if is_witness(item.kind):
                identifier = item.id.split("@")[0]
                witnesses.setdefault(identifier, (item.statement, set()))[1].add(name)
            else:
                properties[base(item.id)].kinds.add(item.kind)
                properties[base(item.id)].models.add(name)
    for mutant in mutant_catalogue():
        if not is_witness(kinds[mutant.model, mutant.property]):
            properties[base(mutant.property)].mutants.add(mutant.name)
    return dict(properties), witnesses


def documented(text: str) -> dict[str, str]:
    """The sections by id."""
    parts = re.split(r"^### ", text.split(WITNESSES, maxsplit=1)[0], flags=re.MULTILINE)[1:]
    return {part.split()[0]: part for part in parts}


def refreshed(text: str) -> str:
    """The document with its generated lines as they should be."""
    properties, witnesses = known_properties()
    lines: list[str] = []
    current = ""
    for line in text.split(WITNESSES, maxsplit=1)[0].rstrip().splitlines():
        if line.startswith(GENERATED):
            continue
        if line.startswith("### "):
            current = line.split()[1]
        lines.append(line)
        if line.startswith("- Fault model:") and current in properties:
            found = properties[current]
            lines.append(f"- Checked in: {', '.join(sorted(found.models))}")
            lines.append(f"- Mutants: {', '.join(sorted(found.mutants)) or 'none'}")
    table = ["## Witnesses", "", "| id | true in some reachable state | models |", "| --- | --- | --- |"]
    table += [
        f"| {identifier} | {statement} | {', '.join(sorted(models))} |"
        for identifier, (statement, models) in sorted(witnesses.items())
    ]
    return "\n".join([*lines, "", WITNESSES, "", *table]) + "\n"
