"""The store: whole transactions, read back after any end of the process, and clear refusals."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from runtime.ledger import Deposit, Sum

from coordfsm.cli.exits import Exit
from coordfsm.cli.main import main
from coordfsm.kernel import Write
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.storage.store import SCHEMA_VERSION, MemoryStore, SqliteStore

KINDS = (Sum, Deposit)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "node.db"


def filled(path: Path, count: int = 3) -> None:
    store = SqliteStore(path, KINDS)
    store.commit(Write(f"key{place}", Sum(place)) for place in range(count))
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_records_are_written_replaced_and_deleted(path, kind):
    store = SqliteStore(path, KINDS) if kind == "sqlite" else MemoryStore()
    assert store.records() == ()
    store.commit([Write("b", Sum(1)), Write("a", Sum(2)), Write("b", Sum(3)), Write("c", Sum(4)), Write("c", None)])
    assert store.records() == (Write("a", Sum(2)), Write("b", Sum(3)))
    store.commit([Write("a", None)])
    if kind == "sqlite":
        store.close()
        store = SqliteStore(path, KINDS)
    assert store.records() == (Write("b", Sum(3)),)
    store.close()


def test_what_was_committed_survives_a_kill(path):
    program = f"""
import os, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from runtime.ledger import Sum
from coordfsm.kernel import Write
from coordfsm_runtime.storage.store import SqliteStore
store = SqliteStore(Path({str(path)!r}), (Sum,))
store.commit([Write("kept", Sum(1))])
store._connection.execute("BEGIN IMMEDIATE")
store._connection.execute("DELETE FROM records")
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    store = SqliteStore(path, KINDS)
    assert store.records() == (Write("kept", Sum(1)),)
    store.close()


def test_a_transaction_that_fails_writes_nothing(path):
    store = SqliteStore(path, KINDS)
    with pytest.raises(StoreError, match="cannot encode"):
        store.commit([Write("a", Sum(1)), Write("b", object())])
    assert store.records() == ()
    store.close()


def test_a_full_disk_is_said_plainly_and_loses_nothing(path):
    filled(path)
    store = SqliteStore(path, (Sum, Deposit))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="full; free some space and start the node again"):
        store.commit([Write("large", Deposit(1, b"x" * 1_000_000))])
    store.close()
    store = SqliteStore(path, KINDS)
    assert len(store.records()) == 3
    store.close()


def test_a_store_in_use_is_refused(path):
    store = SqliteStore(path, KINDS)
    with pytest.raises(StoreError, match="another process uses it"):
        SqliteStore(path, KINDS)
    store.close()


def test_a_store_of_another_node_is_refused(path):
    SqliteStore(path, KINDS, "blue/n1").close()
    SqliteStore(path, KINDS, "blue/n1").close()
    SqliteStore(path, KINDS).close()
    with pytest.raises(StoreError, match="belongs to 'blue/n1', not to 'blue/n2'"):
        SqliteStore(path, KINDS, "blue/n2")


def test_damage_is_noticed(path):
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE records SET value = zeroblob(4) WHERE key = 'key1'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="'key1' is damaged"):
        SqliteStore(path, KINDS)


def test_files_that_are_no_store_of_ours_are_refused(path, tmp_path):
    path.write_bytes(b"this is not a database" * 400)
    with pytest.raises(StoreError, match="damaged"):
        SqliteStore(path, KINDS)

    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE accounts (id)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(foreign, KINDS)

    newer = tmp_path / "newer.db"
    filled(newer)
    connection = sqlite3.connect(newer)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.commit()
    connection.close()
    told = f"schema version {SCHEMA_VERSION + 1}, this program reads {SCHEMA_VERSION}; it is not converted: start"
    with pytest.raises(StoreError, match=told):
        SqliteStore(newer, KINDS)

    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "no" / "such" / "directory.db", KINDS)


def test_a_record_of_an_unknown_type_is_refused(path):
    filled(path)
    store = SqliteStore(path, (Deposit,))
    with pytest.raises(StoreError, match="'key0' is of no known type"):
        store.records()
    store.close()


def test_a_truncated_file_is_refused(path):
    filled(path, 2_000)
    whole = path.read_bytes()
    copy = path.with_name("short.db")
    shutil.copy(path, copy)
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged"):
        SqliteStore(copy, KINDS).records()


# -- files that are no longer the store's own ------------------------------------------------------------------------


def unlinked(path: Path) -> str:
    path.unlink()
    return f"{path.name} was removed"


def replaced_by_a_copy(path: Path) -> str:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)
    return f"{path.name} was replaced"


def truncated(path: Path) -> str:
    os.truncate(path, 10)
    return f"{path.name} was cut"


@pytest.mark.parametrize("file", ["node.db", "node.db-wal", "node.db-mark"])
@pytest.mark.parametrize("happens", [unlinked, replaced_by_a_copy, truncated])
def test_a_store_notices_that_its_files_are_no_longer_its_own(path, file, happens):
    store = SqliteStore(path, KINDS)
    store.commit([Write("kept", Sum(1))])
    store.check()
    told = happens(path.with_name(file))
    with pytest.raises(StoreError, match=told):
        store.check()
    with pytest.raises(StoreError, match=told):
        store.commit([Write("lost", Sum(2))])
    assert store.sequence == 1
    store.close()


def test_files_taken_away_while_a_transaction_is_written_are_noticed(path):
    store = SqliteStore(path, KINDS)
    store.stage([Write("lost", Sum(1))])
    path.unlink()
    with pytest.raises(StoreError, match=r"node\.db was removed"):
        store.sync()
    store.close()


def test_a_log_that_starts_again_is_no_loss(path):
    store = SqliteStore(path, KINDS)
    for number in range(60):  # beyond the 1,000 pages after which SQLite writes its log back
        store.commit(Write(f"key{place}", Deposit(number, bytes(2_000))) for place in range(40))
    store.check()
    assert store.sequence == 60
    store.close()


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3", bytes(99)])
def test_a_file_too_short_for_a_database_is_no_store(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a store"):
        SqliteStore(path, KINDS)
    assert path.read_bytes() == content
    assert main(["store", str(path)]) == Exit.COUNTEREXAMPLE
