"""A damaged store is recovered whole or refused: never silently with less, or other, than was committed."""

import os
import random
import shutil
from pathlib import Path

import pytest
from runtime.ledger import Deposit, Sum

from coordfsm.cli.exits import Exit
from coordfsm.cli.main import main
from coordfsm.kernel import Write
from coordfsm.protocols.migration.messages import EntityRecord
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.storage.commit_mark import SLOT_BYTES, SLOTS
from coordfsm_runtime.storage.store import SqliteStore

KINDS = (Sum, Deposit)
TRIALS = int(os.environ.get("COORDFSM_TORN_TRIALS", "30"))
"""Damages of each kind and file; ten thousand were made by hand."""
SEED = 20
CHECKPOINTED = 5
"""Transactions that are in the database file itself; the others are only in the log."""

FILES = ("node.db", "node.db-wal", "node.db-mark")


def write_of(transaction: int, place: int) -> Write:
    return Write(f"entity/{place:03}", Deposit(transaction, random.Random(place).randbytes(300 + 7 * transaction)))


def transactions() -> list[tuple[Write, ...]]:
    """Some replace records of those before, one deletes."""
    made = [tuple(write_of(number, place) for place in range(number, number + 40)) for number in range(8)]
    return [*made, (Write("entity/005", None), Write("sum", Sum(1)))]


def copied(source: Path, directory: Path, *files: str) -> Path:
    """These files of a store, elsewhere; its path there."""
    directory.mkdir(exist_ok=True)
    for file in files or FILES:
        shutil.copy(source.with_name(file), directory)
    return directory / "node.db"


@pytest.fixture(scope="module")
def open_store(tmp_path_factory):
    """A store whose process runs, half of it still in the log; a copy is what a killed process leaves."""
    path = tmp_path_factory.mktemp("open") / "node.db"
    store = SqliteStore(path, KINDS)
    for number, writes in enumerate(transactions()):
        store.commit(writes)
        if number + 1 == CHECKPOINTED:
            store.close()
            store = SqliteStore(path, KINDS)
    yield store
    store.close()


@pytest.fixture(scope="module")
def crashed(open_store, tmp_path_factory) -> tuple[Path, tuple[Write, ...]]:
    """The files of a killed process, and what it had committed."""
    path = copied(open_store.path, tmp_path_factory.mktemp("crashed"))
    assert path.with_name("node.db-wal").stat().st_size > 50_000
    return path, open_store.records()


@pytest.fixture(scope="module")
def closed(crashed, tmp_path_factory) -> tuple[Path, tuple[Write, ...]]:
    """The files of a node that has stopped: no log is left."""
    path = copied(crashed[0], tmp_path_factory.mktemp("closed"))
    SqliteStore(path, KINDS).close()
    assert not path.with_name("node.db-wal").exists()
    return path, crashed[1]


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
    """What a node that starts with this store finds: its records, or a refusal."""
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


def refused(path: Path, reason: str) -> None:
    found = outcome(path)
    assert isinstance(found, StoreError)
    assert reason in str(found)


@pytest.mark.parametrize("kind", ["cut", "flip", "zero", "garbage"])
@pytest.mark.parametrize(
    ("end", "file"), [*(("crashed", file) for file in FILES), *(("closed", file) for file in FILES[::2])]
)
def test_damage_is_refused_or_changes_nothing(request, tmp_path, end, file, kind):
    path, committed = request.getfixturevalue(end)
    chance = random.Random(f"{SEED} {end} {file} {kind}")
    refusals = 0
    for trial in range(TRIALS):
        torn = copied(path, tmp_path / str(trial), *(each for each in FILES if path.with_name(each).exists()))
        damage(torn.with_name(file), kind, chance)
        found = outcome(torn)
        refusals += isinstance(found, StoreError)
        assert isinstance(found, StoreError) or found == committed, f"trial {trial}: silently wrong"
        shutil.rmtree(torn.parent)
    # A mark that lost one slot still has the other, and a log in which every page is again hides the database.
    assert refusals > 0 or file == "node.db-mark" or (end, file) == ("crashed", "node.db")


def test_a_killed_process_finds_what_it_committed(crashed, tmp_path):
    path, committed = crashed
    assert outcome(copied(path, tmp_path / "again")) == committed


def test_a_log_that_is_gone_is_noticed(crashed, tmp_path):
    torn = copied(crashed[0], tmp_path / "torn", "node.db", "node.db-mark")
    refused(torn, "4 committed transactions are lost (it ends with 5, 9 was on disk)")


def test_a_database_that_is_gone_is_noticed(crashed, tmp_path):
    torn = copied(crashed[0], tmp_path / "torn", "node.db-mark")
    refused(torn, "the database is missing or empty, but a commit mark is beside it")


def test_a_mark_that_is_gone_is_noticed(crashed, tmp_path):
    torn = copied(crashed[0], tmp_path / "torn", "node.db", "node.db-wal")
    refused(torn, "its commit mark node.db-mark is missing")


