"""The layout: rooms of a bounded size, files of a bounded length, no circles between files."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"coordfsm": ROOT / "coordfsm", "coordfsm_runtime": ROOT / "runtime" / "coordfsm_runtime"}
LARGEST_ROOM = 14
LONGEST_FILE = 400
REASON = "Longer than most files here"

CATALOGUES = {
    "coordfsm/cli/commands": "one file a command",
    "coordfsm/check/models": "one file a model",
    "coordfsm/testing/mutants": "one file a machine or a kind of flaw",
}
"""Rooms that list things of one kind and grow with their number."""


def modules() -> dict[str, Path]:
    """Every module of the packages, by its dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        for file in folder.rglob("*.py"):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports_of(source: str, known: set[str]) -> set[str]:
    """The modules that a source imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or {node.module}
    return found & known


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A circle, or nothing."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def place(path: Path) -> str:
    """Where a file or folder is, in the repository."""
    return str(path.relative_to(ROOT))


FILES = sorted(modules().values())
ROOMS = sorted({file.parent for file in FILES})


def test_no_file_imports_itself_by_a_detour():
    known = modules()
    graph = {name: imports_of(file.read_text(), set(known)) for name, file in known.items()}
    assert circle_in(graph) == []


def test_a_circle_is_noticed_also_inside_a_function():
    known = {"a", "b"}
    graph = {"a": imports_of("def f():\n    from b import c\n", known), "b": imports_of("import a\n", known)}
    assert sorted(set(circle_in(graph))) == ["a", "b"]


@pytest.mark.parametrize(
    "folder", sorted({file.parent for file in modules().values()}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_room_has_about_a_dozen_files(folder):
    if place(folder) not in CATALOGUES:
        assert len(list(folder.glob("*.py"))) - 1 <= LARGEST_ROOM


@pytest.mark.parametrize("file", FILES, ids=place)
def test_a_long_file_says_why(file):
    text = file.read_text()
    if len(text.splitlines()) > LONGEST_FILE:
        assert REASON in text[:2_000], f"{file} is too long; split it, or say at its top why it cannot be"
