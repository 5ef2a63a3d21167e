"""Our own stores pass the conformance suite, and stores that are broken in a known way are caught by it."""

import sqlite3
import time
from typing import ClassVar

import pytest

from coordfsm.kernel import Write
from coordfsm.testing.store import StoreConformance, failures
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.storage.store import SCHEMA_VERSION, MemoryStore, SqliteStore


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


# -- stores that are broken ----------------------------------------------------------------------------------------


class EachByItself(SqliteStore):
    """Every record in a transaction of its own."""

    def commit(self, writes):
        for write in writes:
            super().commit([write])
            time.sleep(0.01)  # nearly every kill then falls between two records, on a busy machine, too


class WrittenLater(SqliteStore):
    """Acknowledges first, and writes when there is something to write with it."""

    waiting: ClassVar[list[Write]] = []

    def commit(self, writes):
        super().commit(self.waiting)
        self.waiting[:] = writes

    def records(self):
        super().commit(self.waiting)
        self.waiting.clear()
        return super().records()

    def close(self):
        if self.waiting:
            super().commit(self.waiting)
            self.waiting.clear()
        super().close()


class DeletesFirst(SqliteStore):
    """Deletions before all other writes."""

    def stage(self, writes):
        super().stage(sorted(writes, key=lambda write: write.value is not None))


class FullIsFine(SqliteStore):
    """Says nothing when the disk is full."""

    def commit(self, writes):
        held = tuple(writes)
        try:
            super().commit(held)
        except StoreError as error:
            if "cannot encode" in str(error):
                raise


class ByLength(SqliteStore):
    """Short keys first."""

    def records(self):
        return tuple(sorted(super().records(), key=lambda write: len(write.key)))


class SyncedWhenStaged(SqliteStore):
    """What is staged is on disk already, although nobody has asked for it."""

    def stage(self, writes):
        super().stage(writes)
        super().sync()

    def sync(self):
        pass


class WithoutMark(SqliteStore):
    """SQLite alone: a damaged log goes back to an older transaction, silently."""

    def __init__(self, path, kinds):
        super().__init__(path, kinds, accept_loss=True)


class AnyVersion(SqliteStore):
    """Takes a store of any version for its own."""

    def __init__(self, path, kinds):
        if path.exists():
            connection = sqlite3.connect(path)
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            connection.close()
        super().__init__(path, kinds)


class ForEverybody(SqliteStore):
    """Opens a copy when the store is in use: two processes then promise different things."""

    def __init__(self, path, kinds):
        try:
            super().__init__(path, kinds)
        except StoreError:
            if not path.exists():
                raise
            super().__init__(path.with_name("second.db"), kinds)


class KeepsEverything(SqliteStore):
    """A log of all that was ever written."""

    def stage(self, writes):
        held = tuple(writes)
        super().stage(held)
        self._connection.execute("CREATE TABLE IF NOT EXISTS log (value BLOB)")
        values = [(write.value.payload,) for write in held if getattr(write.value, "payload", b"")]
        self._connection.executemany("INSERT INTO log VALUES (?)", values)


class Shortened(SqliteStore):
    """Large payloads lose their end."""

    def records(self):
        return tuple(Write(write.key, cut(write.value)) for write in super().records())


def cut(value):
    payload = getattr(value, "payload", b"")
    return value if len(payload) <= 65_536 else type(value)(value.state, value.epoch, payload=payload[:65_536])


BROKEN = {
    EachByItself: "test_a_killed_process_loses_nothing_and_halves_nothing",
    WrittenLater: "test_what_was_committed_survives_a_kill",
    DeletesFirst: "test_records_are_put_replaced_and_deleted_in_order",
    FullIsFine: "test_a_full_disk_is_refused",
    ByLength: "test_records_are_sorted_by_key",
    SyncedWhenStaged: "test_what_was_only_staged_is_gone",
    WithoutMark: "test_damage_is_recovered_or_refused_never_silent",
    AnyVersion: "test_another_version_is_refused",
    ForEverybody: "test_one_process_at_a_time",
    KeepsEverything: "test_what_was_replaced_takes_no_room_for_ever",
    Shortened: "test_every_kind_of_record_comes_back_as_it_was",
}


@pytest.mark.parametrize(("broken", "test"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_store_is_caught(broken, test):
    class Suite(SqliteConformance):
        def open_store(self, directory):
            return broken(directory / "node.db", RECORDS)

    found = failures(Suite, test)
    assert list(found) == [test]
    assert found[test].startswith("AssertionError: ")


def test_a_whole_store_has_no_failures():
    assert failures(TestMemoryStore) == {}
