"""The tutorial does what it says: its blocks are one file, its commands are run, its outcomes are compared."""

import re
from pathlib import Path

import pytest

from coordfsm.cli.main import main

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "lock.md"
EXPECTED = (0, 1, 0, 0, 0)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = TUTORIAL.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "lock.py").write_text("\n\n".join(blocks), encoding="utf-8")
    return re.findall(r"^\$ coordfsm (.*)$", text, re.MULTILINE)


def test_every_command_of_the_tutorial_does_what_it_says(commands, tmp_path, capsys):
    assert tuple(main(command.split()) for command in commands) == EXPECTED
    told = capsys.readouterr().out
    assert "violated: exclusive" in told
    assert told.count("holds") >= 2
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    machines = ("Client", "Server", "DurableServer")
    kinds = [f"{name}{kind}.{ending}" for name in machines for kind in ("", "-overview") for ending in ("svg", "mmd")]
    assert drawn == {*kinds, "lock-exclusive.svg"}
