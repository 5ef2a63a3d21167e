"""Notices that files which a process has open are no longer the ones that their names stand for.

SQLite goes on writing to a database that was unlinked or replaced, and reports success: after a restart all that is
gone. A look at the names costs a few microseconds, so it is taken at every commit and, at rest, every second.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class _Known(NamedTuple):
    device: int
    inode: int
    size: int


class FileWatch:
    """The identity and the size of some files, as last seen.

    Args:
        paths: files that exist, and that only this process writes.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known: dict[Path, _Known] = {path: known for path in paths if (known := _look(path)) is not None}

    def changed(self) -> str:
        """What happened to the first file that is not as it was left, as a clause; empty when all are.

        A file may grow, never shrink: SQLite starts its log again from the beginning, and keeps the file.
        """
        for path, before in self._known.items():
            now = _look(path)
            if now is None:
                return f"{path.name} was removed"
            if (now.device, now.inode) != (before.device, before.inode):
                return f"{path.name} was replaced by another file"
            if now.size < before.size:
                return f"{path.name} was cut from {before.size:,} to {now.size:,} bytes"
            if now.size != before.size:
                self._known[path] = now
        return ""


def _look(path: Path) -> _Known | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _Known(found.st_dev, found.st_ino, found.st_size)
