"""Counts that others have published. An engine that gives another number is wrong."""

from dataclasses import replace

import pytest

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Multiset
from coordfsm.check.models import lamport, paxos_commit, pingpong, tcommit, twophase
from coordfsm.kernel import ModelError


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


def test_paxos_commit():
    """Gray and Lamport's PaxosCommit: two resource managers, three acceptors, ballots 0 and 1; TLC's counts."""
    found = native.explore(paxos_commit.build(rms=2, acceptors=3), threads=2)
    assert found.verdict == "holds"
    assert (found.distinct_states, found.transitions, found.depth) == (1_321_761, 16_959_159, 28)


@pytest.mark.parametrize(("rms", "acceptors"), [(1, 1), (1, 3), (2, 1)])
def test_what_is_read_is_the_same_for_both_explorers(rms, acceptors):
    model = paxos_commit.build(rms, acceptors)
    left, right = reference.explore(model), native.explore(model)
    assert (left.verdict, left.distinct_states, left.transitions, left.depth, left.never_fired) == (
        right.verdict,
        right.distinct_states,
        right.transitions,
        right.depth,
        right.never_fired,
    )


@pytest.mark.parametrize("explore", [reference.explore, native.explore], ids=["reference", "native"])
def test_a_leader_that_ignores_what_it_reads_breaks_agreement(explore, monkeypatch):
    monkeypatch.setattr(paxos_commit, "allowed", lambda quorum, answers: "aborted" if answers else "")
    found = explore(paxos_commit.build(rms=1, acceptors=1))
    assert found.verdict == "holds"  # one resource manager cannot disagree with itself
    found = explore(paxos_commit.build(rms=2, acceptors=1))
    assert found.verdict == "violated"
    assert found.counterexample is not None
    assert found.counterexample.property == "TC"


@pytest.mark.parametrize("option", [{"symmetry": True}, {"checkpoint": "search.npz"}], ids=str)
def test_what_does_not_go_with_reading_is_refused(option):
    with pytest.raises(ModelError, match="paxos-commit: a node reads what is in flight: no "):
        native.explore(paxos_commit.build(), **option)
    with pytest.raises(ModelError, match="expected an UnreliableSet without loss"):
        reference.explore(replace(paxos_commit.build(), network=Multiset()))
