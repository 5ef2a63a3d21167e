"""Whether a store keeps what `coordfsm_runtime.storage.store.Store` promises: for an application that brings its own.

Subclass, say how the store is opened, and let pytest collect it::

    class TestOwnStore(StoreConformance):
        def open_store(self, directory):
            return OwnStore(directory)

`failures` runs the same without pytest. The tests kill processes, fill the disk and damage files, within the directory
that they are given. What no test can see from outside is whether a commit survives a loss of power: whether it was
synced.

Longer than most files here: one class that users subclass, a method for each thing that a store must do.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

from coordfsm.kernel import Write
from coordfsm.protocols.membership.data import IdentityRecord
from coordfsm.protocols.migration.messages import EntityRecord, entity_key
from coordfsm.testing.store_faults import damages, forbid_growth, give_up_rights, killed_after, noise
from coordfsm_runtime.errors import StoreError
from coordfsm_runtime.storage.store import StagingStore, Store

Records = tuple[Write, ...]


def entity(name: str, epoch: int = 1, payload: bytes = b"", state: str = "owned") -> Write:
    """The record of an entity."""
    return Write(entity_key(name), EntityRecord(state, epoch=epoch, payload=payload))


class StoreConformance:
    """The tests. A store is opened for the records of a node (`coordfsm_runtime.machines.RECORDS`).

    Attributes:
        durable: whether the store outlives its object; if not, what is about files and other processes is skipped.
        files: whether all that the store keeps is in files in its directory; if not, nothing is damaged.
        damages: how many places are damaged in each way.
    """

    durable: ClassVar[bool] = True
    files: ClassVar[bool] = True
    damages: ClassVar[int] = 12

    # -- what the application says -----------------------------------------------------------------------------------

    def open_store(self, directory: Path) -> Store:
        """The application's store, kept in this directory: a new one, or the one that is there.

        Raises:
            StoreError: it cannot be opened.
        """
        raise NotImplementedError

    def change_version(self, directory: Path) -> None:  # noqa: ARG002  (for subclasses)
        """Make a closed store look like one of another schema version. A store without versions leaves this out.

        Raises:
            SkipTest: it was left out.
        """
        raise SkipTest("the store has no schema version")

    # -- reading and writing -----------------------------------------------------------------------------------------

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as store:
            same((), store.records(), "a new store is not empty")

    def test_records_are_put_replaced_and_deleted_in_order(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as store:
            store.commit([entity("b", 1), entity("a", 2), entity("b", 3), entity("c", 4), gone("c"), gone("never")])
            same((entity("a", 2), entity("b", 3)), store.records(), "within a transaction the last write counts")
            store.commit([gone("a"), entity("a", 5)])
            same((entity("a", 5), entity("b", 3)), store.records(), "a record may come again after its deletion")
            store.commit(write for write in (gone("a"), entity("d", 6)))
            same((entity("b", 3), entity("d", 6)), store.records(), "any iterable may be committed")
            same(store.records(), store.records(), "reading changes nothing")
            store.commit([])
            same((entity("b", 3), entity("d", 6)), store.records(), "an empty transaction changes nothing")

    def test_records_are_sorted_by_key(self, tmp_path: Path) -> None:
        """By code points: recovery looks for keys by bisection."""
        names = ("", "a", "B", "a/b", "a b", "ä", "\ufffd", "\U0001f6a2", "a\x00b", "A" * 1_000)
        with self.opened(tmp_path) as store:
            store.commit(entity(name) for name in names)
            same(tuple(entity(name) for name in sorted(names)), store.records(), "records are sorted by key")

    def test_every_kind_of_record_comes_back_as_it_was(self, tmp_path: Path) -> None:
        kept = (
            entity("all bytes", payload=bytes(range(256)) * 4),
            entity("empty"),
            entity("large", payload=noise(1, 1_000_000)),
            Write("membership/identity", IdentityRecord(7, None)),
        )
        with self.opened(tmp_path) as store:
            store.commit(kept)
        same(kept, self.reopened(tmp_path, kept), "records come back as they were")

    def test_a_large_transaction_is_one(self, tmp_path: Path) -> None:
        """All records of the inputs that are handled together share a transaction."""
        writes = [entity(f"{number % 500:03}", number) for number in range(2_000)]
        with self.opened(tmp_path) as store:
            store.commit(writes)
            kept = tuple(entity(f"{number:03}", 1_500 + number) for number in range(500))
            same(kept, store.records(), "the last write of each key counts")

    def test_a_transaction_that_fails_changes_nothing(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as store:
            store.commit([entity("a", 1)])
            with contextlib.suppress(EOFError, StoreError):
                store.commit(broken_off(entity("a", 2), entity("b", 2)))
            if not self.durable:
                same((entity("a", 1),), store.records(), "a transaction that failed has changed records")
                return
        same((entity("a", 1),), self.read(tmp_path), "a transaction that failed has changed records")

    def test_a_value_that_cannot_be_kept_is_refused(self, tmp_path: Path) -> None:
        self.needs_durability()
        unknown: Any = Write(entity_key("b"), object())  # type: ignore[arg-type]
        with self.opened(tmp_path) as store:
            store.commit([entity("a", 1)])
            refuses("a value that cannot be kept is accepted", lambda: store.commit([entity("a", 2), unknown]))
        same((entity("a", 1),), self.read(tmp_path), "a transaction that failed has changed records")

    # -- the end of a process ----------------------------------------------------------------------------------------

    def test_a_closed_store_is_as_it_was(self, tmp_path: Path) -> None:
        self.needs_durability()
        kept = (entity("a", 2), entity("c", 1))
        store = self.open_store(tmp_path)
        store.commit([entity("a", 1), entity("b", 1), entity("c", 1)])
        store.commit([entity("a", 2), gone("b")])
        store.close()
        store.close()
        same(kept, self.read(tmp_path), "what was committed is there when the store is opened again")

    def test_what_was_committed_survives_a_kill(self, tmp_path: Path) -> None:
        self.needs_durability()
        with killed_after(60, self._write_twenty, tmp_path, 0, stop_after=1):
            pass
        check(len(self.read(tmp_path)) == 20, "what was committed is gone with its process")

    def test_a_killed_process_loses_nothing_and_halves_nothing(self, tmp_path: Path) -> None:
        """Two entities in one transaction: never one without the other, never an older pair."""
        self.needs_durability()
        acknowledged = 0
        for round_ in range(6):
            with killed_after(0.02 * round_ + 0.01, self._write_pairs, tmp_path, acknowledged) as said:
                acknowledged = max((acknowledged, *said))
            found = self.read(tmp_path)
            epochs = {write.value.epoch for write in found if isinstance(write.value, EntityRecord)}
            check(len(found) in ({2} if acknowledged else {0, 2}), f"a transaction was torn: {found}")
            check(len(epochs) <= 1, f"records of different transactions: {found}")
            newest = max(epochs, default=0)
            check(newest in (acknowledged, acknowledged + 1), f"{acknowledged} was committed, {newest} is there")
            acknowledged = newest

    def _write_pairs(self, directory: Path, say: Callable[[int], None], before: int) -> None:
        store = self.open_store(directory)
        for number in count(before + 1):
            # A store that keeps write by write is caught between the two.
            store.commit([entity("d", number), entity("e", number, bytes(2_000))])
            say(number)

    def test_what_was_only_staged_is_gone(self, tmp_path: Path) -> None:
        self.needs_durability()
        with self.opened(tmp_path) as store:
            if not isinstance(store, StagingStore):
                raise SkipTest("the store does not stage")
        with killed_after(0.2, self._stage, tmp_path, 0):
            pass
        same((entity("a", 2),), self.read(tmp_path), "what was synced, and nothing that was only staged")

    def _stage(self, directory: Path, say: Callable[[int], None], _before: int) -> None:
        store = self.open_store(directory)
        assert isinstance(store, StagingStore)
        for epoch in (1, 2):
            store.stage([entity("a", epoch)])
            store.sync()
        store.stage([entity("a", 3), entity("b", 1)])
        say(3)
        time.sleep(60)

    # -- others, full, read-only, another version --------------------------------------------------------------------

    def test_one_process_at_a_time(self, tmp_path: Path) -> None:
        self.needs_durability()
        with self.opened(tmp_path) as store:
            store.commit([entity("a", 1)])
        with killed_after(60, self._hold, tmp_path, 0, stop_after=1):
            refuses("two processes have the store open", lambda: self.open_store(tmp_path).close())
        same((entity("a", 1),), self.read(tmp_path), "the store is free again when its process is gone")

    def _hold(self, directory: Path, say: Callable[[int], None], _before: int) -> None:
        store = self.open_store(directory)
        say(1)
        time.sleep(60)
        store.close()

    def test_a_full_disk_is_refused(self, tmp_path: Path) -> None:
        self.needs_durability()
        with self.opened(tmp_path) as store:
            store.commit([entity("a", 1)])
        with killed_after(30, self._fill, tmp_path, 0, stop_after=1) as said:
            check(said == [1], "a transaction was accepted though the disk is full")
        found = self.read(tmp_path)
        same((entity("a", 1),), tuple(write for write in found if write.key == entity_key("a")), "a record was lost")
        written = [write for write in found if write.key.startswith(entity_key("more"))]
        check(all(write == entity(f"more{number}", 1, bytes(50_000)) for number, write in enumerate(written)), "halved")

    def _fill(self, directory: Path, say: Callable[[int], None], _before: int) -> None:
        """Files may not grow: how that looks to a store is how a full disk looks."""
        store = self.open_store(directory)
        forbid_growth(directory, 200_000)
        try:
            for number in range(200):
                store.commit([entity(f"more{number}", 1, bytes(50_000))])
            say(0)
        except StoreError:
            say(1)

    def test_a_store_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:  # noqa: ARG002  (as all have it)
        self.needs_files()
        with tempfile.TemporaryDirectory() as made:  # the directories of a test may be closed to others
            directory = Path(made)
            with self.opened(directory) as store:
                store.commit([entity("a", 1)])
            directory.chmod(0o555)
            for file in directory.rglob("*"):
                file.chmod(0o555 if file.is_dir() else 0o444)
            with killed_after(30, self._write_read_only, directory, 0, stop_after=1) as said:
                check(said == [1], "a transaction was accepted though nothing can be written")
            directory.chmod(0o755)
            for file in directory.rglob("*"):
                file.chmod(0o755)
            same((entity("a", 1),), self.read(directory), "a read-only store has changed")

    def _write_read_only(self, directory: Path, say: Callable[[int], None], _before: int) -> None:
        give_up_rights()
        try:
            self.open_store(directory).commit([entity("a", 2)])
            say(0)
        except StoreError:
            say(1)

    def test_another_version_is_refused(self, tmp_path: Path) -> None:
        self.needs_durability()
        with self.opened(tmp_path) as store:
            store.commit([entity("a", 1)])
        self.change_version(tmp_path)
        refuses("a store of another version is opened", lambda: self.read(tmp_path))

    # -- damage ------------------------------------------------------------------------------------------------------

    def test_damage_is_recovered_or_refused_never_silent(self, tmp_path: Path) -> None:
        """Bits flipped, files cut and deleted, of a store that was closed and of one whose process was killed."""
        self.needs_files()
        for end in ("closed", "killed"):
            origin = tmp_path / end
            origin.mkdir()
            self._make(origin, end)
            copy = tmp_path / "copy"
            committed = self.read(self._copied(origin, copy))
            check(len(committed) == 20, f"{len(committed)} of 20 records are there")
            for what, damage in damages(origin, self.damages):
                torn = self._copied(origin, copy)
                damage(torn)
                with contextlib.suppress(StoreError):
                    same(committed, self.read(torn), f"of the {end} store: {what}, and it is silently wrong")

    def _make(self, directory: Path, end: str) -> None:
        if end == "killed":
            with killed_after(60, self._write_twenty, directory, 0, stop_after=1):
                pass
            return
        with self.opened(directory) as store:
            self._commit_twenty(store)

    def _write_twenty(self, directory: Path, say: Callable[[int], None], _before: int) -> None:
        self._commit_twenty(self.open_store(directory))
        say(1)
        time.sleep(60)

    def _commit_twenty(self, store: Store) -> None:
        for number in range(20):
            store.commit([entity(f"{number:02}", 1, noise(number, 400)), gone("none")])

    def _copied(self, origin: Path, copy: Path) -> Path:
        shutil.rmtree(copy, ignore_errors=True)
        return Path(shutil.copytree(origin, copy))

    # -- compaction --------------------------------------------------------------------------------------------------

    def test_what_was_replaced_takes_no_room_for_ever(self, tmp_path: Path) -> None:
        self.needs_files()
        with self.opened(tmp_path) as store:
            for number in range(60):
                store.commit(entity(f"{place}", number, noise(10 * number + place, 20_000)) for place in range(10))
            kept = store.records()
        same(kept, self.read(tmp_path), "compaction keeps what is in use")
        size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
        check(size < 3_000_000, f"200,000 bytes in use take {size:,} after 12,000,000 were replaced")

    # -- tools -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def opened(self, directory: Path) -> Iterator[Store]:
        """The store, closed in the end."""
        store = self.open_store(directory)
        try:
            yield store
        finally:
            store.close()

    def read(self, directory: Path) -> Records:
        """The records of a store that is opened again."""
        with self.opened(directory) as store:
            return store.records()

    def reopened(self, directory: Path, otherwise: Records) -> Records:
        """The same, where the store outlives its object."""
        return self.read(directory) if self.durable else otherwise

    def needs_durability(self) -> None:
        """Skip the test for a store that does not outlive its object.

        Raises:
            SkipTest: it is such a store.
        """
        if not self.durable:
            raise SkipTest("the store does not outlive its process")

    def needs_files(self) -> None:
        """Skip the test for a store that is not in files.

        Raises:
            SkipTest: it is such a store.
        """
        self.needs_durability()
        if not self.files:
            raise SkipTest("the store is not in files of its directory")


def failures(suite: type[StoreConformance], only: str = "") -> dict[str, str]:
    """Run the tests without pytest.

    Args:
        suite: the subclass with the store.
        only: name of the one test to run; empty: all.

    Returns:
        Names of the tests that failed, with the reason; skipped ones are not among them.
    """
    found: dict[str, str] = {}
    for name in (only,) if only else sorted(name for name in dir(suite) if name.startswith("test_")):
        with tempfile.TemporaryDirectory(prefix="coordfsm-conformance-") as directory, contextlib.suppress(SkipTest):
            try:
                getattr(suite(), name)(Path(directory))
            except SkipTest:
                raise
            except Exception as error:  # noqa: BLE001  (whatever a store raises is its failure)
                found[name] = f"{type(error).__name__}: {error}"
    return found


def broken_off(*writes: Write) -> Iterator[Write]:
    """Writes that end with an error of whoever makes them."""
    yield from writes
    raise EOFError("no more writes")


def gone(name: str) -> Write:
    """The deletion of an entity's record."""
    return Write(entity_key(name), None)


def check(holds: bool, otherwise: str) -> None:  # noqa: FBT001  (the one thing that it is about)
    """Raises:
    AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(otherwise)


def same(expected: Records, found: Records, otherwise: str) -> None:
    """Raises:
    AssertionError: the records differ.
    """
    if expected != found:
        lost = [write.key for write in expected if write not in found]
        other = [write.key for write in found if write not in expected]
        detail = f"missing {lost[:5]}, unexpected {other[:5]}" if lost or other else "another order"
        raise AssertionError(f"{otherwise}: {detail}")


def refuses(otherwise: str, action: Callable[[], object]) -> None:
    """Raises:
    AssertionError: the action did not raise `StoreError`.
    """
    try:
        action()
    except StoreError:
        return
    raise AssertionError(otherwise)
