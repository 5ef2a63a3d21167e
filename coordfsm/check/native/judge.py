"""Properties at native speed: a predicate runs in Python once per distinct tuple of observations.

The observations of each node's local states are numbered; a tuple of numbers (with the envelopes in flight, where
the property looks at them) is a key, and the verdict on a key is kept: in a plain array while the keys are short, else
in a table that stores the keys themselves.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from coordfsm.check.model import Property
from coordfsm.check.native.growing import Rows
from coordfsm.check.native.layout import Layout, Words, bits_for, places
from coordfsm.check.native.lookup import FALSE, OPEN, TRUE, Memo, copy_memo, judge
from coordfsm.check.native.wiring import Wirer
from coordfsm.check.semantics import Interner

if TYPE_CHECKING:
    from coordfsm.check.native.tables import Tables

DENSE_BITS = 20  # keys up to this long index a plain array
MOST_ASKED = 4096  # questions to Python a call


class Judge:
    """One property of a model, judged on packed states.

    Attributes:
        item: the property.
        evaluated: how often its predicate ran.
    """

    def __init__(self, item: Property, wirer: Wirer, predicate: Any = None) -> None:
        self.item = item
        self.evaluated = 0
        self._predicate = predicate or item.predicate
        self._wirer = wirer
        self._tables: Tables = wirer.tables
        self._count = len(wirer.model.nodes)
        self._observations = [Interner() for _ in range(self._count)]
        self._observed = Rows()
        self._layout: Layout | None = None
        self._parts = Layout([], [], [], 0, 0)
        self._flying: Words = np.zeros(0, np.uint64)
        self._keys: Words = np.zeros((0, 1), np.uint64)
        self._verdicts = np.zeros(1, np.uint8)
        self._used = 0
        self._known_envelopes = 0

    def find(self, states: Words, batch: npt.NDArray[np.uint32], *, sought: bool) -> int | None:
        """The smallest number of a state of a batch in which the predicate has the sought value, if there is one."""
        return self._run(states, batch, TRUE if sought else FALSE, np.zeros(0, np.bool_))

    def holds(self, states: Words, batch: npt.NDArray[np.uint32], values: npt.NDArray[np.bool_]) -> None:
        """Write the predicate's value in each state of a batch to ``values[number]``."""
        self._run(states, batch, OPEN, values)

    def _run(
        self, states: Words, batch: npt.NDArray[np.uint32], sought: int, values: npt.NDArray[np.bool_]
    ) -> int | None:
        found: int | None = None
        again = np.empty(len(batch), np.uint32)
        asked = np.empty((MOST_ASKED, 2), np.int64)
        words = self._wirer.layout.words
        while len(batch):
            memo = self._memo()
            key = np.zeros(self._parts.words + len(memo.flying), np.uint64)
            hit, left, questions = judge(words, states, batch, memo, key, sought, again, asked, values)
            if hit >= 0:
                found = hit if found is None else min(found, hit)
            for number, place in asked[:questions].tolist():
                self._answer(states[number * words : (number + 1) * words], place)
            batch = again[:left].copy()
        return found

    def _answer(self, state: Words, place: int) -> None:
        numbers = [field.read(state) for field in self._wirer.layout.nodes]
        locals_ = [self._tables.local(position, number) for position, number in enumerate(numbers)]
        observations = tuple(self.item.observe(local) for local in locals_)
        for position, (number, observation) in enumerate(zip(numbers, observations, strict=True)):
            identifier = self._observations[position](observation)
            self._observed.put(position, number, 0, identifier)
        if place < 0:
            return
        self.evaluated += 1
        self._used += 1
        if self.item.messages:
            flying = self._tables.system.in_flight(self._wirer.unpack(state))
            value = self._predicate(observations, flying)
        else:
            value = self._predicate(observations)
        self._verdicts[place] = TRUE if value else FALSE

    def _memo(self) -> Memo:
        for position, known in enumerate(self._tables.node_locals):
            self._observed.ensure(position, len(known), 1)
        fits = all(
            len(known.values) <= 1 << place.bits
            for known, place in zip(self._observations, self._parts.nodes, strict=False)
        )
        moved = self._layout is not self._wirer.layout
        if not fits or self._layout is None or (moved and self.item.messages):
            self._start_over()
        self._layout = self._wirer.layout
        if self.item.messages and self._known_envelopes != len(self._layout.envelopes):
            self._mask_envelopes(self._layout)
        if len(self._keys) and (self._used + MOST_ASKED) * 2 > len(self._keys):
            self._enlarge()
        return Memo(
            nodes=places(self._wirer.layout.nodes),
            observed=self._observed.cells,
            base=self._observed.base,
            parts=places(self._parts.nodes),
            flying=self._flying,
            first=self._parts.words,
            keys=self._keys,
            verdicts=self._verdicts,
        )

    def _start_over(self) -> None:
        """Choose the places of a key's parts anew; forget all verdicts."""
        bits = [bits_for(len(known.values) * 2) for known in self._observations]
        self._parts = Layout(bits, [], [], 0, 0)
        self._used = 0
        if self.item.messages:
            self._mask_envelopes(self._wirer.layout)
        if sum(bits) <= DENSE_BITS and not self.item.messages:
            self._keys = np.zeros((0, 1), np.uint64)
            self._verdicts = np.zeros(1 << sum(bits), np.uint8)
        else:
            self._keys = np.zeros((4 * MOST_ASKED, self._parts.words + len(self._flying)), np.uint64)
            self._verdicts = np.zeros(4 * MOST_ASKED, np.uint8)

    def _mask_envelopes(self, layout: Layout) -> None:
        """Note which bits of a state say what is in flight. Bits that were free are 0 in all keys so far."""
        self._flying = np.zeros(layout.words, np.uint64)
        self._known_envelopes = len(layout.envelopes)
        for place in (*layout.envelopes, *layout.channels):
            self._flying[place.word] |= np.uint64(((1 << place.bits) - 1) << place.shift)

    def _enlarge(self) -> None:
        """Twice the places; verdicts on known keys are kept."""
        keys, verdicts = self._keys, self._verdicts
        self._keys = np.zeros((len(keys) * 2, keys.shape[1]), np.uint64)
        self._verdicts = np.zeros(len(keys) * 2, np.uint8)
        copy_memo(keys, verdicts, self._keys, self._verdicts)
