"""Commands that read what is in flight: their successors, found outside the compiled loop.

What such a node may do depends on its local state and on all messages to it together, too many pairs for a table
that is indexed by both. So each level is gone through once more: states are grouped by what the node reads in them,
Python is asked once per distinct reading, and whole groups are changed at once.
"""

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.kernel import (
    COLUMN_OR,
    COLUMN_OR_COUNT,
    COLUMN_OR_START,
    COLUMN_OR_WORD,
    COLUMN_WORD,
    COLUMN_XOR,
)
from coordfsm.check.native.states.layout import Layout, Place, Words
from coordfsm.check.native.steps.tables import Tables
from coordfsm.check.native.steps.wiring import Wirer

Numbers = npt.NDArray[np.int64]


class Reader:
    """One reading of one node.

    Args:
        tables, wirer: of the search.
        position: the node's.
        number: which of its readings.
    """

    def __init__(self, tables: Tables, wirer: Wirer, position: int, number: int) -> None:
        self._tables = tables
        self._wirer = wirer
        self._position = position
        self._number = number
        self._places: list[tuple[int, Place]] = []  # of the envelopes that are read, with their numbers
        self._layout: Layout | None = None
        self._mask: Words = np.zeros(1, np.uint64)
        self._addressed = 0
        self._outcomes: dict[bytes, tuple[int, ...]] = {}  # by what is read, in the present layout

    def learn(self, rows: Words) -> bool:
        """Tabulate what the node may do in these states, shape (states, words). Whether any of it was new.

        The tables may then hold more than the wiring, and the layout may not fit them any more.

        Raises:
            StepError: the machine raised.
        """
        keys, first, _ = self._keys(rows)
        new = False
        for key, at in zip(keys, first.tolist(), strict=True):
            if key not in self._outcomes:
                new = True
                self._outcomes[key] = self._tabulated(rows[at])
        return new

    def _tabulated(self, words: Words) -> tuple[int, ...]:
        local = self._wirer.layout.nodes[self._position].read(words)
        flying = frozenset(envelope for envelope, place in self._places if place.read(words))
        return self._tables.tabulate_reading(self._position, self._number, local, flying)

    def successors(self, rows: Words) -> tuple[Words, Numbers]:
        """All successors, shape (transitions, words), and by transition which of the states it leaves."""
        keys, _, group = self._keys(rows)
        readings = [self._outcomes[key] for key in keys]
        counts = np.array([len(outcomes) for outcomes in readings], np.int64)
        first = np.cumsum(counts) - counts
        origins = np.repeat(np.arange(len(rows)), counts[group])
        within = np.arange(len(origins)) - np.repeat(np.cumsum(counts[group]) - counts[group], counts[group])
        flat = np.array([outcome for outcomes in readings for outcome in outcomes], np.int64)
        return self._changed(rows[origins], flat[first[group[origins]] + within]), origins

    def _changed(self, states: Words, outcomes: Numbers) -> Words:
        """Change each state as its outcome says."""
        wiring = self._wirer.wiring()
        every, change = np.arange(len(states)), wiring.outcomes[outcomes]
        states[every, change[:, COLUMN_WORD].astype(np.int64)] ^= change[:, COLUMN_XOR]
        states[every, change[:, COLUMN_OR_WORD].astype(np.int64)] |= change[:, COLUMN_OR]
        start, count = change[:, COLUMN_OR_START].astype(np.int64), change[:, COLUMN_OR_COUNT].astype(np.int64)
        for further in range(int(count.max(initial=0))):
            these = np.flatnonzero(count > further)
            ors = wiring.ors[start[these] + further]
            states[these, ors[:, 0].astype(np.int64)] |= ors[:, 1]
        return states

    def _keys(self, rows: Words) -> tuple[list[bytes], Numbers, Numbers]:
        """The distinct readings, a state in which each is found, and each state's."""
        self._follow_layout()
        read = np.ascontiguousarray(rows & self._mask)
        whole = read.view(np.dtype((np.void, read.dtype.itemsize * read.shape[1]))).reshape(-1)
        distinct, first, group = np.unique(whole, return_index=True, return_inverse=True)
        return [key.tobytes() for key in distinct], first, group

    def _follow_layout(self) -> None:
        """What is read stands elsewhere in a new layout; and a new envelope may be read."""
        layout, addressed = self._wirer.layout, self._tables.receiver.size
        if layout is self._layout and addressed == self._addressed:
            return
        if layout is not self._layout:
            self._outcomes.clear()
        self._layout, self._addressed = layout, addressed
        is_read = self._tables.system.is_read
        numbered = enumerate(layout.envelopes)
        self._places = [item for item in numbered if is_read(self._position, self._number, item[0])]
        masks = [0] * layout.words
        for place in (layout.nodes[self._position], *(place for _, place in self._places)):
            masks[place.word] |= ((1 << place.bits) - 1) << place.shift
        self._mask = np.array(masks, np.uint64)
