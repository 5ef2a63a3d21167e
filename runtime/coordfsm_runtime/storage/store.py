"""Durable records in SQLite: one transaction, on disk, before anything that depends on it leaves the process.

WAL mode with ``synchronous=FULL``: when `commit` returns, the records survive a loss of power. The file is locked
for one process.

SQLite alone would not notice every damage, and would take some for the end of a crashed transaction. So what was
committed is told three times over, and compared when the store is opened:

- each record carries a checksum over key and value: a flipped bit must not come back as another ballot;
- each transaction writes its number and the digest of all records: a mixture of older and newer pages is noticed;
- the number of the last transaction stands outside of the database, too (`commit_mark`): lost ones are noticed.

Longer than most files here: what must be on disk before what is decided here in one piece.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, Union, runtime_checkable

import xxhash

from coordfsm.kernel import Decoder, EncodingError, Value, Write, encode
from coordfsm_runtime.errors import StoreError, StoreInUseError
from coordfsm_runtime.storage.commit_mark import IDENTITY_BYTES, CommitMark, mark_path, read_mark
from coordfsm_runtime.storage.file_watch import FileWatch

SCHEMA_VERSION = 3

OTHER_SCHEMA = (
    "it is not converted: start the node with the version of the program that wrote it, move its entities to other "
    "members (coordfsm migrate), have it leave, and start it with this version in an empty directory"
)
APPLICATION_ID = 0x636F_6F72
"""Marks the file as ours (``coor``), so that another program's database is not taken for a store."""

