"""Running a program and measuring it, with programs of a few milliseconds."""

import sys

import pytest

from bench.peers.measure import ProgramError, run

MEBIBYTE = 2**20


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_run_tells_output_time_and_peak_memory() -> None:
    cost = run(python("import time; block = bytearray(300_000_000); time.sleep(0.05); print(len(block))"))

    assert cost.output == "300000000\n"
    assert cost.seconds >= 0.05
    assert cost.cpu_seconds > 0
    assert 300_000_000 <= cost.peak_bytes <= 400_000_000


def test_a_small_child_is_not_charged_for_the_memory_of_its_parent() -> None:
    ballast = bytearray(200 * MEBIBYTE)

    cost = run(["sleep", "0.05"])

    assert len(ballast) == 200 * MEBIBYTE
    assert 0 < cost.peak_bytes < 100 * MEBIBYTE


def test_a_program_that_fails_is_an_error_that_shows_its_words() -> None:
    with pytest.raises(ProgramError, match="ended with 3") as caught:
        run(python("print('no such model'); raise SystemExit(3)"))

    assert caught.value.output == "no such model\n"


def test_a_program_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(ProgramError, match="after 0 s"):
        run(["sleep", "60"], timeout_seconds=0.1)
