"""The loops that measure the physical limit do what they claim: every key is found or inserted once."""

import pytest

from bench.peers.limit import LOOPS, free_table, insertions_per_second, table_slots


@pytest.mark.parametrize("loop", LOOPS)
def test_every_key_is_inserted_once(loop: str) -> None:
    table = free_table(table_slots(1000))

    new = LOOPS[loop](table, 1000, 12_000)

    kept = table[table != 0]
    assert new == 1000 == len(set(kept.tolist())) == len(kept)
    assert LOOPS[loop](table, 1000, 12_000) == 0


def test_all_loops_use_the_same_keys() -> None:
    tables = [free_table(2048) for _ in LOOPS]

    for loop, table in zip(LOOPS.values(), tables, strict=True):
        loop(table, 1000, 12_000)

    kept = [sorted(table[table != 0].tolist()) for table in tables]
    assert kept[0] == kept[1] == kept[2]


def test_the_table_is_the_smallest_that_is_not_too_full() -> None:
    assert [table_slots(keys) for keys in (1, 2, 717, 10_340_352)] == [2, 4, 2048, 2**24]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_share_the_work(threads: int) -> None:
    rate, cpu_rate = insertions_per_second("plain", 1000, 12_000, threads)

    assert rate > 0
    assert cpu_rate > 0
