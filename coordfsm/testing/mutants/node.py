"""Broken compositions: what one machine of a process does not tell the others, or they do not heed."""

from typing import Any

from coordfsm.kernel import Effect, TransitionTable
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def say_nothing(data: Any, given: Any) -> tuple[Any, tuple[Effect, ...]]:
    """The siblings are not told."""
    return data, ()


def wedge_ignored(table: TransitionTable) -> TransitionTable:
    """A coordinator carries on without a majority."""
    for state in ("collecting", "quiet", "cooldown", "dirty"):
        table = with_rule(table, state, "local_wedged", state)
    return table


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="leaver-keeps-acting",
        machine="Lifecycle",
        property="N1",
        flaw="A leaver that is no longer a member goes on coordinating and migrating until it has handed over.",
        source="own",
        model="node",
        functions={"stop_acting": say_nothing},
    ),
    Mutant(
        name="wedge-ignored-by-coordinator",
        machine="Coordinator",
        property="N2",
        flaw="A coordinator without a majority goes on publishing.",
        source="own",
        model="node",
        parameters={"migrations": 0, "leaves": 0, "doubts": 1},
        edit=wedge_ignored,
    ),
)
