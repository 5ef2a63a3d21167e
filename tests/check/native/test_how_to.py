"""The worked example of the documentation runs as it stands there."""

import re
import sys
import types
from pathlib import Path

from coordfsm.check.modelling.registry import find
from coordfsm.check.native import explore

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "check-your-own-protocol.md"


BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_a_protocol_takes_less_than_forty_lines(tmp_path):
    assert sum(bool(line.strip()) for line in BLOCKS[0].splitlines()) < 40
    path = tmp_path / "lock.py"
    path.write_text(BLOCKS[0])
    model = find(str(path))
    held, broken = explore(model.build()), explore(model.build({"duplicate": 1}))
    assert (held.verdict, held.distinct_states, held.never_fired) == ("holds", 39, ())
    assert (broken.counterexample.property, len(broken.counterexample.steps)) == ("alone", 10)


def test_the_worked_example_runs(capsys):
    blocks = BLOCKS[1:]
    module = types.ModuleType("paxos_of_the_documentation")
    sys.modules[module.__name__] = module
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    told = capsys.readouterr().out
    assert "states," in told
    assert "agreement violated in paxos" in told
