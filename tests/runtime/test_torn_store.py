"""A damaged file is recovered to a state that was committed, or refused: never to records that were never there.

A damaged database file never costs a transaction unnoticed. A damaged write-ahead log does: SQLite takes it for one
that was cut off by a crash, and goes back to the last whole transaction before the damage.
"""

import random
import shutil
from pathlib import Path

import pytest
from runtime.ledger import Deposit, Sum

from coordfsm.kernel import Write
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.store import SqliteStore

KINDS = (Sum, Deposit)
TRIALS = 150
SEED = 20
CHECKPOINTED = 5
"""Transactions that are in the database file itself; the others are only in the log."""


def write_of(transaction: int, place: int) -> Write:
    return Write(f"entity/{place:03}", Deposit(transaction, random.Random(place).randbytes(300 + 7 * transaction)))


def transactions() -> list[tuple[Write, ...]]:
    """Some replace records of those before, one deletes."""
    made = [tuple(write_of(number, place) for place in range(number, number + 40)) for number in range(8)]
    return [*made, (Write("entity/005", None), Write("sum", Sum(1)))]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory) -> tuple[Path, list[tuple[Write, ...]]]:
    """A store as a killed process leaves it, half of it still in the log; and what it held after each transaction."""
    directory = tmp_path_factory.mktemp("crashed")
    store = SqliteStore(directory / "open.db", KINDS)
    held: list[tuple[Write, ...]] = [store.records()]
    for number, writes in enumerate(transactions()):
        store.commit(writes)
        held.append(store.records())
        if number + 1 == CHECKPOINTED:
            store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("", "-wal"):
        shutil.copy(directory / f"open.db{suffix}", directory / f"node.db{suffix}")
    store.close()
    assert (directory / "node.db-wal").stat().st_size > 50_000
    return directory / "node.db", held


def damage(path: Path, kind: str, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    if kind == "cut":
        del content[place:]
    elif kind == "flip":
        content[place] ^= 1 << chance.randrange(8)
    elif kind == "zero":
        content[place : place + 512] = bytes(len(content[place : place + 512]))
    else:  # pages of garbage
        content[place : place + 4_096] = chance.randbytes(len(content[place : place + 4_096]))
    path.write_bytes(content)


def outcome(path: Path) -> tuple[Write, ...] | StoreError:
    try:
        store = SqliteStore(path, KINDS)
    except StoreError as error:
        return error
    try:
        return store.records()
    except StoreError as error:
        return error
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["cut", "flip", "zero", "garbage"])
@pytest.mark.parametrize("file", ["node.db", "node.db-wal"])
def test_damage_is_refused_or_changes_nothing(crashed, tmp_path, file, kind):
    path, held = crashed
    chance = random.Random(f"{SEED} {file} {kind}")
    newest, oldest = len(held) - 1, CHECKPOINTED
    for trial in range(TRIALS):
        directory = tmp_path / str(trial)
        directory.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(path.with_name(f"node.db{suffix}"), directory)
        damage(directory / file, kind, chance)
        found = outcome(directory / "node.db")
        if isinstance(found, StoreError):
            continue
        assert found in held, f"trial {trial}: records that were never there"
        # SQLite ends a log at the first frame that is damaged: whole transactions at its end are gone, unnoticed.
        assert held.index(found) >= (newest if file == "node.db" else oldest)
