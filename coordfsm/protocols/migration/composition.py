"""All entities of a process and its readiness to move them, behind one step function."""

from collections.abc import Iterable

from coordfsm.kernel import Composition, Family, Input, Part, Received, Recover, TimerFired
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.machine import MIGRATION
from coordfsm.protocols.migration.rules import by_entity
from coordfsm.protocols.migration.service import SERVICE
from coordfsm.protocols.migration.settings import MigrationSettings

UNDER_WAY = frozenset({"prepared", "freezing", "frozen", "departing"})
"""The states of a migration that has not ended: what happens to the view concerns only these."""


def entities_concerned(data: MigrationData, given: Input) -> Iterable[str]:
    """The entities that an input is about: one, all with a migration under way, or all that the store knows.

    The last come with their own records each.
    """
    if isinstance(given, Recover):
        return by_entity(given)
    if isinstance(given, TimerFired):
        return (given.timer.subject,)
    subject = given.message if isinstance(given, Received) else given
    entity = getattr(subject, "entity", None)
    if entity is not None:
        return (entity,)
    return sorted(entity for entity, held in data.entities.items() if held.state in UNDER_WAY)


composition = Composition(
    "migration",
    # The service comes first: the entities read the installed view in its data.
    (Part("service", SERVICE), Part("entities", MIGRATION, Family(entities_concerned, EntityData))),
)


def initial(node: str, settings: MigrationSettings | None = None) -> MigrationData:
    """The data of a process before its first input, which is `Recover`."""
    return MigrationData(node, settings or MigrationSettings())
