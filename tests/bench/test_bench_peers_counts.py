"""Only the known counts are accepted, from whatever a checker prints."""

import json

import pytest

from bench.peers.contender import read_line
from bench.peers.tools import ours, spin, tlc
from bench.peers.workload import Counts, WrongCountError, distinct_states, generated_states, require_exact

SPIN_REPORT = """
Full statespace search for:
\tassertion violations\t+
State-vector 28 byte, depth reached 10, errors: 0
      288 states, stored
      858 states, matched
     1146 transitions (= stored+matched)
        0 atomic steps
pan: elapsed time 0.01 seconds
"""
TLC_REPORT = """
Model checking completed. No error has been found.
1146 states generated, 288 distinct states found, 0 states left on queue.
"""
OUR_REPORT = {"model": "twophase", "verdict": "holds", "distinct_states": 288, "transitions": 1146, "seconds": 0.5}


def test_the_published_counts() -> None:
    assert [distinct_states(rms) for rms in (3, 5, 7, 9)] == [288, 8_832, 296_448, 10_340_352]
    assert [generated_states(rms) for rms in (3, 5, 7, 9)] == [1_146, 58_146, 2_744_706, 123_558_402]


def test_reports_of_every_kind_are_read() -> None:
    line = '{"distinct": 288, "seconds": 0.5, "holds": true}'

    assert spin.read(SPIN_REPORT) == Counts(288, 1146, holds=True, seconds=0.01)
    assert tlc.read(TLC_REPORT) == Counts(288, 1146, holds=True)
    assert ours.read(json.dumps(OUR_REPORT)) == Counts(288, 1146, holds=True, seconds=0.5)
    assert ours.read(json.dumps({"models": [OUR_REPORT]})) == Counts(288, 1146, holds=True, seconds=0.5)
    assert read_line(f"warming up\n{line}\n") == Counts(288, None, holds=True, seconds=0.5)


@pytest.mark.parametrize("read", [spin.read, tlc.read, ours.read, read_line])
def test_an_output_of_another_form_is_an_error(read: object) -> None:
    with pytest.raises(ValueError, match=r"not the report|no line of JSON|no JSON"):
        read("Segmentation fault")  # type: ignore[operator]


def test_an_incomplete_spin_search_does_not_hold() -> None:
    assert not spin.read(SPIN_REPORT + "error: max search depth too small\n").holds
    assert not spin.read(SPIN_REPORT + "Warning: Search incomplete\n").holds
    assert not spin.read(SPIN_REPORT.replace("errors: 0", "errors: 1")).holds


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(287, 1146, holds=True), "287 distinct states, expected 288"),
        (Counts(288, 1145, holds=True), "1145 states generated, expected 1146"),
        (Counts(288, None, holds=False), "did not report that the invariant holds"),
    ],
)
def test_a_wrong_count_is_refused(counts: Counts, words: str) -> None:
    with pytest.raises(WrongCountError, match=words):
        require_exact("a checker", 3, counts)
