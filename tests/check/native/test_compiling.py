"""Compiled code is that of the sources as they are: a change in any file of the engine compiles anew."""

import ast
import builtins
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

from coordfsm.check.native import compiling, is_compiled, kernel
from coordfsm.check.native.steps import lookup

KERNEL = """
from engine.compiling import compiled, is_compiled
from engine.steps.limits import MOST


@compiled
def holds(number):
    return number <= MOST


if __name__ == "__main__":
    ready = is_compiled(holds)
    print(holds(4), ready, sum(holds.stats.cache_hits.values()))
"""


@pytest.fixture
def engine(tmp_path):
    """An engine of two files: what its loop names stands in another file than the loop."""
    folder = tmp_path / "engine"
    (folder / "steps").mkdir(parents=True)
    shutil.copy(compiling.__file__, folder)
    (folder / "kernel.py").write_text(KERNEL)
    set_most(folder, 3)
    return folder


def set_most(engine: Path, most: int) -> None:
    (engine / "steps" / "limits.py").write_text(f"MOST = {most}\n")


def run(engine: Path, **environment: str) -> list[str]:
    """Whether 4 is within the limit, whether that was compiled before, how much compiled code was loaded."""
    told = subprocess.run(
        [sys.executable, "-B", "-m", "engine.kernel"],
        cwd=engine.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return told.stdout.split()


def places(shelf: Path) -> list[str]:
    return sorted(path.name for path in shelf.iterdir() if path.is_dir())


def test_a_constant_of_another_file_changes_the_verdict(engine):
    assert run(engine) == ["False", "False", "0"]
    assert run(engine) == ["False", "True", "1"]

    set_most(engine, 5)

    assert run(engine) == ["True", "False", "0"]
    assert run(engine) == ["True", "True", "1"]


def test_so_it_does_in_a_place_that_the_user_chose(engine, tmp_path):
    chosen = str(tmp_path / "chosen")
    assert run(engine, NUMBA_CACHE_DIR=chosen) == ["False", "False", "0"]
    set_most(engine, 5)
    assert run(engine, NUMBA_CACHE_DIR=chosen) == ["True", "False", "0"]
    assert run(engine, NUMBA_CACHE_DIR=chosen) == ["True", "True", "1"]
    assert not (engine / "__pycache__").exists()


def test_who_goes_back_to_sources_of_before_compiles_nothing(engine):
    run(engine)
    set_most(engine, 5)
    run(engine)
    set_most(engine, 3)
    assert run(engine) == ["False", "True", "1"]


def test_another_file_by_its_name_alone_is_another_engine(engine):
    before = compiling.digest_of(engine)
    (engine / "steps" / "limits.py").rename(engine / "steps" / "bounds.py")
    assert compiling.digest_of(engine) != before


def test_old_compiled_code_is_removed(engine):
    shelf = engine / "__pycache__"
    shelf.mkdir()
    for name in ("kernel.holds-6.py311.nbi", "kernel.holds-6.py311.1.nbc"):
        (shelf / name).touch()
    for number in range(5):
        old = shelf / f"native-{number}"
        old.mkdir()
        os.utime(old, (number, number))

    run(engine)

    kept = places(shelf)
    assert len(kept) == compiling.KEPT
    assert [name for name in kept if len(name) == len("native-4")] == ["native-3", "native-4"]
    assert [path.name for path in shelf.iterdir() if path.is_file()] == []


def test_a_place_that_cannot_be_written_costs_no_answer(engine):
    run(engine)
    shelf = engine / "__pycache__"
    shutil.rmtree(shelf / places(shelf)[0])
    (shelf / f"native-{compiling.digest_of(engine)}").touch()  # a file, where the directory would be
    assert run(engine) == ["False", "False", "0"]


def test_the_engine_knows_whether_it_is_compiled(engine):
    place = kernel.expand_batch._cache.place
    assert place.name == f"native-{compiling.digest_of(compiling.SOURCES)}"
    expected = bool(kernel.expand_batch.signatures) or any(place.glob("kernel.expand_batch-*.nbi"))
    assert is_compiled() == expected


def assigned() -> dict[str, list[tuple[str, ast.expr]]]:
    """By name: the modules of the engine that give it a value, and the expressions."""
    found: dict[str, list[tuple[str, ast.expr]]] = {}
    for path in compiling.SOURCES.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for name in (item for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)):
                    found.setdefault(name.id, []).append((path.name, node.value))
    return found


def foreign(name: str, known: dict[str, list[tuple[str, ast.expr]]], seen: set[str]) -> set[str]:
    """The names that a constant depends on and that no file of the engine gives a value."""
    if name in seen:
        return set()
    seen.add(name)
    if name not in known:
        return {name}
    used: set[str] = set()
    for _, value in known[name]:
        local = {item.id for item in ast.walk(value) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
        names = {item.id for item in ast.walk(value) if isinstance(item, ast.Name)} - local - {"np"}
        for inner in names - set(dir(builtins)):
            used |= foreign(inner, known, seen)
    return used


@pytest.mark.parametrize("module", [kernel, lookup], ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_constant_that_is_compiled_in_stands_in_a_file_of_the_engine(module):
    """A constant from elsewhere would change without compiling anew."""
    functions = [item for item in vars(module).values() if hasattr(item, "py_func")]
    named = {name for item in functions for name in item.py_func.__code__.co_names}
    constants = {name for name in named & set(vars(module)) - {"np"} if not callable(vars(module)[name])}
    assert len(functions) >= 4
    assert constants, "a kernel names constants"
    known = assigned()
    assert {name: foreign(name, known, set()) for name in constants} == {name: set() for name in constants}
