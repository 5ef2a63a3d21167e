"""Flaws that break more than one property: each of these properties must catch its flaw alone, too."""

from dataclasses import replace
from typing import Any

from coordfsm.testing.mutants import membership_cut, migration
from coordfsm.testing.mutants.mutant import Mutant

_KNOWN = {mutant.name: mutant for mutant in (*membership_cut.MUTANTS, *migration.MUTANTS)}


def _also(name: str, identifier: str, **changes: Any) -> Mutant:
    """The flaw of a known mutant, caught by another property."""
    return replace(_KNOWN[name], name=f"{name}-by-{identifier.lower()}", property=identifier, **changes)


MUTANTS = (
    _also("doubt-commits", "X3"),
    _also("commit-timeout-restores", "X3"),
    _also("one-condemnation-is-enough", "M5"),
)
