"""The table of slots: every state stands where a look-up finds it, however full the table is."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from coordfsm.check.native.kernel import MIX1, MIX2, insert_again
from coordfsm.check.native.states.visited import Visited

SLOTS = 256
SHIFT = np.uint64(64 - 8)
Words = npt.NDArray[np.uint64]


def empty_slots() -> Words:
    memory = np.zeros(SLOTS + 8, np.uint64)
    return memory[-memory.ctypes.data % 64 // 8 :][:SLOTS]


def states(number: int, words: int) -> Words:
    drawn = np.random.default_rng(number).integers(1, 1 << 63, (number, words), dtype=np.uint64)
    return np.ascontiguousarray(drawn).reshape(-1)


def home(word: int, slots: int = SLOTS) -> int:
    """The first slot of the bucket where a state of one word belongs, computed another way than in the kernel."""
    mask = (1 << 64) - 1
    mixed = word * int(MIX1) & mask
    mixed = (mixed ^ mixed >> 32) * int(MIX2) & mask
    return (mixed * slots >> 64) // 8 * 8


def all_found(slots: Words, known: Words) -> bool:
    """Whether a search from each state's bucket on meets the state before it meets a free slot."""
    for word in known.tolist():
        for step in range(len(slots)):
            held = int(slots[(home(word, len(slots)) + step) % len(slots)])
            if held == word:
                break
            if held == 0:
                return False
        else:
            return False
    return True


@pytest.mark.parametrize("number", [1, 100, 180, SLOTS - 1])
def test_each_state_is_found_from_its_bucket_on(number: int) -> None:
    known, slots = states(number, 1), empty_slots()

    insert_again(1, known, slots, 0, number, SHIFT, False)  # noqa: FBT003  (compiled)

    assert sorted(slots[slots != 0].tolist()) == sorted(known.tolist())
    assert all_found(slots, known)


def test_threads_that_insert_at_once_lose_nothing() -> None:
    known, slots = states(SLOTS - 8, 1), empty_slots()

    def insert(part: int) -> None:
        insert_again(1, known, slots, part * 31, part * 31 + 31, SHIFT, True)  # noqa: FBT003  (compiled)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(insert, range(8)))

    assert sorted(slots[slots != 0].tolist()) == sorted(known.tolist())
    assert all_found(slots, known)


def test_a_state_of_several_words_is_found_by_half_its_hash_and_its_number() -> None:
    known, slots = states(200, 3), empty_slots()

    insert_again(3, known, slots, 0, 200, SHIFT, False)  # noqa: FBT003  (compiled)

    numbers = [int(held & np.uint64(0xFFFFFFFF)) - 1 for held in slots if held]
    assert sorted(numbers) == list(range(200))


def test_growth_keeps_what_was_there_and_begins_with_a_cache_line() -> None:
    visited = Visited(1, 1 << 24)
    first = states(1, 1)
    visited.add_first(first)

    visited.grow(20_000, [(0, 1)])

    slots = visited.store.slots
    assert len(slots) > 20_000
    assert slots.ctypes.data % 64 == 0
    assert slots[slots != 0].tolist() == first.tolist()


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("size", [100, 3_000, 6_000])
def test_states_in_many_segments_enter_by_any_number_of_threads(size: int, threads: int) -> None:
    """Below a certain number one thread enters them all; segments must not be entered side by side then."""
    known = states(16 * size, 1)
    segments = [(start, start + size) for start in range(0, len(known), size)]
    for _ in range(3):
        visited = Visited(1, 1 << 24, threads)

        visited.restore(known, np.zeros(len(known), np.uint32), segments)

        slots = visited.store.slots
        assert np.array_equal(np.sort(slots[slots != 0]), np.sort(known))
        assert all_found(slots, known)
