"""Only the known counts are accepted, from whatever a checker prints."""

import json
import sys
from pathlib import Path

import pytest

from bench.peers.contender import Options, read_line
from bench.peers.measure import run
from bench.peers.tools import ours, spin, tlc
from bench.peers.tools.python import find_minicheck
from bench.peers.workload import MUTEX, TWOPHASE, WORKLOADS, Counts, Workload, WrongCountError, require_exact
from coordfsm.check.exploration.reference import explore
from coordfsm.check.modelling import registry

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
    known = [TWOPHASE.known(rms) for rms in (3, 5, 7, 9)]

    assert [item.distinct for item in known] == [288, 8_832, 296_448, 10_340_352]
    assert [item.generated for item in known] == [1_146, 58_146, 2_744_706, 123_558_402]
    assert (MUTEX.known(6).distinct, MUTEX.known(6).generated) == (724_274, 2_729_079)


def test_reports_of_every_kind_are_read() -> None:
    line = '{"distinct": 288, "seconds": 0.5, "holds": true}'

    assert spin.read(SPIN_REPORT) == Counts(288, 1146, holds=True, seconds=0.01)
    assert tlc.read(TLC_REPORT) == Counts(288, 1146, holds=True)
    assert ours.read(json.dumps([OUR_REPORT], indent=1)) == Counts(288, 1146, holds=True, seconds=0.5)
    assert read_line(f"warming up\n{line}\n") == Counts(288, None, holds=True, seconds=0.5)


@pytest.mark.parametrize("read", [spin.read, tlc.read, ours.read, read_line])
def test_an_output_of_another_form_is_an_error(read: object) -> None:
    with pytest.raises(ValueError, match=r"not the report|no line of JSON|no JSON"):
        read("Segmentation fault")  # type: ignore[operator]


def test_large_counts_of_spin_are_read_as_far_as_they_are_exact() -> None:
    large = SPIN_REPORT.replace("     288 states, stored", "1.0340352e+07 states, stored")
    large = large.replace("    1146 transitions", "1.235584e+08 transitions")

    assert spin.read(large) == Counts(10_340_352, None, holds=True, seconds=0.01)
    with pytest.raises(ValueError, match="rounds the number of states"):
        spin.read(SPIN_REPORT.replace("     288 states, stored", "1.235584e+08 states, stored"))


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
        require_exact("a checker", TWOPHASE, 3, counts)


def test_transitions_out_of_bounds_may_be_counted_or_not() -> None:
    known = MUTEX.known(6)

    for generated in (known.generated, known.inside, None):
        require_exact("a checker", MUTEX, 6, Counts(known.distinct, generated, holds=True))
    with pytest.raises(WrongCountError, match="Mutual exclusion, 6 clock ticks"):
        require_exact("a checker", MUTEX, 6, Counts(known.distinct, known.inside + 1, holds=True))


def test_our_own_model_of_mutual_exclusion_has_the_known_counts() -> None:
    entry = registry.find(ours.OWN_MODELS["mutex"])

    report = explore(entry.build({"latest": 2}))

    assert (report.verdict, report.distinct_states) == ("holds", MUTEX.known(2).distinct)
    assert report.transitions == MUTEX.known(2).inside
    assert report.transitions + report.cut_off == MUTEX.known(2).generated


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_minicheck_finds_the_known_counts(workload: Workload) -> None:
    pytest.importorskip("minicheck")
    (contender,) = find_minicheck(Options(Path(), None, sys.executable, sys.executable, 1))

    for size in workload.sizes[:2]:
        counts = contender.read(run(contender.command(workload, size)).output)
        require_exact(contender.name, workload, size, counts)
