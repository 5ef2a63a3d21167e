"""Arrays that grow, for tables that are filled on demand and read by compiled code."""

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.states.resident import Resident

T = TypeVar("T", bound=np.generic)


def grown(array: npt.NDArray[T], length: int, fill: int = 0) -> npt.NDArray[T]:
    """An array at least `length` long along its first axis: the same one, or a copy at least half as long again."""
    if len(array) >= length:
        return array
    larger = np.full((max(length, len(array) * 3 // 2), *array.shape[1:]), fill, array.dtype)
    larger[: len(array)] = array
    return larger


class Column(Generic[T]):
    """A list of numbers (or of equally long rows) whose array compiled code can read.

    Attributes:
        array: the items, and room for more.
        size: how many there are.
    """

    def __init__(self, dtype: type[T], width: int = 0, resident: Resident | None = None) -> None:
        self.array: npt.NDArray[T] = np.zeros((16, width) if width else 16, dtype)
        self.size = 0
        self._resident = resident or Resident()

    def append(self, item: Any) -> int:
        """Add one item; its number."""
        self._ensure(self.size + 1)
        self.array[self.size] = item
        self.size += 1
        return self.size - 1

    def extend(self, items: npt.NDArray[Any]) -> int:
        """Add many; the number of the first."""
        first = self.size
        self._ensure(first + len(items))
        self.array[first : first + len(items)] = items
        self.size += len(items)
        return first

    def _ensure(self, length: int) -> None:
        """Make room. Old and new array are there at once: whoever holds the old one may go on reading it."""
        if length > len(self.array):
            self._resident.take(max(length, len(self.array) * 3 // 2) * self.array[0].nbytes)
            self.array = grown(self.array, length)


UNKNOWN = -1
"""An entry of a table that nobody has asked for yet."""
REQUESTED = -2
"""An entry that some state needs and that is about to be filled."""


SHARES = (1, 2, 8, 32)
"""By what share of itself a table grows: by the first for which there is memory. It is no less, since all rows move."""
COPIED = 1 << 18
"""Entries that are moved at once."""


class Rows:
    """One table a owner in one flat array: entry (owner, row, column) is at ``base + row * stride + column``.

    A table may be most of what a search needs, so nothing is copied as a whole: the array grows in place, its last
    table within it, another one by moving to where there is room. What it leaves is used again.

    Attributes:
        cells: all entries, `UNKNOWN` until filled.
        base: where an owner's table starts.
        stride: entries a row of that owner has.
    """

    def __init__(self, dtype: type[Any] = np.int32, resident: Resident | None = None) -> None:
        self._fill = UNKNOWN if dtype is np.int32 else 0
        self._resident = resident or Resident()
        self.cells: npt.NDArray[Any] = np.full(64, self._fill, dtype)
        self.base = np.zeros(1, np.int64)
        self.stride = np.zeros(1, np.int64)
        self._rows: list[int] = []
        self._end = 0
        self._holes: list[tuple[int, int]] = []  # first entry, and the one after the last

    def ensure(self, owner: int, rows: int, columns: int) -> None:
        """Make room for `rows` rows of `columns` entries.

        Raises:
            TooLargeError: the search may not use so much memory.
        """
        while len(self._rows) <= owner:
            self._rows.append(0)
        self.base, self.stride = grown(self.base, owner + 1), grown(self.stride, owner + 1)
        had_rows, had_columns = self._rows[owner], int(self.stride[owner])
        if rows <= had_rows and columns <= had_columns:
            return
        for share in SHARES:
            new_rows = had_rows if rows <= had_rows else max(rows, had_rows + had_rows // share, 4)
            new_columns = (
                had_columns if columns <= had_columns else max(columns, had_columns + had_columns // share // 2)
            )
            if self._resident.allows(self._further(owner, new_rows * new_columns)):
                break
        start, old = self._place(owner, new_rows * new_columns), int(self.base[owner])
        self._move(old, (had_rows, had_columns), start, (new_rows, new_columns))
        if start != old and had_rows * had_columns:
            self._holes.append((old, old + had_rows * had_columns))
        self._rows[owner], self.stride[owner], self.base[owner] = new_rows, new_columns, start

    def _is_last(self, owner: int) -> bool:
        size = self._rows[owner] * int(self.stride[owner])
        return size > 0 and int(self.base[owner]) + size == self._end

    def _further(self, owner: int, size: int) -> int:
        """Bytes by which the array grows when an owner's table gets so many entries."""
        start = int(self.base[owner]) if self._is_last(owner) else self._end
        return max(0, start + size - len(self.cells)) * self.cells.itemsize

    def _place(self, owner: int, size: int) -> int:
        """Where a table of so many entries goes; the array has room for it then."""
        if self._is_last(owner):
            start = int(self.base[owner])
        else:
            hole = next((at for at, (first, end) in enumerate(self._holes) if end - first >= size), None)
            if hole is not None:
                start, end = self._holes.pop(hole)
                if end - start > size:
                    self._holes.append((start + size, end))
                return start
            start = self._end
        end = start + size
        if end > len(self.cells):
            had, generous = len(self.cells), max(end, len(self.cells) * 5 // 4)
            length = generous if self._resident.allows((generous - had) * self.cells.itemsize) else end
            self._resident.take((length - had) * self.cells.itemsize)
            # In place: pages are moved, not copied. Nobody holds a part of the array, only the array.
            self.cells.resize(length, refcheck=False)
            self.cells[had:] = self._fill
        self._end = end
        return start

    def _move(self, old: int, had: tuple[int, int], start: int, new: tuple[int, int]) -> None:
        """Write a table to a place that may begin where it stands now. Later rows go first, so that none is lost."""
        (had_rows, had_columns), (new_rows, new_columns) = had, new
        self.cells[start + had_rows * new_columns : start + new_rows * new_columns] = self._fill
        if start == old and had_columns == new_columns:
            return
        step = max(1, COPIED // new_columns)
        for first in reversed(range(0, had_rows, step)):
            last = min(first + step, had_rows)
            part = self.cells[old + first * had_columns : old + last * had_columns].reshape(-1, had_columns).copy()
            table = self.cells[start + first * new_columns : start + last * new_columns].reshape(-1, new_columns)
            table[:, :had_columns] = part
            table[:, had_columns:] = self._fill

    def put(self, owner: int, row: int, column: int, value: int) -> None:
        """Fill one entry."""
        self.cells[self.base[owner] + row * self.stride[owner] + column] = value

    def get(self, owner: int, row: int, column: int) -> int:
        """Read one entry."""
        return int(self.cells[self.base[owner] + row * self.stride[owner] + column])

    def withdraw(self) -> None:
        """Ask anew for what was requested and never filled, since the search that needed it ended."""
        for first in range(0, len(self.cells), COPIED):
            part = self.cells[first : first + COPIED]
            part[part == REQUESTED] = UNKNOWN
