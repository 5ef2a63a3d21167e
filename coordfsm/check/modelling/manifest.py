"""The manifest: for each bounded model and set of parameters, what an exploration must find.

A JSON file (``spec/manifest.json``): ``{"format": 1, "models": [...], "fired": {...}}``, one object a model and set of
parameters, with the keys of `Expectation`; counts are those of the unreduced state space. ``fired`` names, by machine,
the rules that some exploration took.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from coordfsm.check.exploration.report import Report, Verdict
from coordfsm.kernel import CoordfsmError

MANIFEST_FORMAT = 1
COUNTS = ("distinct_states", "transitions", "depth")


class ManifestError(CoordfsmError):
    """A manifest cannot be read or written."""


@dataclass(frozen=True)
class Expectation:
    """One entry.

    Attributes:
        model: its name.
        params: all of its parameters.
        properties: ids, in the model's order.
        verdict: over all properties.
        distinct_states: counted as in `Report`.
        transitions: likewise.
        depth: likewise.
        quick: whether the tests explore it, with the reference explorer.
    """

    model: str
    params: dict[str, Any]
    properties: tuple[str, ...]
    verdict: Verdict
    distinct_states: int
    transitions: int
    depth: int
    quick: bool = False

    def differences(self, report: Report, *, reduced: bool = False) -> tuple[str, ...]:
        """How what was found differs, as ``field: expected -> found``; empty when it fits.

        Args:
            report: of an exploration with these parameters.
            reduced: whether symmetry or the partial-order reduction was on: counts are then not compared.
        """
        found = asdict(expectation(report, quick=self.quick))
        return tuple(
            f"{name}: expected {_short(value)}, found {_short(found[name])}"
            for name, value in asdict(self).items()
            if found[name] != value and not (reduced and name in COUNTS)
        )


def expectation(report: Report, *, quick: bool) -> Expectation:
    """The entry that fits a report."""
    return Expectation(
        model=report.model,
        params=dict(report.parameters),
        properties=tuple(dict.fromkeys(result.id for result in report.properties)),
        verdict=report.verdict,
        distinct_states=report.distinct_states,
        transitions=report.transitions,
        depth=report.depth,
        quick=quick,
    )


def load(path: Path) -> tuple[Expectation, ...]:
    """Read the entries of a manifest.

    Raises:
        ManifestError: no such file, not JSON, or with missing or mistyped fields.
    """
    entries: tuple[Expectation, ...] = _read(path, "models", tuple[Expectation, ...])
    return entries


def load_fired(path: Path) -> frozenset[str] | None:
    """The rules that some exploration of a manifest took, as ``Machine: rule``; None: not recorded.

    Raises:
        ManifestError: as `load`.
    """
    by_machine = _read(path, "fired", dict[str, tuple[str, ...]] | None)
    if by_machine is None:
        return None
    return frozenset(f"{machine}: {rule}" for machine, rules in by_machine.items() for rule in rules)


def _read(path: Path, key: str, shape: Any) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != MANIFEST_FORMAT:
            raise ManifestError(f"{path} is not a manifest of format {MANIFEST_FORMAT}")
        return msgspec.convert(content.get(key), shape)
    except OSError as error:
        raise ManifestError(f"cannot read the manifest {path}: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ManifestError(f"{path} is not a manifest: {error}") from error


def save(path: Path, entries: tuple[Expectation, ...], fired: Iterable[str]) -> None:
    """Write a manifest.

    Args:
        path: of the file.
        entries: in this order.
        fired: the rules that some exploration took, as ``Machine: rule``.

    Raises:
        ManifestError: the file cannot be written.
    """
    by_machine: dict[str, list[str]] = {}
    for name in sorted(fired):
        machine, _, rule = name.partition(": ")
        by_machine.setdefault(machine, []).append(rule)
    content = {"format": MANIFEST_FORMAT, "models": [asdict(entry) for entry in entries], "fired": by_machine}
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"cannot write the manifest {path}: {error.strerror}") from error


def _short(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
