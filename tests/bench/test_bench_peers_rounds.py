"""Rounds with a checker of our own making: order, refusals, what is skipped, what is not repeated."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.peers import rounds
from bench.peers.contender import Contender, MissingError, Options, read_line
from bench.peers.rounds import Measurement, Patience, run_rounds, too_costly
from bench.peers.tools import python, spin, stateright, tlc
from bench.peers.workload import TWOPHASE, Workload

GENEROUS = Patience(longest_seconds=100, once_seconds=50, memory_bytes=2**40)


def checker(name: str, *, wrong: int = 0) -> Contender:
    def command(workload: Workload, size: int) -> list[str]:
        found = {"distinct": workload.known(size).distinct + wrong * (size > 1), "seconds": 0.0, "holds": True}
        return [sys.executable, "-S", "-c", f"print({json.dumps(found)!r})"]

    return Contender(name, name, "1", 1, exact=True, command=command, read=read_line)


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "measure_limits", lambda *_: [])


def test_rounds_are_interleaved_and_rotate(capsys: pytest.CaptureFixture[str]) -> None:
    results = run_rounds([checker("first"), checker("second")], [(TWOPHASE, 2), (TWOPHASE, 3)], 2, GENEROUS, [1])

    assert [(item.round, item.size, item.contender) for item in results.measurements] == [
        (1, 2, "first"),
        (1, 2, "second"),
        (1, 3, "first"),
        (1, 3, "second"),
        (2, 2, "second"),
        (2, 2, "first"),
        (2, 3, "second"),
        (2, 3, "first"),
    ]
    assert results.skips == []
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 8


def test_a_wrong_count_is_reported_once_and_never_measured() -> None:
    results = run_rounds([checker("liar", wrong=1)], [(TWOPHASE, 2)], 2, GENEROUS, [1])

    name = "Two-phase commit, 2 resource managers"
    assert results.measurements == []
    assert [(skip.name, skip.reason) for skip in results.skips] == [
        (f"liar: {name}", f"failed: liar, {name}: 57 distinct states, expected 56"),
    ]


def test_ctrl_c_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_workload: Workload, _size: int) -> list[str]:
        raise KeyboardInterrupt

    results = run_rounds(
        [checker("first"), replace(checker("second"), command=interrupted)], [(TWOPHASE, 2)], 2, GENEROUS, [1]
    )

    assert [item.contender for item in results.measurements] == ["first"]


def test_a_program_that_breaks_is_tried_again_in_the_next_round() -> None:
    broken = replace(checker("broken"), command=lambda *_: [sys.executable, "-c", "raise SystemExit(9)"])

    results = run_rounds([broken], [(TWOPHASE, 2)], 2, GENEROUS, [1])

    assert [skip.name.rpartition(", ")[2] for skip in results.skips] == ["round 1", "round 2"]


def test_a_long_exploration_is_not_repeated() -> None:
    results = run_rounds([checker("slow")], [(TWOPHASE, 2)], 3, Patience(100, 0.0, 2**40), [1])

    assert [item.round for item in results.measurements] == [1]


def test_an_exploration_that_would_cost_too_much_is_skipped_by_estimate() -> None:
    before, after = TWOPHASE.known(7), TWOPHASE.known(9)
    smaller = Measurement("it", "twophase", 7, 1, 1.0, 1.0, 2**20, 11.0, 11.0, 2**20 + before.distinct * 100, None, 0.0)
    expected = 10 * after.inside / before.inside

    def verdict(earlier: list[Measurement], patience: Patience) -> str:
        return too_costly(earlier, TWOPHASE, 9, patience)

    assert verdict([], GENEROUS) == ""
    assert verdict([replace(smaller, size=5)], Patience(0, 1, 0)) == ""
    assert verdict([smaller], Patience(expected + 1, 1, 2**40)) == ""
    assert f"about {expected:.0f} s" in verdict([smaller], Patience(expected - 1, 1, 2**40))
    assert "GiB" in verdict([smaller], Patience(expected + 1, 1, after.distinct * 100))


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = Options(tmp_path, None, "no-such-python", "no-such-python", 2)
    monkeypatch.setenv("PATH", str(tmp_path))

    for find, words in (
        (spin.find, "spin is not on the path"),
        (stateright.find, "cargo is not on the path"),
        (tlc.find, "--tla2tools"),
        (python.find_musil, "--musil-python"),
        (python.find_minicheck, "minicheck is not installed in no-such-python"),
    ):
        with pytest.raises(MissingError, match=words):
            find(options)
