"""Where everything stands in a packed global state: bit fields in 64-bit words.

Rules:

1. A field never straddles two words.
2. Bit 63 of word 0 is always set, so that no packed state is 0 (0 marks an empty slot of the visited set).
3. The bits that no fixed field needs are free for envelopes: a new envelope takes a free place, and only when there is
   none are the states packed anew, with more words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.futures import bits_of

WORD = 64
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


class Place(NamedTuple):
    """A bit field: the word it is in, the position of its lowest bit, its width in bits."""

    word: int
    shift: int
    bits: int

    def read(self, words: Words) -> int:
        """The field's value in one packed state."""
        return (int(words[self.word]) >> self.shift) & ((1 << self.bits) - 1)

    def column(self, states: Words) -> Words:
        """The field's value in many packed states, an array of shape (states, words)."""
        mask = np.uint64((1 << self.bits) - 1)
        return (states[:, self.word] >> np.uint64(self.shift)) & mask


NOWHERE = Place(0, 0, 0)
"""A field of no bits: always 0."""


def bits_for(values: int) -> int:
    """How many bits hold the numbers from 0 up to, not including, `values`."""
    return max(values - 1, 0).bit_length()


class Layout:
    """The places of all fields.

    Attributes:
        nodes: one field a node: the number of its local state.
        channels: one field a channel of an ordered network: the number of its contents.
        budgets: one field a budget: what is left of it.
        cut: the partition in force.
        envelopes: one place an envelope that can be in flight: the number of copies.
        words: 64-bit words a state.
        copy_bits: bits of an envelope's place; 0 where the network is not a set.
    """

    def __init__(
        self, nodes: Sequence[int], channels: Sequence[int], budgets: Sequence[int], cut: int, copy_bits: int
    ) -> None:
        """Place the fixed fields.

        Args:
            nodes: bits a node needs, in order.
            channels: bits a channel needs.
            budgets: bits a budget needs.
            cut: bits that the partition in force needs.
            copy_bits: as the attribute.
        """
        self.copy_bits = copy_bits
        self._used: list[int] = []
        widths = [*nodes, *channels, *budgets, cut]
        places: list[Place] = [NOWHERE] * len(widths)
        for position in sorted(range(len(widths)), key=lambda at: -widths[at]):
            places[position] = self._take(widths[position])
        if not self._used:
            self._used.append(0)
        count = len(nodes)
        self.nodes = places[:count]
        self.channels = places[count : count + len(channels)]
        self.budgets = places[count + len(channels) : -1]
        self.cut = places[-1]
        self.envelopes: list[Place] = []

    @property
    def words(self) -> int:
        """64-bit words a state."""
        return len(self._used)

    def envelope_bits(self, numbers: int) -> dict[int, int]:
        """Per word, the bits that stand for the envelopes whose numbers are the bits of a number."""
        bits: dict[int, int] = {}
        for number in bits_of(numbers):
            word, shift, width = self.envelopes[number]
            bits[word] = bits.get(word, 0) | ((1 << width) - 1) << shift
        return bits

    def envelopes_in(self, state: Words) -> int:
        """The envelopes of which a packed state holds any copy, as the bits of a number."""
        return sum(1 << number for number, place in enumerate(self.envelopes) if place.read(state))

    def place_envelope(self, *, grow: bool) -> bool:
        """Find a place for the next envelope; False if only a further word (`grow`) would hold it."""
        if not grow and self._fitting(self.copy_bits) is None:
            return False
        self.envelopes.append(self._take(self.copy_bits))
        return True

    def _fitting(self, bits: int) -> int | None:
        return next((word for word, used in enumerate(self._used) if used + bits <= self._capacity(word)), None)

    def _take(self, bits: int) -> Place:
        if bits == 0:
            return NOWHERE
        word = self._fitting(bits)
        if word is None:
            word = len(self._used)
            self._used.append(0)
        shift = self._used[word]
        self._used[word] += bits
        return Place(word, shift, bits)

    @staticmethod
    def _capacity(word: int) -> int:
        return WORD - 1 if word == 0 else WORD

    def fields(self) -> list[Place]:
        """All places, fixed ones first, in a fixed order."""
        return [*self.nodes, *self.channels, *self.budgets, self.cut, *self.envelopes]

    def pack(self, values: Sequence[int]) -> Words:
        """One state from the values of `fields`, those that are left out being 0."""
        words = [0] * self.words
        words[0] = 1 << (WORD - 1)
        for place, value in zip(self.fields(), values, strict=False):
            if value >> place.bits:
                raise OverflowError(f"{value} does not fit {place.bits} bits")
            words[place.word] |= value << place.shift
        return np.array(words, np.uint64)


def repacking(old: Layout, new: Layout) -> Words:
    """How a state moves from a layout to another that has at least its fields, in the same order a group.

    Returns: rows of (old word, old shift, mask, new word, new shift); fields that stay side by side move together.
    """
    groups = (
        (old.nodes, new.nodes),
        (old.channels, new.channels),
        (old.budgets, new.budgets),
        ([old.cut], [new.cut]),
        (old.envelopes, new.envelopes),
    )
    pairs = [pair for before, after in groups for pair in zip(before, after, strict=False) if pair[0].bits]
    moves: list[tuple[Place, Place]] = []
    for source, target in sorted(pairs):
        if moves:
            before, after = moves[-1]
            side_by_side = before.word == source.word and before.shift + before.bits == source.shift
            moved_alike = after.word == target.word and after.shift - before.shift == target.shift - source.shift
            if side_by_side and moved_alike:
                bits = before.bits + source.bits
                moves[-1] = (before._replace(bits=bits), after)
                continue
        moves.append((source, target))
    rows = [(a.word, a.shift, (1 << a.bits) - 1, b.word, b.shift) for a, b in moves]
    return np.array(rows, np.uint64).reshape(-1, 5)


def places(fields: Sequence[Place]) -> Numbers:
    """Words, shifts and widths as an array of shape (fields, 3); at least one row, so that no array is empty."""
    return np.array(fields or [NOWHERE], np.int64).reshape(-1, 3)
