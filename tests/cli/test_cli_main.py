"""The command line as a whole: help, unknown words, exit codes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordfsm.cli.main import COMMANDS, build_parser, main

HEAVY = ("numba", "numpy", "hypothesis", "statemachine", "msgspec", "rich", "asyncio", "graphviz", "sqlite3")


def test_without_a_command_the_help_is_shown(run):
    outcome = run()
    assert (outcome.code, outcome.err) == (0, "")
    assert "verify" in outcome.out
    assert outcome.out == run("--help").out


def test_help_names_every_command_and_the_exit_codes(run):
    out = run("--help").out
    for word in ("verify", "replay", "fuzz", "70  internal error"):
        assert word in out


@pytest.mark.parametrize("command", build_parser()._subparsers._group_actions[0].choices)
def test_every_command_explains_itself(run, command):
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: coordfsm {command}")
    assert "==SUPPRESS==" not in outcome.out


def test_commands_are_listed_once():
    assert len(set(COMMANDS)) == len(COMMANDS)


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from coordfsm.cli.main import build_parser; build_parser().format_help();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    started = time.monotonic()
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n", f"after {time.monotonic() - started:.1f} s"


def test_an_unknown_command_or_flag_is_a_usage_error(run):
    assert run("verfy").code == 2
    outcome = run("verify", "--speed", "9")
    assert outcome.code == 2
    assert "unrecognized arguments: --speed" in outcome.err


def test_the_version_is_shown(run):
    assert run("--version").out.startswith("coordfsm 0.")


def test_an_error_inside_is_told_from_a_mistake_of_the_user(run, monkeypatch):
    monkeypatch.setattr("coordfsm.cli.reports.catalogue.run", lambda _arguments: 1 // 0)
    outcome = run("verify", "--list")
    assert outcome.code == 70
    assert "coordfsm: internal error: ZeroDivisionError" in outcome.err
    assert outcome.out == ""


def test_ctrl_c_is_no_traceback(run, monkeypatch):
    def interrupt(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("coordfsm.cli.reports.catalogue.run", interrupt)
    outcome = run("verify", "--list")
    assert (outcome.code, outcome.err) == (3, "coordfsm: interrupted\n")


def test_a_reader_who_has_seen_enough_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m coordfsm.cli.main verify --list --json | head -c 10",
        shell=True,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (len(done.stdout), done.stderr) == (10, "")


def test_the_reference_names_every_command():
    text = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    for name in build_parser()._subparsers._group_actions[0].choices:
        assert f"`{name}`" in text, name


@pytest.mark.parametrize(
    "arguments",
    [["demo", "--entities", "-1"], ["demo", "--entities", "0"], ["demo", "--kills", "-1"], ["demo", "--kills", "x"],
     ["explore", "twophase", "--port", "-1"], ["explore", "twophase", "--port", "65536"]],
)  # fmt: skip
def test_numbers_out_of_range_are_refused_with_what_was_expected(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "expected a whole number from" in capsys.readouterr().err
