"""Counts that others have published. An engine that gives another number is wrong."""

import pytest

from coordfsm.check import native
from coordfsm.check.models import lamport, pingpong, tcommit, twophase


@pytest.mark.parametrize("rms", [1, 2, 3, 5, 7])
def test_two_phase_commit(rms):
    """Gray and Lamport's TwoPhase; counts in closed form."""
    found = native.explore(twophase.build(rms))
    assert found.verdict == "holds"
    assert found.distinct_states == 2**rms + 4**rms + 6**rms
    assert found.transitions == 2 + (rms + 1) * 4**rms + 4 * rms * 6**rms // 3 + rms * 2**rms
    assert found.depth == 3 * rms + 2


def test_two_phase_commit_with_nine_resource_managers():
    found = native.explore(twophase.build(9), threads=2)
    assert (found.distinct_states, found.transitions, found.depth) == (10_340_352, 123_558_402, 29)
    assert found.details["bytes_per_state"] <= 48


@pytest.mark.parametrize("rms", [1, 2, 3, 5])
def test_transaction_commit(rms):
    """Gray and Lamport's TCommit."""
    found = native.explore(tcommit.build(rms))
    assert (found.distinct_states, found.depth) == (3**rms + 2**rms - 1, 2 * rms + 1)
    assert rms != 3 or found.transitions == 94


@pytest.mark.parametrize("top", [1, 5, 6])
def test_ping_pong(top):
    """Stateright's example over a lossy, duplicating network."""
    found = native.explore(pingpong.build(top))
    assert (found.distinct_states, found.depth) == (4 ** (top + 1) - 2, 4 * top + 2)


def test_lamports_mutual_exclusion():
    """The TLA+ examples' MCLamportMutex; TLC also counts what it generates beyond the constraint."""
    found = native.explore(lamport.build(processes=3, top=6))
    assert (found.distinct_states, found.depth) == (724_274, 61)
    assert found.transitions + found.cut_off == 2_729_079
