"""Every code block of the documentation does what it says, or says above itself why it is not run.

Python blocks of a page run one after the other, as one module. Every `coordfsm` command must be one that the command
line takes. A comment above a block may give names that it needs (`<!-- given: ... -->`) or a reason
(`<!-- not run: ... -->`).
"""

import re
import shlex
import shutil
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


RUN_BY_ANOTHER_TEST = {
    "coordfsm verify": "every default model is in spec/manifest.json, see tests/spec/test_spec_manifest.py",
    "coordfsm verify --mutants": "tests/testing/test_every_mutant_is_caught.py",
    "coordfsm fuzz": "tests/cli/test_cli_fuzz.py, one model at a time",
    "coordfsm demo": "tests/runtime/lab/test_processes.py",
    "coordfsm explore twophase -p rms=3": "serves until it is stopped, see tests/cli/test_explore.py",
    "coordfsm register alpha gamma --socket n2": "needs a node, see test_sessions.py",
    "coordfsm verify migration -p crash=4 --walks 10000 --depth 200 --seed 1": "long, see test_walks.py",
}
"""Commands that would take long here, or need a running node."""

CODES = {"coordfsm replay counterexamples/twophase-TC.json": 1}
"""What a command ends with, if it is not 0: a counterexample that is reproduced."""

COMMAND_PAGES = ["README.md", "explanation/protocols/coordination.md", "how-to/render.md", "how-to/verify.md"]
"""Those whose commands need no session; test_sessions.py types the others."""


def commands_of(pages: list[str]) -> list[str]:
    found = [
        command
        for page in PAGES
        if name(page) in pages
        for block in blocks(page)
        if block.note != "not run"
        for command in block.commands()
    ]
    return [command for command in dict.fromkeys(found) if "counter.py" not in command]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: machines of one's own, and counterexamples that were saved."""
    folder = tmp_path_factory.mktemp("desk")
    page = blocks(ROOT / "docs" / "tutorials" / "lock.md")
    lock = "\n\n".join(block.code for block in page if block.language == "python")
    (folder / "my_machines.py").write_text(lock)
    (folder / "lock.py").write_text(lock)
    shutil.copytree(ROOT / "diagrams", folder / "diagrams")
    saved = folder / "counterexamples"
    assert main(["verify", str(folder / "lock.py"), "--output", str(saved)]) == 1
    assert main(["verify", "--mutants", "commit-before-all-prepared", "--output", str(saved)]) == 0
    (saved / "twophase-commit-before-all-prepared-TC.json").rename(saved / "twophase-TC.json")
    return folder


@pytest.mark.parametrize("command", [item for item in commands_of(COMMAND_PAGES) if item not in RUN_BY_ANOTHER_TEST])
def test_a_documented_command_does_what_its_page_says(
    command: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    assert main(shlex.split(command)[1:]) == CODES.get(command, 0)


def test_what_another_test_runs_is_still_in_the_documentation() -> None:
    assert set(RUN_BY_ANOTHER_TEST) <= set(commands_of(COMMAND_PAGES))
