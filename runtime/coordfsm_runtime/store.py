"""Durable records in SQLite: one transaction, on disk, before anything that depends on it leaves the process.

WAL mode with ``synchronous=FULL``: when `commit` returns, the records survive a loss of power. The file is locked
for one process. Each record carries a checksum over key and value, since SQLite has none of its own: a flipped bit must
not come back as another ballot.
"""

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, Union

import xxhash

from coordfsm.kernel import Decoder, EncodingError, Value, Write, encode
from coordfsm_runtime.errors import StoreError

SCHEMA_VERSION = 1
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
)


class Store(Protocol):
    """Where a process keeps what must survive a crash. An application may bring its own."""

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
        """Give the records back for others to open."""
        ...


class SqliteStore:
    """The default store.

    Args:
        path: the database file; its directory must exist.
        kinds: every type of record that may be stored.
        owner: who keeps its records here, noted when the file is made; empty: whoever (an audit).

    Raises:
        StoreError: the file cannot be opened, is in use, damaged, of another program, owner or of an unknown schema.
    """

    def __init__(self, path: Path, kinds: tuple[type[Value], ...], owner: str = "") -> None:
        self.path = path
        self._owner = owner
        union: Any = Union[kinds]  # noqa: UP007  (the union of a tuple that is known only when run)
        self._decoder = Decoder(union)
        try:
            self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"store {path}: cannot be opened: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._explain("cannot be opened", error) from error
        except StoreError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        version = int(run("PRAGMA user_version").fetchone()[0])
        application = int(run("PRAGMA application_id").fetchone()[0])
        tables = int(run("SELECT count(*) FROM sqlite_schema").fetchone()[0])
        if tables == 0 and version == 0:
            # The lock is taken by the first write; a new file is written at once.
            run("BEGIN EXCLUSIVE")
            for statement in _SCHEMA:
                run(statement)
            run("INSERT INTO owner VALUES (?)", (self._owner,))
            run(f"PRAGMA application_id={APPLICATION_ID}")
            run(f"PRAGMA user_version={SCHEMA_VERSION}")
            run("COMMIT")
            return
        if application != APPLICATION_ID:
            raise StoreError(f"store {self.path}: a database of another program (application id {application:#x})")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"store {self.path}: schema version {version}, this program reads {SCHEMA_VERSION}; "
                "use the program's version that wrote it"
            )
        found = run("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise StoreError(f"store {self.path}: damaged: {found}; restore it, or start with an empty directory")
        (owner,) = run("SELECT name FROM owner").fetchone()
        if self._owner and owner != self._owner:
            # With another's promises a node would break its own.
            raise StoreError(f"store {self.path}: belongs to {owner!r}, not to {self._owner!r}; use its own directory")
        run("BEGIN EXCLUSIVE")
        run("COMMIT")

    def records(self) -> tuple[Write, ...]:
        try:
            rows = self._connection.execute("SELECT key, value, checksum FROM records ORDER BY key").fetchall()
        except sqlite3.Error as error:
            raise self._explain("cannot be read", error) from error
        return tuple(Write(key, self._decode(key, value, checksum)) for key, value, checksum in rows)

    def _decode(self, key: str, value: bytes, checksum: bytes) -> Value:
        if checksum != _checksum(key, value):
            raise StoreError(f"store {self.path}: record {key!r} is damaged: its checksum does not match")
        try:
            decoded: Value = self._decoder.decode(value)
        except EncodingError as error:
            raise StoreError(f"store {self.path}: record {key!r} is of no known type: {error}") from error
        return decoded

    def commit(self, writes: Iterable[Write]) -> None:
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            for write in writes:
                if write.value is None:
                    run("DELETE FROM records WHERE key = ?", (write.key,))
                else:
                    value = encode(write.value)
                    run("REPLACE INTO records VALUES (?, ?, ?)", (write.key, value, _checksum(write.key, value)))
            run("COMMIT")
        except (sqlite3.Error, EncodingError) as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            raise self._explain("cannot be written", error) from error

    def close(self) -> None:
        self._connection.close()

    def _explain(self, what: str, error: Exception) -> StoreError:
        text = str(error)
        advice = ""
        if "locked" in text:
            advice = "; another process uses it"
        elif "full" in text:
            advice = "; free some space and start the node again"
        elif "malformed" in text or "not a database" in text:
            advice = "; it is damaged: restore it, or start with an empty directory"
        return StoreError(f"store {self.path}: {what}: {text}{advice}")


class MemoryStore:
    """Records that live as long as the object: for tests, and for processes that never come back."""

    def __init__(self) -> None:
        self._records: dict[str, Value] = {}

    def records(self) -> tuple[Write, ...]:
        return tuple(Write(key, self._records[key]) for key in sorted(self._records))

    def commit(self, writes: Iterable[Write]) -> None:
        for write in writes:
            if write.value is None:
                self._records.pop(write.key, None)
            else:
                self._records[write.key] = write.value

    def close(self) -> None:
        pass


def _checksum(key: str, value: bytes) -> bytes:
    return xxhash.xxh3_64_digest(key.encode() + b"\0" + value)