_SCHEMA = (
    """
    CREATE TABLE records (
        key TEXT PRIMARY KEY NOT NULL,
        value BLOB NOT NULL,
        checksum BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE TABLE owner (name TEXT NOT NULL)",
    "CREATE TABLE progress (identity BLOB NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL)",
)

_FIRST_SHARED_BYTE, _SHARED_BYTES = 0x4000_0002, 510
"""Where SQLite locks a database for its readers (https://www.sqlite.org/lockingv3.html)."""

SQLITE_HEADER_BYTES = 100
_DIGEST_MODULUS = 1 << 64
REMEDY = "bring back the files that it had, or start with an empty directory (see: coordfsm store --help)"


class Store(Protocol):
    """Where a process keeps what must survive a crash. An application may bring its own.

    `coordfsm.testing.store.StoreConformance` tests whether one keeps these promises.
    """

    def records(self) -> tuple[Write, ...]:
        """All records, sorted by key.

        Raises:
            StoreError: they cannot be read, or are damaged.
        """
        ...

    def commit(self, writes: Iterable[Write]) -> None:
        """Make all writes durable, in order, in one transaction; a write without a value deletes its key.

        Raises:
            StoreError: nothing was written, or it is unknown whether it was; the process must stop acting.
        """
        ...

    def close(self) -> None:
        """Give the records back for others to open. Closing twice does nothing."""
        ...


@runtime_checkable
class CountingStore(Store, Protocol):
    """A store that counts its commits, so that a copy of it is known for one once more was seen of the original.

    Attributes:
        sequence: number of the last commit that is durable; never less in a later run.
    """

    sequence: int


@runtime_checkable
class CheckedStore(Store, Protocol):
    """A store that can tell, between commits, that its files are no longer its own."""

    def check(self) -> None:
        """Make sure that what was committed is still there.

        Raises:
            StoreError: it is not; the process must stop acting.
        """
        ...


@runtime_checkable
class StagingStore(Store, Protocol):
    """A store whose wait for the disk can be waited for elsewhere, so that the event loop goes on meanwhile."""

    def stage(self, writes: Iterable[Write]) -> None:
        """Take the writes of one transaction, as `commit`, without waiting for the disk.

        Raises:
            StoreError: as `commit`.
        """
        ...

    def sync(self) -> None:
        """Make what was staged durable. Another thread may call it; nothing else is called until it returns.

        Raises:
            StoreError: as `commit`.
        """
        ...


class SqliteStore:
    """The default store.

    Args:
        path: the database file; its directory must exist.
        kinds: every type of record that may be stored.
        owner: who keeps its records here, noted when the file is made; empty: whoever (an audit).
        accept_loss: go on with what the database has although the commit mark is missing, damaged or ahead of it.
            The operator's word that what was lost does not matter: a node may then break promises that it made.

    Attributes:
        path: the database file.
        owner: who keeps its records here.
        sequence: number of the last transaction.

    Raises:
        StoreInUseError: another process has it open.
        StoreError: it cannot be opened, is damaged, behind what was committed, of another program or owner, or of an
            unknown schema.
    """

    def __init__(
        self, path: Path, kinds: tuple[type[Value], ...], owner: str = "", *, accept_loss: bool = False
    ) -> None:
        self.path = path
        self.owner = owner
        union: Any = Union[kinds]  # noqa: UP007  (the union of a tuple that is known only when run)
        self._decoder = Decoder(union)
        self._checksums: dict[str, int] = {}
        self._digest = 0
        self._staged: tuple[dict[str, int], int] = ({}, 0)
        _refuse_stub(path)
        try:
            # The driver stages and syncs in different threads, never at the same time.
            self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise StoreError(f"store {path}: cannot be opened: {error}") from error
        try:
            self._prepare()
            self._identity, self.sequence = self._verified()
            self._mark = self._compared_with_mark(accept_loss=accept_loss)
            self._watch = FileWatch((path, path.with_name(path.name + "-wal"), mark_path(path)))
        except sqlite3.Error as error:
            self._connection.close()
            raise self._explain("cannot be opened", error) from error
        except StoreError:
            self._connection.close()
            raise

    # -- opening -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        version = int(run("PRAGMA user_version").fetchone()[0])
        application = int(run("PRAGMA application_id").fetchone()[0])
        tables = int(run("SELECT count(*) FROM sqlite_schema").fetchone()[0])
        if tables == 0 and version == 0:
            self._create()
            return
        if application != APPLICATION_ID:
            raise StoreError(f"store {self.path}: a database of another program (application id {application:#x})")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"store {self.path}: schema version {version}, this program reads {SCHEMA_VERSION}; {OTHER_SCHEMA}"
            )
        found = run("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise StoreError(f"store {self.path}: damaged: {found}; {REMEDY}")
        owner = self._single("SELECT name FROM owner")[0]
        if self.owner and owner != self.owner:
            # With another's promises a node would break its own.
            raise StoreError(f"store {self.path}: belongs to {owner!r}, not to {self.owner!r}; use its own directory")
        self.owner = owner
        run("BEGIN EXCLUSIVE")
        run("COMMIT")

    def _create(self) -> None:
        if mark_path(self.path).exists():
            raise StoreError(
                f"store {self.path}: the database is missing or empty, but a commit mark is beside it; {REMEDY}"
            )
        run = self._connection.execute
        # The lock is taken by the first write; a new file is written at once.
        run("BEGIN EXCLUSIVE")
        for statement in _SCHEMA:
            run(statement)
        run("INSERT INTO owner VALUES (?)", (self.owner,))
        run("INSERT INTO progress VALUES (?, 0, ?)", (os.urandom(IDENTITY_BYTES), _packed(0)))
        run(f"PRAGMA application_id={APPLICATION_ID}")
        run(f"PRAGMA user_version={SCHEMA_VERSION}")
        run("COMMIT")

    def _verified(self) -> tuple[bytes, int]:
        """Read all records once and compare them with what the last transaction said of them."""
        for key, value, checksum in self._connection.execute("SELECT key, value, checksum FROM records"):
            self._verify(key, value, checksum)
            self._checksums[key] = int.from_bytes(checksum)
        self._digest = sum(self._checksums.values()) % _DIGEST_MODULUS
        identity, sequence, digest = self._single("SELECT identity, sequence, digest FROM progress")
        if digest != _packed(self._digest):
            raise StoreError(f"store {self.path}: damaged: its records are of no one transaction; {REMEDY}")
        return identity, sequence

    def _single(self, query: str) -> tuple[Any, ...]:
        """The one row of a table that has one."""
        rows: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        if len(rows) != 1:
            raise StoreError(f"store {self.path}: damaged: {len(rows)} rows where one is expected; {REMEDY}")
        return rows[0]

    def _compared_with_mark(self, *, accept_loss: bool) -> CommitMark:
        path = mark_path(self.path)
        if accept_loss:
            path.unlink(missing_ok=True)
            return CommitMark(path, self._identity, self.sequence)
        try:
            marked = read_mark(path, self._identity)
        except StoreError:
            if self.sequence > 0:
                raise
            marked = None  # a mark that was being made when power was lost: nothing was committed yet
        if marked is None and self.sequence > 0:
            raise StoreError(
                f"store {self.path}: its commit mark {path.name} is missing: "
                f"whether committed records were lost cannot be told; {REMEDY}"
            )
        if marked is not None and marked > self.sequence:
            raise StoreError(
                f"store {self.path}: damaged: {marked - self.sequence} committed transactions are lost "
                f"(it ends with {self.sequence}, {marked} was on disk); {REMEDY}"
            )
        return CommitMark(path, self._identity, self.sequence)

    # -- reading and writing -----------------------------------------------------------------------------------------

    def records(self) -> tuple[Write, ...]:
        try:
            rows = self._connection.execute("SELECT key, value, checksum FROM records ORDER BY key").fetchall()
        except sqlite3.Error as error:
            raise self._explain("cannot be read", error) from error
        return tuple(Write(key, self._decode(key, value, checksum)) for key, value, checksum in rows)

    def _decode(self, key: str, value: bytes, checksum: bytes) -> Value:
        self._verify(key, value, checksum)
        try:
            decoded: Value = self._decoder.decode(value)
        except EncodingError as error:
            raise StoreError(f"store {self.path}: record {key!r} is of no known type: {error}") from error
        return decoded

    def _verify(self, key: str, value: bytes, checksum: bytes) -> None:
        sound = isinstance(key, str) and isinstance(value, bytes) and checksum == _checksum(key, value)
        if not sound:
            raise StoreError(f"store {self.path}: record {key!r} is damaged: its checksum does not match")

    def commit(self, writes: Iterable[Write]) -> None:
        self.stage(writes)
        self.sync()

    def check(self) -> None:
        """Make sure that the files on disk are still the ones that this store has open.

        Raises:
            StoreError: one was removed, replaced or cut short: what is written now would not be found again.
        """
        changed = self._watch.changed()
        if changed:
            raise StoreError(f"store {self.path}: {changed} while the node ran; {REMEDY}")

    def stage(self, writes: Iterable[Write]) -> None:
        self.check()
        # Within a transaction only the last write of a key counts.
        last = {write.key: write.value for write in writes}
        run, many = self._connection.execute, self._connection.executemany
        digest = self._digest - sum(self._checksums.get(key, 0) for key in last)
        try:
            rows = [(key, *_packed_record(key, value)) for key, value in last.items() if value is not None]
            changed = {key: int.from_bytes(checksum) for key, _, checksum in rows}
            digest = (digest + sum(changed.values())) % _DIGEST_MODULUS
            run("BEGIN IMMEDIATE")
            many("REPLACE INTO records VALUES (?, ?, ?)", rows)
            many("DELETE FROM records WHERE key = ?", [(key,) for key in last if key not in changed])
            run("UPDATE progress SET sequence = ?, digest = ?", (self.sequence + 1, _packed(digest)))
        except (sqlite3.Error, EncodingError) as error:
            raise self._given_up(error) from error
        self._staged = ({key: changed.get(key, 0) for key in last}, digest)

    def sync(self) -> None:
        try:
            self._sync()
        except sqlite3.Error as error:
            raise self._given_up(error) from error
        self.check()  # what went to files that are gone is not durable, whatever SQLite says
        self._remember(*self._staged)
        self._mark.note(self.sequence)

    def _given_up(self, error: Exception) -> StoreError:
        with contextlib.suppress(sqlite3.Error):
            self._connection.rollback()
        return self._explain("cannot be written", error)

    def _sync(self) -> None:
        """End the transaction: on disk when this returns."""
        self._connection.execute("COMMIT")

    def _remember(self, changed: dict[str, int], digest: int) -> None:
        self.sequence += 1
        self._digest = digest
        for key, checksum in changed.items():
            if checksum:
                self._checksums[key] = checksum
            else:
                self._checksums.pop(key, None)

    def close(self) -> None:
        self._connection.close()
        self._mark.close()

    def _explain(self, what: str, error: Exception) -> StoreError:
        text = str(error)
        advice = ""
        if "locked" in text:
            return StoreInUseError(f"store {self.path}: {what}: {text}; another process uses it")
        if "full" in text:
            advice = "; free some space and start the node again"
        elif "malformed" in text or "not a database" in text:
            advice = f"; it is damaged; {REMEDY}"
        return StoreError(f"store {self.path}: {what}: {text}{advice}")


@contextlib.contextmanager
def copy_of_store(path: Path) -> Iterator[Path]:
    """A copy of a store's files for as long as it is looked at: opening the store itself would change it.

    Raises:
        StoreInUseError: a process has it open; its files are of different moments.
        StoreError: it cannot be read; or one that is raised meanwhile, with the path of the store itself.
    """
    with tempfile.TemporaryDirectory(prefix="coordfsm-store-") as directory:
        try:
            with path.open("rb") as database:
                fcntl.lockf(database, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_BYTES, _FIRST_SHARED_BYTE)
                for file in path.parent.glob(path.name + "*"):
                    shutil.copy(file, directory)
        except BlockingIOError as error:
            raise StoreInUseError(f"store {path}: another process uses it; stop it first") from error
        except OSError as error:
            raise StoreError(f"store {path}: cannot be read: {error.strerror}") from error
        copy = Path(directory) / path.name
        try:
            yield copy
        except StoreError as error:
            raise StoreError(str(error).replace(str(copy), str(path))) from error


class MemoryStore:
    """Records that live as long as the object: for tests, and for processes that never come back."""

    def __init__(self) -> None:
        self._records: dict[str, Value] = {}

    def records(self) -> tuple[Write, ...]:
        return tuple(Write(key, self._records[key]) for key in sorted(self._records))

    def commit(self, writes: Iterable[Write]) -> None:
        for write in tuple(writes):
            if write.value is None:
                self._records.pop(write.key, None)
            else:
                self._records[write.key] = write.value

    def close(self) -> None:
        pass


def _refuse_stub(path: Path) -> None:
    """SQLite takes a file of less than a header for a new database. Ours are never that short: they are made whole.

    An empty file is a store that was being made when the process ended, unless a commit mark says otherwise.
    """
    with contextlib.suppress(OSError):  # opening it says what is wrong
        size = path.stat().st_size
        if 0 < size < SQLITE_HEADER_BYTES:
            raise StoreError(f"store {path}: not a store: {size} bytes, a database has at least {SQLITE_HEADER_BYTES}")


def _packed_record(key: str, value: Value) -> tuple[bytes, bytes]:
    """A record's bytes and their checksum."""
    packed = encode(value)
    return packed, _checksum(key, packed)


def _checksum(key: str, value: bytes) -> bytes:
    return xxhash.xxh3_64_digest(key.encode() + b"\0" + value)


def _packed(digest: int) -> bytes:
    return digest.to_bytes(8)
