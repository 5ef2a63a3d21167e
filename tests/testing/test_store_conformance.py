"""Our own stores pass the conformance suite, and stores that are broken in a known way are caught by it."""

import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest

from coordfsm.kernel import Write
from coordfsm.testing.store import StoreConformance, failures
from coordfsm_runtime.commit_mark import mark_path
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.store import SCHEMA_VERSION, MemoryStore, SqliteStore


class SqliteConformance(StoreConformance):
    def open_store(self, directory):
        return SqliteStore(directory / "node.db", RECORDS)

    def change_version(self, directory):
        connection = sqlite3.connect(directory / "node.db")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        connection.close()


class TestSqliteStore(SqliteConformance):
    """The default store."""


class TestMemoryStore(StoreConformance):
    """The store of tests, which does not outlive its object."""

    durable = False

    def open_store(self, directory):
        return MemoryStore()
