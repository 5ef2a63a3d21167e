"""Examples and documentation import from the public packages only, and take names from nowhere else."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "decisions")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PUBLIC = {"coordfsm", "coordfsm_runtime", "coordfsm.testing", "coordfsm.simulate"}
LIBRARIES = {"statemachine", "msgspec", "immutables"}
"""What stands behind names of ours; nobody has to know."""


def code_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def given_to(page: Path) -> list[str]:
    return re.findall(r"^<!-- given: (.+?) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)


def mistakes(code: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            if module.partition(".")[0] in LIBRARIES or (module.startswith("coordfsm") and module not in PUBLIC):
                found.append(f"from {module}")
            elif module in PUBLIC:
                public = import_module(module).__all__
                found += [f"{module}.{alias.name}" for alias in node.names if alias.name not in public]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found += [f"import {name}" for name in names if name.startswith("coordfsm") and name not in PUBLIC]
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_needs_public_names_only(path):
    assert mistakes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_needs_public_names_only(page):
    blocks = [re.sub(r"^(?=async with)", "async def part():\n  ", block) for block in code_of(page)]
    wrapped = [block.replace("\n    ...", "\n      ...") if "async def part" in block else block for block in blocks]
    assert [mistake for block in (*wrapped, *given_to(page)) for mistake in mistakes(block)] == []


def test_what_is_not_public_would_be_noticed():
    wrong = ("from coordfsm.kernel import Send", "from coordfsm import Sent, Nodes", "import coordfsm.check")
    assert mistakes("\n".join(wrong)) == ["from coordfsm.kernel", "coordfsm.Nodes", "import coordfsm.check"]
    assert mistakes("from statemachine import State") == ["from statemachine"]
    assert mistakes("from coordfsm import State\nimport asyncio") == []


def test_nobody_tells_events_apart_by_the_name_of_their_class():
    compared = re.compile(r"type\(\w+\)\.__name__ *(==|!=|in\b)")
    texts = {path: path.read_text(encoding="utf-8") for path in (*EXAMPLES, *PAGES)}
    sources = [path for folder in ("coordfsm", "runtime") for path in (ROOT / folder).rglob("*.py")]
    texts |= {path: path.read_text(encoding="utf-8") for path in sources}
    found = {
        str(path.relative_to(ROOT)): compared.findall(text) for path, text in texts.items() if compared.search(text)
    }
    no_events = {"coordfsm/check/fingerprint.py", "coordfsm/check/parameters.py"}  # of values of other kinds
    assert set(found) - no_events == set()
