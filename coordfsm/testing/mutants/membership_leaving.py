"""Broken leavers: who goes without handing over, or comes back although it wished to go."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Persist, TransitionTable
from coordfsm.protocols.membership.lifecycle import belonging
from coordfsm.protocols.membership.lifecycle.joining import persist_identity
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def go_while_shunned(table: TransitionTable) -> TransitionTable:
    """Whoever is out already has nothing to hand over."""
    return with_rule(table, "shunned", "local_leave", "left", on=belonging.go)


def go_without_wish(data: Any, given: Any, context: Any) -> Any:
    """Forget the wish to leave before the view is gone."""
    data, effects = belonging.go(data, given, context)
    forgotten = persist_identity(replace(data, leaves=False))
    return data, tuple(forgotten if isinstance(effect, Persist) else effect for effect in effects)


MUTANTS = (
    Mutant(
        name="shunned-leaver-goes-at-once",
        machine="Lifecycle",
        property="M8",
        flaw="An excluded process that is told to leave goes at once, although perhaps only it knows the next view.",
        source="own",
        model="membership-retire",
        parameters={"crashes": 0},
        edit=go_while_shunned,
    ),
    Mutant(
        name="gone-forgets-its-wish",
        machine="Lifecycle",
        property="M8-wish",
        flaw="A leaver forgets its wish before its view is gone, and a crash in between brings it back as a member.",
        source="own",
        model="membership-retire",
        parameters={"impatient": True, "suspicions": 0},
        functions={"go": go_without_wish},
    ),
)
