"""The worked example of the documentation runs as it stands there."""

import re
import sys
import types
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "check-your-own-protocol.md"


def test_the_worked_example_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
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
