"""The sessions of the documentation, typed again against a scratch cluster of real processes.

Names of views, incarnations and times differ from run to run, so of an answer its exit code, its first word and its
number of lines are compared. A cluster takes a moment for what a reader's fingers take longer for: a command is
repeated until it answers as documented, for a bounded time.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PATIENCE_S = 40.0
PORTS = ("7401", "7402", "7403")
EXIT = re.compile(r"\[exit code (\d+)\]\n?")


@dataclass(frozen=True)
class Line:
    """A command, and what the page says that it answers."""

    command: str
    code: int
    first: str
    rows: int


def session(page: Path) -> list[Line]:
    text = re.sub(r"<!-- not run: .*? -->\n```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    blocks = "".join(re.findall(r"^```\n(\$ .*?)^```$", text, re.MULTILINE | re.DOTALL))
    lines = []
    for command, answer in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE):
        code, told = EXIT.search(answer), EXIT.sub("", answer)
        lines.append(Line(command, int(code[1]) if code else 0, (told.split() or [""])[0], len(told.splitlines())))
    return lines


class Terminal:
    """A shell in a directory of its own, with jobs that end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: list[subprocess.Popen[bytes]] = []
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "120"}

    def type(self, line: Line) -> None:
        command = re.sub("|".join(PORTS), lambda port: self.ports[port[0]], line.command)
        if command.startswith("export "):
            name, value = command.removeprefix("export ").split("=")
            self.environment[name] = value
        elif command.startswith("kill -9 %"):
            job = self.jobs[int(command.rpartition("%")[2]) - 1]
            job.kill()
            job.wait()
        elif command.endswith(" &"):
            job = subprocess.Popen(["sh", "-c", f"exec {command[:-2]}"], cwd=self.folder, env=self.environment)
            self.jobs.append(job)
        else:
            self._ask(command, line)

    def _ask(self, command: str, line: Line) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            told = done.stdout + done.stderr
            got = Line(line.command, done.returncode, (told.split() or [""])[0], len(told.splitlines()))
            if got == line:
                return
            assert time.monotonic() < end, f"{command}: expected {line}, got {got}: {told}"
            time.sleep(0.3)

    def end(self) -> None:
        for job in self.jobs:
            job.kill()
            job.wait()


def free_ports(count: int) -> list[str]:
    taken = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in taken]
    for one in taken:
        one.close()
    return ports


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.end()


@pytest.mark.parametrize("page", ["tutorials/first-cluster.md", "how-to/run-a-cluster.md"])
def test_a_session_goes_as_its_page_says(page: str, terminal: Terminal) -> None:
    lines = session(DOCS / page)
    assert len(lines) > 8
    for line in lines:
        terminal.type(line)


def test_an_answer_other_than_the_documented_one_is_noticed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PATIENCE_S", 0.0)
    terminal.type(Line("coordfsm members -s nowhere", 2, "coordfsm:", 1))
    for wrong in (Line("coordfsm members -s nowhere", 0, "coordfsm:", 1), Line("coordfsm --help", 0, "view", 4)):
        with pytest.raises(AssertionError, match="expected"):
            terminal.type(wrong)
