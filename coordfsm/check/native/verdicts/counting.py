"""Combinators at native speed: no verdict is looked up, since nodes are counted state by state.

Neighbouring fields of a packed state are looked up together, as for other properties: what each value of such a group
contributes to a count is tabulated, and so is which observations its nodes have. Python is asked once per distinct
observation, and once per pair of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.semantics import Interner
from coordfsm.check.modelling.combinators import Combinator, Counted, Paired
from coordfsm.check.modelling.model import Property
from coordfsm.check.native.states.growing import grown
from coordfsm.check.native.states.layout import Layout, Place, Words
from coordfsm.check.native.steps.wiring import Wirer

GROUP_BITS = 12  # neighbouring fields up to this long in all are looked up together
PART = 1 << 13  # states counted at once: they stay in the processor's caches
MOST_PAIRED = 64  # distinct observations of which a word has one bit each

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Group(NamedTuple):
    """Neighbouring fields, and what each of their values stands for."""

    field: Place
    open: Flags  # whether some local state has not been observed yet
    counts: list[npt.NDArray[np.int16]]  # per counted property: how many of its nodes count
    present: Words  # the observations of its nodes, as bits
    twice: Words  # those that two of its nodes have


class Tally:
    """Properties of a model that are combinators and observe the same, judged on packed states; see `Judge`.

    Attributes:
        items: the properties.
    """

    def __init__(self, items: Sequence[Property], wirer: Wirer) -> None:
        self.items = items
        self._combinators: list[Combinator | None] = [item.predicate for item in items]  # type: ignore[misc]
        self._wirer = wirer
        self._tables = wirer.tables
        self._seen = Interner()  # one numbering for all nodes
        self._observed = [np.full(16, -1, np.int64) for _ in wirer.model.nodes]
        self._counts: list[list[bool]] = [[] for _ in items]
        self._apart: list[Words] = [np.zeros(MOST_PAIRED, np.uint64) for _ in items]  # per observation: not beside it
        self._by_call: set[int] = set()  # the items whose relation cannot be tabulated
        self._called: dict[tuple[int, bytes], bool] = {}
        self._groups: list[Group] = []
        self._layout: Layout | None = None

    def forget(self, item: Property) -> None:
        """Do not ask about a property any more: its witness is found."""
        at = self.items.index(item)
        self._combinators[at] = None
        self._by_call.discard(at)

    def prepare(self) -> None:
        """Make what `known` reads fit the tables and the layout as they are now."""
        for position, known in enumerate(self._tables.node_locals):
            if len(self._observed[position]) < len(known):
                self._observed[position] = grown(self._observed[position], len(known), -1)
        if self._layout is not self._wirer.layout:
            self._layout, self._groups = self._wirer.layout, []
        if not self._groups:
            self._groups = self._new_groups(self._wirer.layout)

    def known(self, states: Words, segment: tuple[int, int]) -> tuple[list[int], npt.NDArray[np.uint32]]:
        """Look for states that decide, without asking Python. Threads may do so at once.

        Returns: what was found, and the states on which there is no verdict yet.
        """
        words, found, left = self._wirer.layout.words, [-1] * len(self.items), []
        for start in range(*segment, PART):
            stop = min(start + PART, segment[1])
            values, missing = self._values(states[start * words : stop * words].reshape(-1, words))
            missing |= bool(self._by_call)
            numbers = np.arange(start, stop, dtype=np.uint32)
            self._note(values, numbers, ~missing, found)
            left.append(numbers[missing])
        return found, np.concatenate(left) if left else np.zeros(0, np.uint32)

    def find(self, states: Words, batch: npt.NDArray[np.uint32]) -> list[int]:
        """Look for states that decide among those of a batch."""
        words, found = self._wirer.layout.words, [-1] * len(self.items)
        for start in range(0, len(batch), PART):
            part = batch[start : start + PART]
            rows = states[part[:, None].astype(np.int64) * words + np.arange(words)]
            self.prepare()
            values, missing = self._values(rows)
            if missing.any():
                self._observe(rows[missing])
                self.prepare()
                values, _ = self._values(rows)
            for at in self._by_call:
                values[at] = self._asked(at, rows)
            self._note(values, part, np.ones(len(part), np.bool_), found)
        return found

    def _note(self, values: list[Flags | None], numbers: npt.NDArray[np.uint32], sure: Flags, found: list[int]) -> None:
        """Remember the smallest number of a state that decides each property."""
        for at, (item, value) in enumerate(zip(self.items, values, strict=True)):
            if value is None:
                continue
            deciding = numbers[sure & (value == (item.kind == "sometimes"))]
            if len(deciding):
                first = int(deciding.min())
                found[at] = first if found[at] < 0 else min(found[at], first)

    # -- states ------------------------------------------------------------------------------------------------

    def _values(self, rows: Words) -> tuple[list[Flags | None], Flags]:
        """Each property's value in these states, and in which of them there is none yet."""
        columns = [group.field.column(rows).astype(np.intp) for group in self._groups]
        missing = np.zeros(len(rows), np.bool_)
        for group, column in zip(self._groups, columns, strict=True):
            missing |= group.open[column]
        paired = any(isinstance(item, Paired) for item in self._combinators)
        beside = self._beside(columns) if paired else None
        return [self._value(at, item, columns, beside) for at, item in enumerate(self._combinators)], missing

    def _value(
        self, at: int, item: Combinator | None, columns: list[Numbers], beside: tuple[Words, Words] | None
    ) -> Flags | None:
        if item is None or at in self._by_call:
            return None
        if isinstance(item, Paired):
            assert beside is not None
            return self._all_paired(self._apart[at], *beside)
        number = np.zeros(len(columns[0]), np.int16)
        for group, column in zip(self._groups, columns, strict=True):
            number += group.counts[at][column]
        value: Flags = (number >= item.least) & (number <= (len(self._observed) if item.most is None else item.most))
        return value

    def _beside(self, columns: list[Numbers]) -> tuple[Words, Words]:
        """The observations in each state, and those that two nodes have."""
        present, twice = np.zeros(len(columns[0]), np.uint64), np.zeros(len(columns[0]), np.uint64)
        for group, column in zip(self._groups, columns, strict=True):
            here = group.present[column]
            twice |= group.twice[column] | (present & here)
            present |= here
        return present, twice

    @staticmethod
    def _all_paired(apart: Words, present: Words, twice: Words) -> Flags:
        value = np.ones(len(present), np.bool_)
        for number in np.flatnonzero(apart).tolist():
            bit = np.uint64(1 << number)
            value &= (present & bit == 0) | (present & apart[number] & ~bit == 0)
            if apart[number] & bit:
                value &= twice & bit == 0
        return value

    def _asked(self, at: int, rows: Words) -> Flags:
        """A property's value by calling it, once per distinct tuple of observations."""
        fields = self._wirer.layout.nodes
        seen = [self._observed[position][place.column(rows).astype(np.intp)] for position, place in enumerate(fields)]
        value = np.zeros(len(rows), np.bool_)
        for row, numbers in enumerate(np.stack(seen, axis=1)):
            key = (at, numbers.tobytes())
            if key not in self._called:
                given = tuple(self._seen.values[number] for number in numbers.tolist())
                self._called[key] = bool(self.items[at].predicate(given))
            value[row] = self._called[key]
        return value

    # -- asking Python -----------------------------------------------------------------------------------------

    def _observe(self, rows: Words) -> None:
        """Observe the local states of these states that have not been observed."""
        for position, place in enumerate(self._wirer.layout.nodes):
            observed = self._observed[position]
            numbers = np.unique(place.column(rows).astype(np.int64))
            for number in numbers[observed[numbers] < 0].tolist():
                seen = self._tables.system.observed(self.items[0], self._tables.node_locals[position][number])
                observed[number] = self._seen(seen)
        self._groups = []
        for number in range(len(self._counts[0]), len(self._seen.values)):
            for at, item in enumerate(self._combinators):
                self._counts[at].append(isinstance(item, Counted) and item.counts(self._seen.values[number]))
                if isinstance(item, Paired) and at not in self._by_call and not self._tabulate(at, item, number):
                    self._by_call.add(at)

    def _tabulate(self, at: int, item: Paired, number: int) -> bool:
        """Which observations may not be beside a new one; False if that cannot be said for each pair in advance."""
        if number >= MOST_PAIRED:
            return False
        new, apart = self._seen.values[number], self._apart[at]
        for other, value in enumerate(self._seen.values[: number + 1]):
            try:
                fits = item.relation(new, value) and item.relation(value, new)
            except Exception:  # noqa: BLE001  (no two nodes need ever be in these two)
                return False
            if not fits:
                apart[number] |= np.uint64(1 << other)
                apart[other] |= np.uint64(1 << number)
        return True

    # -- tables ------------------------------------------------------------------------------------------------

    def _new_groups(self, layout: Layout) -> list[Group]:
        order = sorted(range(len(layout.nodes)), key=lambda position: layout.nodes[position])
        together: list[list[int]] = []
        for position in order:
            if together and _are_neighbours([*together[-1], position], layout):
                together[-1].append(position)
            else:
                together.append([position])
        return [self._group(positions, layout) for positions in together]

    def _group(self, positions: list[int], layout: Layout) -> Group:
        first = layout.nodes[positions[0]]
        bits = sum(layout.nodes[position].bits for position in positions)
        value = np.arange(1 << bits)
        unseen = np.zeros(len(value), np.bool_)
        counts = [np.zeros(len(value), np.int16) for _ in self.items]
        present, twice = np.zeros(len(value), np.uint64), np.zeros(len(value), np.uint64)
        for position in positions:
            place, observed = layout.nodes[position], self._observed[position]
            number = (value >> (place.shift - first.shift)) & ((1 << place.bits) - 1)
            seen = np.where(number < len(observed), observed[np.minimum(number, len(observed) - 1)], -1)
            unseen |= seen < 0
            for at, known in enumerate(self._counts):
                counts[at] += np.array([*known, False])[seen]  # -1 is the last one
            bit = np.uint64(1) << (np.maximum(seen, 0) % MOST_PAIRED).astype(np.uint64)
            here = np.where((seen >= 0) & (seen < MOST_PAIRED), bit, np.uint64(0))
            twice |= present & here
            present |= here
        return Group(Place(first.word, first.shift, bits), unseen, counts, present, twice)


def _are_neighbours(positions: list[int], layout: Layout) -> bool:
    first, last = layout.nodes[positions[0]], layout.nodes[positions[-1]]
    inner = sum(layout.nodes[position].bits for position in positions)
    return first.word == last.word and inner == last.shift + last.bits - first.shift <= GROUP_BITS


def is_counted(item: Property, wirer: Wirer) -> bool:
    """Whether a property can be judged by a `Tally`.

    Where nodes are interchangeable, each tuple must be looked at; an observer's history is no node's.
    """
    predicate: Any = item.predicate
    whole = wirer.symmetry is None and wirer.model.observer is None
    return isinstance(predicate, Counted | Paired) and not item.messages and whole
