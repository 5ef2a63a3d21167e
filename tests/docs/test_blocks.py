"""Every code block of the documentation does what it says, or says above itself why it is not run.

Python blocks of a page run one after the other, as one module. Every `coordfsm` command must be one that the command
line takes. A comment above a block may give names that it needs (`<!-- given: ... -->`) or a reason
(`<!-- not run: ... -->`).
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordfsm.cli.main import build_parser, main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:^<!-- (given|not run): (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ELSEWHERE = {
    "tutorials/lock.md": "tests/meta/test_tutorial.py",
    "how-to/check-your-own-protocol.md": "tests/check/native/test_how_to.py",
}
"""Pages whose Python blocks are run by a test of their own, which compares outcomes."""
REDIRECTED = re.compile(r"\s{2,}|\s2?>|\s[#&|]")


@dataclass(frozen=True)
class Block:
    note: str
    text: str
    language: str
    code: str

    def commands(self) -> list[str]:
        lines = (line.removeprefix("$ ") for line in self.code.splitlines())
        return [REDIRECTED.split(line)[0] for line in lines if line.startswith("coordfsm ")]


def blocks(page: Path) -> list[Block]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(note, text, language, code) for note, text, language, code in found]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


WITH_PYTHON = [
    page
    for page in PAGES
    if name(page) not in RUN_ELSEWHERE
    and any(block.language == "python" and block.note != "not run" for block in blocks(page))
]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "documented"}
    for block in blocks(page):
        if block.language == "python" and block.note != "not run":
            if block.note == "given":
                exec(block.text, names)
            exec(compile(block.code, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_one_that_the_command_line_takes(page: Path) -> None:
    commands = [command for block in blocks(page) if block.note != "not run" for command in block.commands()]
    for command in commands:
        build_parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_not_run_says_why(page: Path) -> None:
    silent = [
        block.code for block in blocks(page) if block.language != "python" and not block.note and not block.commands()
    ]
    assert silent == []


def test_those_pages_have_their_tests() -> None:
    for page, test in RUN_ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


def test_the_counter_of_the_how_to_is_violated_and_with_a_larger_limit_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = blocks(ROOT / "docs" / "how-to" / "verify.md")
    (tmp_path / "counter.py").write_text(next(block.code for block in page if "class Counter" in block.code))
    commands = [shlex.split(command)[1:] for block in page for command in block.commands() if "counter.py" in command]
    assert [main(command) for command in commands] == [1, 0, 1, 1]
    assert "violated" in capsys.readouterr().out
