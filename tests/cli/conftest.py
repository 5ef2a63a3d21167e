"""Runs the command line in this process."""

import json
from typing import Any, NamedTuple

import pytest

from coordfsm.cli.main import main
from tests.check.modelling.models_in_files import COUNTER


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """``run("verify", "twophase")`` in an empty directory, as in a pipe: no colours, no progress."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Outcome:
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = leaving.code
        return Outcome(int(code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def counter(tmp_path):
    """A user's model file; its number exceeds the limit after three ticks."""
    path = tmp_path / "counter.py"
    path.write_text(COUNTER)
    return str(path)
