"""The physical limit: how fast this machine finds or inserts random keys in a table of the same size and word width.

An exploration finds or inserts every transition's target in the set of visited states. This loop does nothing else:
as many operations as the model has transitions, over as many keys as it has states, one 64-bit word a state, open
addressing with linear probing in a table of the smallest power of two that is at most 70 % full. Keys are made by
mixing the bits of a counter, so that nothing but the table is read from memory.

``python -m bench.peers.limit KEYS OPERATIONS THREADS`` prints one line of JSON. With several threads each
has a table for its share of the keys, so they never wait for each other: what is measured is an upper bound.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit

from coordfsm.check.native.states import bits

match_bucket: Any = bits.match_bucket
prefetch: Any = bits.prefetch
trailing_zeros: Any = bits.trailing_zeros
FULLEST = 0.7
BATCH = 64  # operations whose slots are computed ahead, so that their cache misses overlap


@njit(cache=True, nogil=True, inline="always")
def _mix(number: np.uint64) -> np.uint64:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection of 64 bits."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _key(operation: np.uint64, keys: np.uint64) -> np.uint64:
    """A key for an operation: the first `keys` operations bring a new one each, the others any of them. Never 0."""
    if operation >= keys:
        # The high half of a 32 by 32 bit product maps a random word to a range without a division.
        operation = ((_mix(operation) >> np.uint64(32)) * keys) >> np.uint64(32)
    return _mix(operation + np.uint64(1)) | np.uint64(1) << np.uint64(63)


@njit(cache=True, nogil=True)
def plain(table: Any, keys: Any, operations: Any) -> int:
    """One operation after the other. Returns how many keys were new."""
    mask = np.uint64(table.size - 1)
    new = 0
    for operation in range(operations):
        key = _key(np.uint64(operation), np.uint64(keys))
        slot = _mix(key) & mask
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] == 0:
            table[slot] = key
            new += 1
    return new


@njit(cache=True, nogil=True)
def batched(table: Any, keys: Any, operations: Any) -> int:
    """The same, with the first reads of a batch issued together. Returns how many keys were new."""
    mask = np.uint64(table.size - 1)
    wanted = np.empty(BATCH, np.uint64)
    slots = np.empty(BATCH, np.uint64)
    touched = np.uint64(0)
    new = 0
    done = 0
    while done < operations:
        size = min(BATCH, operations - done)
        for item in range(size):
            wanted[item] = _key(np.uint64(done + item), np.uint64(keys))
            slots[item] = _mix(wanted[item]) & mask
        for item in range(size):
            touched ^= table[slots[item]]
        for item in range(size):
            key, slot = wanted[item], slots[item]
            while table[slot] != 0 and table[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if table[slot] == 0:
                table[slot] = key
                new += 1
        done += size
    # `touched` is in the result so that the compiler keeps the reads. Were it ever all ones, the caller would raise.
    return new if touched != np.uint64(0xFFFFFFFFFFFFFFFF) else 0


@njit(cache=True, nogil=True)
def bucketed(table: Any, keys: Any, operations: Any) -> int:
    """Batched, and eight slots, one cache line, are compared at once. Returns how many keys were new."""
    mask = np.uint64(table.size - 1)
    wanted = np.empty(BATCH, np.uint64)
    buckets = np.empty(BATCH, np.uint64)
    eight, everything = np.uint64(8), ~np.uint64(0)
    new = 0
    done = 0
    while done < operations:
        size = min(BATCH, operations - done)
        for item in range(size):
            wanted[item] = _key(np.uint64(done + item), np.uint64(keys))
            buckets[item] = _mix(wanted[item]) & mask & ~np.uint64(7)
            prefetch(table, buckets[item])
        for item in range(size):
            bucket = buckets[item]
            while True:
                match = match_bucket(table, bucket, everything, wanted[item])
                if match & np.uint64(255):
                    break
                if match:
                    table[bucket + trailing_zeros(match >> eight)] = wanted[item]
                    new += 1
                    break
                bucket = (bucket + eight) & mask
        done += size
    return new


LOOPS = {"plain": plain, "batched": batched, "bucketed": bucketed}


def table_slots(keys: int) -> int:
    """The smallest power of two that is at most `FULLEST` full with `keys` keys."""
    slots = 1
    while keys > FULLEST * slots:
        slots *= 2
    return slots


def free_table(slots: int) -> Any:
    """Free slots that begin with a cache line."""
    memory = np.zeros(slots + 8, np.uint64)
    return memory[-memory.ctypes.data % 64 // 8 :][:slots]


def insertions_per_second(loop: str, keys: int, operations: int, threads: int) -> tuple[float, float]:
    """How many operations the machine does a second, and a second of processor time.

    Args:
        loop: a name of `LOOPS`.
        keys: distinct keys in all.
        operations: finds and insertions in all, at least as many as keys.
        threads: threads that share the keys and the operations evenly.
    """
    share, work = keys // threads, operations // threads
    tables = [free_table(table_slots(share)) for _ in range(threads)]
    for table in tables:
        table.fill(0)  # its pages are mapped before the clock starts
    LOOPS[loop](free_table(8), 1, 1)  # compiled before the clock starts
    with ThreadPoolExecutor(threads) as pool:
        started, cpu_started = time.perf_counter(), time.process_time()
        found = list(pool.map(lambda table: LOOPS[loop](table, share, work), tables))
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    if found != [share] * threads:
        raise ArithmeticError(f"{found} new keys, expected {share} in each of {threads} threads")
    return operations / seconds, operations / max(cpu_seconds, 1e-9)


def main() -> None:
    keys, operations, threads = (int(word) for word in sys.argv[1:])
    rates = {loop: insertions_per_second(loop, keys, operations, threads) for loop in LOOPS}
    wall = {loop: rate for loop, (rate, _) in rates.items()}
    cpu = {loop: rate for loop, (_, rate) in rates.items()}
    slots = table_slots(keys // threads) * threads
    print(json.dumps({"table_bytes": 8 * slots, "rates": wall, "cpu_rates": cpu}))


if __name__ == "__main__":
    main()
