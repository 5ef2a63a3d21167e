"""A store of your own: all records in one file, replaced as a whole. Run it: it keeps records, and tests itself.

Simple and slow: every commit writes everything. It shows what a store must take care of, and how `StoreConformance`
tells whether it does. Hand yours to a node as ``ClusterNode(config, OwnStore(directory))``.
"""

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union

import xxhash

from coordfsm import Decoder, EncodingError, Write, encode
from coordfsm.testing import StoreConformance, store_failures
from coordfsm_runtime import RECORDS, EntityRecord, StoreError, StoreInUseError, entity_key

VERSION = b"own1"
KINDS: Any = Union[RECORDS]  # noqa: UP007  (of a tuple)
LENGTH_BYTES = 8
CHECKSUM_BYTES = 8


class OwnStore:
    """Records in ``records``, beside a file that is locked: the file says, too, whether there must be records.

    Raises:
        StoreInUseError: another process has it open.
        StoreError: it cannot be opened, or is damaged.
    """

    def __init__(self, directory: Path) -> None:
        self._records = directory / "records"
        self._decoder = Decoder(KINDS)
        try:
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"store {directory}: cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._content = self._read()
        except BlockingIOError as error:
            self.close()
            raise StoreInUseError(f"store {directory}: another process uses it") from error
        except BaseException:
            self.close()
            raise

    def records(self) -> tuple[Write, ...]:
        try:
            return tuple(Write(key, self._decoder.decode(value)) for key, value in sorted(self._content.items()))
        except EncodingError as error:
            raise StoreError(f"store {self._records}: {error}") from error

    def commit(self, writes: Iterable[Write]) -> None:
        after = dict(self._content)
        try:
            for write in writes:
                if write.value is None:
                    after.pop(write.key, None)
                else:
                    after[write.key] = encode(write.value)
            self._replace(after)
        except (OSError, EncodingError) as error:
            raise StoreError(f"store {self._records}: cannot be written: {error}") from error
        self._content = after

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _read(self) -> dict[str, bytes]:
        if not self._records.exists():
            # The lock's file has been written to if there ever were records: then they are lost.
            if os.fstat(self._lock).st_size > 0:
                raise StoreError(f"store {self._records}: missing; start with an empty directory")
            return {}
        packed = self._records.read_bytes()
        body, checksum = packed[:-CHECKSUM_BYTES], packed[-CHECKSUM_BYTES:]
        if checksum != xxhash.xxh3_64_digest(body):
            raise StoreError(f"store {self._records}: damaged; start with an empty directory")
        if body[: len(VERSION)] != VERSION:
            raise StoreError(f"store {self._records}: version {body[: len(VERSION)]!r}, expected {VERSION!r}")
        return _unpacked(body[len(VERSION) :])

    def _replace(self, content: dict[str, bytes]) -> None:
        """First the new file, synced; then its name, synced: a crash leaves the old records or the new ones."""
        fresh = self._records.with_suffix(".new")
        body = VERSION + b"".join(_framed(part) for key, value in content.items() for part in (key.encode(), value))
        with fresh.open("wb") as file:
            file.write(body + xxhash.xxh3_64_digest(body))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._records)
        if os.fstat(self._lock).st_size == 0:
            os.pwrite(self._lock, b"made", 0)
        directory = os.open(self._records.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(LENGTH_BYTES) + part


def _unpacked(body: bytes) -> dict[str, bytes]:
    parts: list[bytes] = []
    while body:
        end = LENGTH_BYTES + int.from_bytes(body[:LENGTH_BYTES])
        parts.append(body[LENGTH_BYTES:end])
        body = body[end:]
    return {key.decode(): value for key, value in zip(parts[::2], parts[1::2], strict=True)}


class TestOwnStore(StoreConformance):
    """What pytest collects."""

    def open_store(self, directory: Path) -> OwnStore:
        return OwnStore(directory)

    def change_version(self, directory: Path) -> None:
        path = directory / "records"
        body = b"own2" + path.read_bytes()[len(VERSION) : -CHECKSUM_BYTES]
        path.write_bytes(body + xxhash.xxh3_64_digest(body))


def main() -> int:
    """Keep a record, read it again, and let the suite judge."""
    with tempfile.TemporaryDirectory() as made:
        store = OwnStore(Path(made))
        store.commit([Write(entity_key("ship"), EntityRecord("owned", epoch=1, payload=b"cargo"))])
        store.close()
        again = OwnStore(Path(made))
        print(*(write.key for write in again.records()))
        again.close()
    found = store_failures(TestOwnStore)
    for name, reason in found.items():
        print(f"{name}: {reason}")
    print("the store keeps its promises" if not found else f"{len(found)} tests failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
