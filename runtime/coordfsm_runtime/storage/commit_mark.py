"""The commit mark: which transaction a store committed last, told beside the database and not within it.

SQLite takes a damaged write-ahead log for one that a crash cut off, and goes back to the last whole transaction
before the damage. The mark lets the store notice: a mark ahead of the database means that committed transactions are
gone.

It is written after a commit is on disk, and not synced: the page cache survives the end of the process, and after a
loss of power the mark may be older than the database, but never newer. So it never accuses a sound database. The
slots take turns, a page each: a loss of power while one is written leaves the other.
"""

import contextlib
import os
import struct
from pathlib import Path

import xxhash

from coordfsm_runtime.errors import StoreError

SLOTS = 2
SLOT_BYTES = 4_096
IDENTITY_BYTES = 16
_MAGIC = b"coorMARK"
_LAYOUT = struct.Struct(f">{len(_MAGIC)}s{IDENTITY_BYTES}sQ")
_CHECKSUM_BYTES = 8


def mark_path(store: Path) -> Path:
    """Where the mark of a store is."""
    return store.with_name(store.name + "-mark")


def read_mark(path: Path, identity: bytes) -> int | None:
    """The last transaction that the mark knows of; None without a mark.

    Args:
        path: of the mark.
        identity: of the store that it must belong to.

    Raises:
        StoreError: unreadable, damaged, or of another store.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"commit mark {path}: cannot be read: {error.strerror}") from error
    slots = [_unpack(content[place * SLOT_BYTES :]) for place in range(SLOTS)]
    whole = [slot for slot in slots if slot is not None]
    if not whole:
        raise StoreError(f"commit mark {path}: damaged")
    if any(found != identity for found, _ in whole):
        raise StoreError(f"commit mark {path}: belongs to another store")
    return max(sequence for _, sequence in whole)


class CommitMark:
    """The mark of an open store.

    Args:
        path: of the mark; it is made if it is missing.
        identity: of the store.
        sequence: of the store's last transaction.

    Raises:
        StoreError: it cannot be written.
    """

    def __init__(self, path: Path, identity: bytes, sequence: int) -> None:
        self._path = path
        self._identity = identity
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failure(error) from error
        try:
            os.ftruncate(self._file, SLOTS * SLOT_BYTES)
            self.note(sequence)
            os.fsync(self._file)
            _sync_directory(path.parent)
        except OSError as error:
            os.close(self._file)
            raise self._failure(error) from error
        except StoreError:
            os.close(self._file)
            raise

    def note(self, sequence: int) -> None:
        """This transaction is on disk.

        Raises:
            StoreError: it cannot be written.
        """
        body = _LAYOUT.pack(_MAGIC, self._identity, sequence)
        try:
            os.pwrite(self._file, body + xxhash.xxh3_64_digest(body), sequence % SLOTS * SLOT_BYTES)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Once closed, the mark survives a loss of power. Closing twice does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):  # an older mark is as good as after a loss of power
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(f"commit mark {self._path}: cannot be written: {error.strerror}")


def _unpack(content: bytes) -> tuple[bytes, int] | None:
    """Identity and sequence of a slot; None if it is empty or damaged."""
    body = content[: _LAYOUT.size]
    checksum = content[_LAYOUT.size : _LAYOUT.size + _CHECKSUM_BYTES]
    if len(body) < _LAYOUT.size or checksum != xxhash.xxh3_64_digest(body):
        return None
    magic, identity, sequence = _LAYOUT.unpack(body)
    return (identity, sequence) if magic == _MAGIC else None


def _sync_directory(path: Path) -> None:
    """The names of new files survive a loss of power, too."""
    directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
