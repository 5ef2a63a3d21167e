"""The visited set: exact, growing, shared by threads that each append to blocks of their own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.kernel import Store, insert_again, repack
from coordfsm.check.native.states.layout import Layout, Words, repacking
from coordfsm.check.native.states.resident import Resident, TooLargeError
from coordfsm.check.native.steps.wiring import Wirer

FULL = 0.7  # share of the slots that may be taken
FIRST_SLOTS = 1 << 12
CACHE_LINE = 64  # bytes
MANY_STATES = 1 << 16  # entered anew by several threads, in parts of this size
SMALL_SLOTS = 1 << 23  # below this the table grows fourfold: entering all states anew costs more than the memory
MOST_STATES = (1 << 32) - 2  # a state's number and its parent's are 32 bits

Segment = tuple[int, int]
"""States that stand one after another in the list: first number, and the number after the last."""


class Visited:
    """Every state found, packed, in the order of discovery (of each thread), with parents and slots.

    Attributes:
        words: 64-bit words a state.
        end: the number after the last place handed out; with several threads some places before it may be free.
        most_bytes: what the arrays may take.
    """

    def __init__(self, words: int, most_bytes: int, threads: int = 1, resident: Resident | None = None) -> None:
        self.words = words
        self._resident = resident or Resident()
        self._threads = threads
        self.most_bytes = most_bytes
        self.end = 0
        self._states, self._parents = self._reserve()
        self._all_slots = _reserve_slots(most_bytes)
        self._slots = self._all_slots[:FIRST_SLOTS]

    @property
    def store(self) -> Store:
        """The arrays as compiled code sees them."""
        return Store(self._states, self._parents, self._slots)

    @property
    def shift(self) -> np.uint64:
        """How far a hash is shifted to give a slot."""
        return np.uint64(64 - (len(self._slots).bit_length() - 1))

    @property
    def bytes(self) -> int:
        """Memory in use: places handed out, and all slots."""
        return self.end * (8 * self.words + 4) + self._slots.nbytes

    def add_first(self, states: Words) -> None:
        """Enter the initial states, shape (states, words), as the first numbers.

        Raises:
            TooLargeError: they do not fit the memory that may be used.
        """
        if len(states) > self.room:
            self.grow(len(states), [])
        self._states[: states.size] = states.reshape(-1)
        self._parents[: len(states)] = np.arange(len(states))
        self.end = len(states)
        self._enter(len(self._slots), [(0, self.end)])

    def parent(self, number: int) -> int:
        """The number of the state from which a state was found first; initial states are their own parents."""
        return int(self._parents[number])

    def state(self, number: int) -> Words:
        """One packed state."""
        return self._states[number * self.words : (number + 1) * self.words]

    def rows(self, segment: Segment) -> Words:
        """The packed states of a segment, shape (states, words)."""
        return self._states[segment[0] * self.words : segment[1] * self.words].reshape(-1, self.words)

    @property
    def room(self) -> int:
        """Places that can be handed out before the arrays must grow."""
        return min(self._places, int(FULL * len(self._slots))) - self.end

    def block(self, size: int) -> Segment | None:
        """Hand out places for `size` further states; None if the arrays must grow first."""
        if size > self.room:
            return None
        self.end += size
        return self.end - size, self.end

    def give_back(self, free: Segment) -> None:
        """Return the free rest of the block that was handed out last."""
        if free[1] == self.end:
            self.end = free[0]

    def grow(self, size: int, segments: list[Segment]) -> None:
        """Make room for a block of `size`. No thread may be at work.

        Raises:
            TooLargeError: the limit does not allow it; nothing has changed.
        """
        had = slots = len(self._slots)
        while self.end + size > int(FULL * slots):
            slots *= 4 if slots < SMALL_SLOTS and self._allows(had, 4 * slots) else 2
        if not self._allows(had, slots) or slots > len(self._all_slots) or self.end + size > self._places:
            raise TooLargeError
        if slots > len(self._slots):
            self._enter(slots, segments)

    def _allows(self, had: int, slots: int) -> bool:
        """Whether the table may have so many slots, though so far it had fewer."""
        in_use = self.end * (8 * self.words + 4)
        return in_use + slots * 8 <= self.most_bytes and self._resident.allows((slots - had) * 8)

    def repack(self, wirer: Wirer, old: Layout, segments: list[Segment]) -> None:
        """Move to a new layout: every state is packed anew.

        Raises:
            TooLargeError: the limit does not allow it; nothing has changed.
        """
        words = wirer.layout.words
        self._resident.take(self.end * 8 * max(0, words - self.words))
        if self.end * (8 * words + 4) + self._slots.nbytes > self.most_bytes:
            raise TooLargeError
        moves = repacking(old, wirer.layout)
        ordered = segments if words <= self.words else segments[::-1]
        for first, last in ordered:
            repack(self._states, moves, self.words, words, first, last)
        self.words = words
        self._enter(len(self._slots), segments)

    @property
    def _places(self) -> int:
        return min(len(self._parents), len(self._states) // self.words)

    def _reserve(self) -> tuple[Words, npt.NDArray[np.uint32]]:
        """Address space for all the states that memory can hold; pages that nobody has written take no memory."""
        size = self.most_bytes
        while True:
            try:
                return np.empty(size // 8, np.uint64), np.empty(min(size // 12 + 1, MOST_STATES), np.uint32)
            except MemoryError:
                if size < FIRST_SLOTS * 8:
                    raise
                size //= 2

    def _enter(self, slots: int, segments: list[Segment]) -> None:
        """Enter all states in that many slots."""
        self._slots = self._all_slots[:slots]
        store, shift, shared = self.store, self.shift, self._threads > 1 and self.end >= MANY_STATES

        def clear(part: Segment) -> None:
            self._slots[slice(*part)].fill(0)

        def enter(part: Segment) -> None:
            insert_again(self.words, store.states, store.slots, *part, shift, shared)

        # Slots are cleared also where they are free anyway: then each page is made once, by one thread.
        if shared:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(clear, _parts([(0, slots)])))
                list(pool.map(enter, _parts(segments)))
        else:
            clear((0, slots))
            for segment in segments:
                enter(segment)

    def restore(self, states: Words, parents: npt.NDArray[np.uint32], segments: list[Segment]) -> None:
        """Take over saved states in the present layout.

        Raises:
            TooLargeError: they do not fit the memory that may be used.
        """
        end = len(parents)
        self.end = 0
        self.grow(max(end, 1), [])
        self._states[: len(states)] = states
        self._parents[:end] = parents
        self.end = end
        self._enter(len(self._slots), segments)


def _parts(segments: list[Segment]) -> list[Segment]:
    """The same numbers in parts that threads share."""
    return [
        (start, min(start + MANY_STATES, last)) for first, last in segments for start in range(first, last, MANY_STATES)
    ]


def _reserve_slots(most_bytes: int) -> Words:
    """Address space for the slots that memory can hold, free and beginning with a cache line; as `_reserve`."""
    number = 1 << (max(most_bytes // 8, FIRST_SLOTS).bit_length() - 1)
    while True:
        try:
            memory = np.zeros(number + CACHE_LINE // 8, np.uint64)
        except MemoryError:
            if number == FIRST_SLOTS:
                raise
            number //= 2
        else:
            skipped = -memory.ctypes.data % CACHE_LINE // 8
            return memory[skipped : skipped + number]
