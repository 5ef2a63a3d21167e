"""Properties at native speed: predicates run in Python once per distinct tuple of observations.

The observations of each node's local states are numbered; a tuple of numbers (with the envelopes in flight, where
the property looks at them) is a key, and the verdict on a key is kept: in a plain array while the keys are short, else
in a table that stores the keys themselves. Properties that observe the same share keys and verdicts.

Only the nodes whose observations some predicate has read so far belong to the key: predicates are deterministic, so
on another state with the same ones they would read the same and come to the same. When one reads a further node's, all
verdicts are asked for anew. Where nodes are interchangeable every observation belongs to the key, since each distinct
tuple must pass the check that the property really treats them alike.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.semantics import Interner, State
from coordfsm.check.modelling.combinators import of_nodes
from coordfsm.check.modelling.model import Property
from coordfsm.check.native.states.growing import grown
from coordfsm.check.native.states.layout import Layout, Place, Words, bits_for, places
from coordfsm.check.native.steps.lookup import KNOWN, MOST_PROPERTIES, OPEN, UNSEEN, Memo, copy_memo, judge
from coordfsm.check.native.steps.wiring import Wirer
from coordfsm.check.native.verdicts.counting import Tally, is_counted
from coordfsm.check.native.verdicts.recorded import evaluate

DENSE_BITS = 20  # keys up to this long index a plain array
GROUP_BITS = 8  # neighbouring fields up to this long in all are looked up together
KEY_WORD = 63  # bits of a key's word; the last one says that an observation is missing
MOST_ASKED = 4096  # questions to Python a call
PART = 1 << 14  # states judged a call


Decided = list[int]
"""Per property: the smallest number of a state in which it is decided; -1: none."""


class Judge:
    """Properties of a model that observe the same, judged on packed states.

    An invariant is decided by a state in which its predicate is false, a witness by one in which it is true.

    Attributes:
        items: the properties, at most `MOST_PROPERTIES`.
    """

    def __init__(self, items: Sequence[Property], wirer: Wirer, predicates: Sequence[Any] = ()) -> None:
        nodes = len(wirer.tables.node_locals)  # and what the observer keeps
        self.items = items
        self._messages = bool(items[0].messages)
        chosen = predicates or [item.predicate for item in items]
        alone = len(wirer.model.nodes)
        self._predicates = [of_nodes(predicate, alone) if nodes > alone else predicate for predicate in chosen]
        # A bit a property: it is decided where its value, with this bit flipped, is 1.
        self._flip = sum(1 << bit for bit, item in enumerate(items) if item.kind != "sometimes")
        self._wirer = wirer
        self._tables = wirer.tables
        self._observations = [Interner() for _ in range(nodes)]
        self._observed = [np.full(16, -1, np.int32) for _ in range(nodes)]
        self._read = set(range(nodes)) if wirer.symmetry is not None else set()  # nodes that belong to the key
        self._parts: list[Place] | None = None
        self._keys: Words = np.zeros((0, 1), np.uint64)
        self._verdicts = np.zeros(1, np.uint8)
        self._used = 0
        self._again = np.empty(PART, np.uint32)
        self._asked = np.empty((MOST_ASKED, 2), np.int64)
        self._layout: Layout | None = None
        self._memo: Memo | None = None

    def forget(self, item: Property) -> None:
        """Do not ask about a property any more: its witness is found."""
        self._predicates[self.items.index(item)] = _never

    def prepare(self) -> None:
        """Make what `known` reads fit the tables and the layout as they are now."""
        self._current()

    def known(self, states: Words, segment: tuple[int, int]) -> tuple[Decided, npt.NDArray[np.uint32]]:
        """Look for states that decide, without asking Python. Threads may do so at once.

        Returns: what was found, and the states on which there is no verdict yet.
        """
        memo = self._memo
        assert memo is not None
        words, found = self._wirer.layout.words, np.full(len(self.items), -1, np.int64)
        key = np.zeros(memo.begin + len(memo.flying), np.uint64)
        again, asked, values = np.empty(PART, np.uint32), np.empty((0, 2), np.int64), np.zeros(0, np.bool_)
        left = []
        for start in range(*segment, PART):
            batch = np.arange(start, min(start + PART, segment[1]), dtype=np.uint32)
            open_, _ = judge(words, states, batch, memo, key, self._flip, found, again, asked, values)
            if open_:
                left.append(again[:open_].copy())
        return found.tolist(), np.concatenate(left) if left else np.zeros(0, np.uint32)

    def find(self, states: Words, batch: npt.NDArray[np.uint32]) -> Decided:
        """Look for states that decide among those of a batch."""
        found = np.full(len(self.items), -1, np.int64)
        self._run(states, batch, found, np.zeros(0, np.bool_))
        return found.tolist()

    def holds(self, states: Words, batch: npt.NDArray[np.uint32], values: npt.NDArray[np.bool_]) -> None:
        """Write the first predicate's value in each state of a batch to ``values[number]``."""
        self._run(states, batch, np.zeros(0, np.int64), values)

    def _run(
        self,
        states: Words,
        batch: npt.NDArray[np.uint32],
        found: npt.NDArray[np.int64],
        values: npt.NDArray[np.bool_],
    ) -> None:
        words = self._wirer.layout.words
        for start in range(0, len(batch), PART):
            part = batch[start : start + PART]
            while len(part):
                memo = self._current()
                key = np.zeros(memo.begin + len(memo.flying), np.uint64)
                left, questions = judge(
                    words, states, part, memo, key, self._flip, found, self._again, self._asked, values
                )
                if questions:
                    self._answer(states, self._asked[:questions])
                part = self._again[:left].copy()

    # -- asking Python -----------------------------------------------------------------------------------------

    def _answer(self, states: Words, asked: npt.NDArray[np.int64]) -> None:
        """Observe what has not been observed; evaluate the predicates on new tuples of observations."""
        words = self._wirer.layout.words
        rows = states[asked[:, :1] * words + np.arange(words)]
        columns = []
        for position, field in enumerate(self._wirer.layout.nodes):
            numbers = field.column(rows).astype(np.int64)
            identifiers = self._observed[position][numbers]
            for at in np.flatnonzero(identifiers < 0).tolist():
                identifiers[at] = self._observe(position, int(numbers[at]))
            values = self._observations[position].values
            columns.append([values[identifier] for identifier in identifiers.tolist()])
        for at, (place, *observations) in enumerate(zip(asked[:, 1].tolist(), *columns, strict=True)):
            if place < 0:
                self._memo = None  # its tables lack an observation
                continue
            given: tuple[Any, ...] = (tuple(observations),)
            if self._messages:
                given = (*given, self._tables.system.looked_at(self.items[0], self._wirer.unpack(rows[at])))
            verdict = self._evaluated(*given)
            if self._parts is None:
                return  # the key is too short; they will be asked again
            if self._wirer.symmetry is not None:
                self._check_symmetry(self._wirer.unpack(rows[at]), verdict)
            self._verdicts[place] = verdict
            self._used += 1

    def _evaluated(self, observations: tuple[Any, ...], *others: Any) -> int:
        """The verdict on a tuple; if it depends on more than the key has, the key is given up."""
        verdict, read = KNOWN, set(self._read)
        if len(read) == len(observations):
            for bit, predicate in enumerate(self._predicates):
                verdict |= bool(predicate(observations, *others)) << bit
            return verdict
        for bit, predicate in enumerate(self._predicates):
            verdict |= evaluate(predicate, observations, read, *others) << bit
        if read != self._read:
            self._read, self._parts = read, None
        return verdict

    def _check_symmetry(self, state: State, verdict: int) -> None:
        assert self._wirer.symmetry is not None
        for bit, (item, predicate) in enumerate(zip(self.items, self._predicates, strict=True)):
            self._wirer.symmetry.check_verdict(item, predicate, state, value=bool(verdict >> bit & 1))

    def _observe(self, position: int, number: int) -> int:
        known = int(self._observed[position][number])
        if known < 0:
            seen = self._tables.system.observed(self.items[0], self._tables.node_locals[position][number])
            known = self._observations[position](seen)
            self._observed[position][number] = known
        return known

    # -- keys --------------------------------------------------------------------------------------------------

    def _current(self) -> Memo:
        layout, tables = self._wirer.layout, self._tables
        moved = self._layout is not layout
        for position, known in enumerate(tables.node_locals):
            if len(self._observed[position]) < len(known):
                self._observed[position] = grown(self._observed[position], len(known), -1)
        if self._parts is None or not self._fits(self._parts) or (moved and self._messages):
            self._start_over()
        if len(self._keys) and (self._used + MOST_ASKED) * 2 > len(self._keys):
            self._make_room()
        if self._memo is None or moved or (self._messages and self._envelopes != len(layout.envelopes)):
            self._memo = self._new_memo(layout)
        self._layout = layout
        return self._memo

    def _fits(self, parts: list[Place]) -> bool:
        return all(len(self._observations[position].values) <= 1 << parts[position].bits for position in self._read)

    def _start_over(self) -> None:
        """Choose the places of a key's parts anew; forget all verdicts."""
        self._parts, self._memo, self._used = [], None, 0
        word, used = 0, 0
        counts = [len(known.values) * (at in self._read) for at, known in enumerate(self._observations)]
        loose, tight = [bits_for(count * 2) for count in counts], [bits_for(count) for count in counts]
        for bits in tight if sum(loose) > DENSE_BITS >= sum(tight) else loose:
            if used + bits > KEY_WORD:
                word, used = word + 1, 0
            self._parts.append(Place(word, used, bits))
            used += bits
        self._begin = word + 1
        if word == 0 and used <= DENSE_BITS and not self._messages:
            self._keys = np.zeros((0, 1), np.uint64)
            self._verdicts = np.zeros(1 << used, np.uint8)
        else:
            further = self._wirer.layout.words if self._messages else 0
            self._keys = np.zeros((4 * MOST_ASKED, self._begin + further), np.uint64)
            self._verdicts = np.zeros(4 * MOST_ASKED, np.uint8)

    def _new_memo(self, layout: Layout) -> Memo:
        """The tables by which a state gives its key."""
        assert self._parts is not None
        order = sorted(range(len(layout.nodes)), key=lambda position: layout.nodes[position])
        groups: list[list[int]] = []
        for position in order:
            if groups and self._together([*groups[-1], position], layout):
                groups[-1].append(position)
            else:
                groups.append([position])
        fields, tables = [], []
        for group in groups:
            start, bits = layout.nodes[group[0]].shift, sum(layout.nodes[position].bits for position in group)
            fields.append(Place(layout.nodes[group[0]].word, start, bits))
            value = np.arange(1 << bits)
            table = np.zeros(len(value), np.uint64)
            for position in group:
                place = layout.nodes[position]
                table |= self._part(position, (value >> (place.shift - start)) & ((1 << place.bits) - 1))
            tables.append(table)
        lengths = [len(table) for table in tables]
        masks = places(fields).astype(np.uint64)
        masks[:, 2] = (np.uint64(1) << masks[:, 2]) - np.uint64(1)
        return Memo(
            fields=masks,
            first=np.cumsum([0, *lengths[:-1]]),
            part_word=np.array([self._parts[group[0]].word for group in groups]),
            parts=np.concatenate(tables),
            flying=self._flying(layout),
            begin=self._begin,
            keys=self._keys,
            verdicts=self._verdicts,
        )

    def _together(self, group: list[int], layout: Layout) -> bool:
        assert self._parts is not None
        first, last = layout.nodes[group[0]], layout.nodes[group[-1]]
        if first.word != last.word or self._parts[group[0]].word != self._parts[group[-1]].word:
            return False
        inner = sum(layout.nodes[position].bits for position in group)
        return inner == last.shift + last.bits - first.shift <= GROUP_BITS

    def _part(self, position: int, numbers: npt.NDArray[np.int64]) -> Words:
        """What a node's local states contribute to the key."""
        assert self._parts is not None
        observed = self._observed[position]
        identifiers = np.where(numbers < len(observed), observed[np.minimum(numbers, len(observed) - 1)], -1)
        shift = np.uint64(self._parts[position].shift)
        part = np.maximum(identifiers, 0).astype(np.uint64) << shift if position in self._read else np.uint64(0)
        return np.where(identifiers < 0, UNSEEN, part)

    def _flying(self, layout: Layout) -> Words:
        """Which bits of a state say what is in flight. Bits that were free are 0 in all keys so far."""
        self._envelopes = len(layout.envelopes)
        if not self._messages:
            return np.zeros(0, np.uint64)
        masks = [0] * layout.words
        # Under symmetry all: an envelope that is not looked at may have an image that is.
        every, looks_at = self._wirer.symmetry is not None, self._tables.system.looks_at
        seen = [place for at, place in enumerate(layout.envelopes) if every or looks_at(self.items[0], at)]
        for place in (*seen, *layout.channels):
            masks[place.word] |= ((1 << place.bits) - 1) << place.shift
        return np.array(masks, np.uint64)

    def _make_room(self) -> None:
        """Have places for further verdicts: more of them, or if there is no memory, those of verdicts known so far."""
        if self._tables.resident.allows(2 * (self._keys.nbytes + self._verdicts.nbytes)):
            self._enlarge()
        else:
            self._verdicts[:] = OPEN
            self._used = 0

    def _enlarge(self) -> None:
        """Twice the places; verdicts on known keys are kept."""
        keys, verdicts = self._keys, self._verdicts
        self._keys = np.zeros((len(keys) * 2, keys.shape[1]), np.uint64)
        self._verdicts = np.zeros(len(keys) * 2, np.uint8)
        copy_memo(keys, verdicts, self._keys, self._verdicts)
        self._memo = None


def _never(*_given: Any) -> bool:
    return False


def judges(items: Sequence[Property], wirer: Wirer) -> Iterator[Judge | Tally]:
    """As few judges of these properties as possible."""
    alike: dict[tuple[int, Any, bool], list[Property]] = {}
    for item in items:
        alike.setdefault((id(item.observe), item.messages, is_counted(item, wirer)), []).append(item)
    for (_, _, counted), group in alike.items():
        if counted:
            yield Tally(group, wirer)
            continue
        for start in range(0, len(group), MOST_PROPERTIES):
            yield Judge(group[start : start + MOST_PROPERTIES], wirer)
