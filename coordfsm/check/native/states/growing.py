"""Arrays that grow, for tables that are filled on demand and read by compiled code."""

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

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

    def __init__(self, dtype: type[T], width: int = 0) -> None:
        self.array: npt.NDArray[T] = np.zeros((16, width) if width else 16, dtype)
        self.size = 0

    def append(self, item: Any) -> int:
        """Add one item; its number."""
        self.array = grown(self.array, self.size + 1)
        self.array[self.size] = item
        self.size += 1
        return self.size - 1

    def extend(self, items: npt.NDArray[Any]) -> int:
        """Add many; the number of the first."""
        first = self.size
        self.array = grown(self.array, first + len(items))
        self.array[first : first + len(items)] = items
        self.size += len(items)
        return first


UNKNOWN = -1
"""An entry of a table that nobody has asked for yet."""
REQUESTED = -2
"""An entry that some state needs and that is about to be filled."""


class Rows:
    """One table a owner in one flat array: entry (owner, row, column) is at ``base + row * stride + column``.

    Attributes:
        cells: all entries, `UNKNOWN` until filled.
        base: where an owner's table starts.
        stride: entries a row of that owner has.
    """

    def __init__(self, dtype: type[Any] = np.int32) -> None:
        self._fill = UNKNOWN if dtype is np.int32 else 0
        self.cells: npt.NDArray[Any] = np.full(64, self._fill, dtype)
        self.base = np.zeros(1, np.int64)
        self.stride = np.zeros(1, np.int64)
        self._rows: list[int] = []
        self._end = 0

    def ensure(self, owner: int, rows: int, columns: int) -> None:
        """Make room for `rows` rows of `columns` entries. A table that grows moves to the end of the array."""
        while len(self._rows) <= owner:
            self._rows.append(0)
        self.base, self.stride = grown(self.base, owner + 1), grown(self.stride, owner + 1)
        had_rows, had_columns = self._rows[owner], int(self.stride[owner])
        if rows <= had_rows and columns <= had_columns:
            return
        new_rows = had_rows if rows <= had_rows else max(rows, had_rows * 2, 4)
        new_columns = had_columns if columns <= had_columns else max(columns, had_columns * 3 // 2)
        start, old = self._end, int(self.base[owner])
        self._end += new_rows * new_columns
        self.cells = grown(self.cells, self._end, self._fill)
        table = self.cells[start : self._end].reshape(new_rows, new_columns)
        table[:had_rows, :had_columns] = self.cells[old : old + had_rows * had_columns].reshape(had_rows, had_columns)
        self._rows[owner], self.stride[owner], self.base[owner] = new_rows, new_columns, start

    def put(self, owner: int, row: int, column: int, value: int) -> None:
        """Fill one entry."""
        self.cells[self.base[owner] + row * self.stride[owner] + column] = value

    def get(self, owner: int, row: int, column: int) -> int:
        """Read one entry."""
        return int(self.cells[self.base[owner] + row * self.stride[owner] + column])

    def withdraw(self) -> None:
        """Ask anew for what was requested and never filled, since the search that needed it ended."""
        self.cells[self.cells == REQUESTED] = UNKNOWN