def test_one_damaged_slot_is_harmless_and_two_are_refused(crashed, tmp_path):
    path, committed = crashed
    for slot in range(SLOTS):
        torn = copied(path, tmp_path / str(slot))
        overwrite(torn.with_name("node.db-mark"), slot * SLOT_BYTES, b"\xff")
        assert outcome(torn) == committed
    torn = copied(path, tmp_path / "both")
    torn.with_name("node.db-mark").write_bytes(bytes(SLOTS * SLOT_BYTES))
    refused(torn, "damaged")


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_mark_of_another_store_is_refused(crashed, tmp_path):
    other = SqliteStore(tmp_path / "other.db", KINDS)
    other.commit([Write("sum", Sum(1))])
    other.close()
    torn = copied(crashed[0], tmp_path / "torn")
    shutil.copy(tmp_path / "other.db-mark", torn.with_name("node.db-mark"))
    refused(torn, "belongs to another store")


def test_an_older_database_under_the_newer_mark_is_refused(tmp_path):
    path = tmp_path / "node.db"
    store = SqliteStore(path, KINDS)
    store.commit([Write("sum", Sum(1))])
    store.close()
    backup = path.read_bytes()
    store = SqliteStore(path, KINDS)
    store.commit([Write("sum", Sum(2))])
    store.close()
    path.write_bytes(backup)
    refused(path, "1 committed transactions are lost")


def test_an_older_mark_is_what_a_loss_of_power_leaves(crashed, tmp_path):
    path, committed = crashed
    store = SqliteStore(copied(path, tmp_path / "before"), KINDS)
    mark = store.path.with_name("node.db-mark").read_bytes()
    store.commit([Write("sum", Sum(2))])
    store.commit([Write("sum", Sum(3))])
    store.close()
    store.path.with_name("node.db-mark").write_bytes(mark)
    assert outcome(store.path) == (*committed[:-1], Write("sum", Sum(3)))


def test_pages_of_two_transactions_are_no_store(tmp_path):
    """A checkpoint that was cut off has moved some pages; without its log the others are missing."""
    path = tmp_path / "node.db"
    store = SqliteStore(path, KINDS)
    store.commit(write_of(1, place) for place in range(100))
    store.close()
    older = path.read_bytes()
    store = SqliteStore(path, KINDS)
    store.commit(Write(f"entity/{place:03}", Deposit(2, bytes(307))) for place in range(100))
    store.close()
    newer = path.read_bytes()
    assert len(older) == len(newer)
    # The first page holds the file's header and the schema, in which nothing depends on the records.
    pages = [
        page for page in range(4_096, len(older), 4_096) if older[page : page + 4_096] != newer[page : page + 4_096]
    ]
    assert len(pages) > 3
    for page in pages:
        path.write_bytes(newer)
        overwrite(path, page, older[page : page + 4_096])
        refused(path, "damaged: its records are of no one transaction")


def test_an_operator_may_accept_the_loss(crashed, tmp_path):
    torn = copied(crashed[0], tmp_path / "torn", "node.db", "node.db-mark")
    SqliteStore(torn, KINDS, accept_loss=True).close()
    found = outcome(torn)
    assert not isinstance(found, StoreError)
    assert [write.value.amount for write in found if write.key == "entity/010"] == [4]


def test_the_command_says_what_is_wrong_and_accepts_the_loss(crashed, tmp_path, capsys):
    torn = copied(crashed[0], tmp_path / "torn")
    shutil.move(torn.with_name("node.db-wal"), tmp_path)
    # The command knows the records of a node only, so that damage comes first and the type of a record after it.
    assert main(["store", str(torn.parent)]) == Exit.COUNTEREXAMPLE
    printed = capsys.readouterr().out
    assert f"store {torn}: damaged: 4 committed transactions are lost" in printed


def test_the_command_checks_a_node_and_mends_its_mark(tmp_path, capsys):
    store = SqliteStore(tmp_path / "node.db", RECORDS, "blue/n1")
    store.commit([Write("entity/ship", EntityRecord("owned", epoch=1))])
    assert main(["store", str(tmp_path)]) == Exit.OK  # in this process the lock is ours
    store.close()
    (tmp_path / "node.db-mark").unlink()
    assert main(["store", "--json", str(tmp_path)]) == Exit.COUNTEREXAMPLE
    assert main(["store", "--accept-loss", str(tmp_path)]) == Exit.OK
    assert main(["store", str(tmp_path / "nowhere")]) == Exit.USAGE
    printed = capsys.readouterr()
    assert "is missing: whether committed records were lost cannot be told" in printed.out
    assert "blue/n1" in printed.out
    assert "no such store" in printed.err


def test_a_log_cut_behind_its_first_transaction_is_noticed(tmp_path):
    """All that is left is the making of the store: it must not be taken for a new one."""
    store = SqliteStore(tmp_path / "node.db", KINDS)
    made = (tmp_path / "node.db-wal").stat().st_size
    store.commit([Write("sum", Sum(1))])
    torn = copied(store.path, tmp_path / "torn")
    store.close()
    os.truncate(torn.with_name("node.db-wal"), made)
    refused(torn, "1 committed transactions are lost (it ends with 0, 1 was on disk)")
