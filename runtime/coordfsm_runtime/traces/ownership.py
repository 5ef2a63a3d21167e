"""The audit of stores: where every entity is, read from what all processes of a cluster have on disk.

The rule is X2 of the protocols: an entity is in service at one process, or frozen there, or departing from it with
its snapshot while no other process has it in a later epoch. None is lost, none is twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from coordfsm.protocols.migration.messages import ENTITY_PREFIX, EntityRecord
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.storage.store import SqliteStore, copy_of_store

HOLDING = ("owned", "frozen")
DEPARTING = "departing"
PREPARED = "prepared"


class Holding(NamedTuple):
    """One process's record of an entity."""

    node: str
    record: EntityRecord


class Ownership(NamedTuple):
    """What an audit of stores found.

    Attributes:
        entities: entity to the processes that have it (one each when all is well).
        epochs: entity to its highest epoch: one more than the times it moved.
        payloads: entity to what its holder has.
        lost: entities that were expected and that nobody has.
        duplicated: entities that several processes have.
        in_doubt: entities prepared somewhere or departing: safe, and not in service until both sides have talked.
    """

    entities: dict[str, tuple[str, ...]]
    epochs: dict[str, int]
    payloads: dict[str, bytes]
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    in_doubt: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing twice."""
        return not self.lost and not self.duplicated

    def per_node(self) -> dict[str, int]:
        """How many entities each process has."""
        counts: defaultdict[str, int] = defaultdict(int)
        for holders in self.entities.values():
            for node in holders:
                counts[node] += 1
        return dict(sorted(counts.items()))


def read_entities(path: Path) -> dict[str, EntityRecord]:
    """The entity records of a store that no process has open.

    Raises:
        StoreError: in use, unreadable or damaged.
    """
    with copy_of_store(path) as copy:
        store = SqliteStore(copy, RECORDS)
        try:
            records = store.records()
        finally:
            store.close()
    return {
        record.key.removeprefix(ENTITY_PREFIX): record.value
        for record in records
        if record.key.startswith(ENTITY_PREFIX) and isinstance(record.value, EntityRecord)
    }


def audit_stores(stores: Mapping[str, Path], expected: Iterable[str] = ()) -> Ownership:
    """Read all stores of a cluster and find every entity.

    Args:
        stores: node to its store's file. All of them: an entity at a store left out would count as lost.
        expected: entities that must exist.

    Raises:
        StoreError: a store is in use, unreadable or damaged.
    """
    return audit_records({node: read_entities(path) for node, path in stores.items()}, expected)


def audit_records(records: Mapping[str, Mapping[str, EntityRecord]], expected: Iterable[str] = ()) -> Ownership:
    """Find every entity in the records of all processes.

    Args:
        records: node to entity to record.
        expected: entities that must exist.
    """
    held: defaultdict[str, list[Holding]] = defaultdict(list)
    for node, entities in records.items():
        for entity, record in entities.items():
            held[entity].append(Holding(node, record))
    owners = {entity: _holders(held.get(entity, [])) for entity in sorted({*held, *expected})}
    # An entity that every process knows as gone was removed on purpose; one that was expected must be somewhere.
    lost = tuple(entity for entity in sorted(set(expected)) if not owners[entity])
    waiting = (DEPARTING, PREPARED)
    return Ownership(
        entities={entity: tuple(holding.node for holding in found) for entity, found in owners.items() if found},
        epochs={entity: max(holding.record.epoch for holding in held[entity]) for entity in sorted(held)},
        payloads={entity: found[0].record.payload for entity, found in owners.items() if found},
        lost=lost,
        duplicated=tuple(entity for entity, found in owners.items() if len(found) > 1),
        in_doubt=tuple(entity for entity in sorted(held) if any(h.record.state in waiting for h in held[entity])),
    )


def _holders(held: list[Holding]) -> list[Holding]:
    """Who has the entity: in service or frozen, or departing with nobody who has it in a later epoch."""
    having = [holding for holding in held if holding.record.state in HOLDING]
    latest = max((holding.record.epoch for holding in having), default=-1)
    departing = [h for h in held if h.record.state == DEPARTING and h.record.epoch >= latest]
    return having + departing
