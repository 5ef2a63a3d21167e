"""Migration: an entity moves between processes, never lost and never duplicated, whatever crashes."""

from coordfsm.protocols.migration.composition import composition, initial
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.settings import MigrationSettings

__all__ = ["EntityData", "MigrationData", "MigrationSettings", "composition", "initial"]
