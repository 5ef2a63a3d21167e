"""The examples run as they are."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "last_words"),
    [
        ("pure_node", "10.0.0.2:7401 is in view 2 of 2"),
        ("embed_node", "west has ship: hull and sail"),
        ("sharded_world", "middle is back: 12 ships in service"),
        ("own_store", "the store keeps its promises"),
    ],
)
def test_an_example_ends_as_it_should(name, last_words):
    program = EXAMPLES / f"{name}.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert last_words in done.stdout.splitlines()[-1]


def test_the_short_examples_are_short():
    for name in ("pure_node", "embed_node"):
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 40
