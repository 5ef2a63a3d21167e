"""The public names: they exist, they are typed, documented, and cost nothing before they are used."""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from stubs import LAZY, found_by, stub_of, told_by

import coordfsm
import coordfsm_runtime

PACKAGES = (*LAZY, "coordfsm.simulate")
PUBLIC = [(package, name) for package in PACKAGES for name in import_module(package).__all__]
HEAVY = {"numba", "numpy", "scipy", "hypothesis", "msgspec", "statemachine", "asyncio", "graphviz"}
UNITS = ("_ms", "_s", "_seconds", "_bytes")
PROTOCOLS = Path(coordfsm.__file__).parent / "protocols"


def loaded_by(statements: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {statements}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_every_name_is_found(package, name):
    assert getattr(import_module(package), name) is not None or name == "UNLIMITED"
    assert name in dir(import_module(package))


def test_a_name_that_is_not_there_is_refused_by_name():
    with pytest.raises(AttributeError, match="module 'coordfsm' has no attribute 'Nodes'"):
        _ = coordfsm.Nodes
    with pytest.raises(ImportError, match="Nodes"):
        exec("from coordfsm_runtime import Nodes")


@pytest.mark.parametrize("package", LAZY)
def test_type_checkers_are_told_what_is_found(package):
    places, listed = told_by(stub_of(package))
    assert places == found_by(package), "run: python -m tests.public.stubs"
    assert sorted(listed) == import_module(package).__all__ == sorted(places)


def test_star_imports_what_is_listed():
    names = {}
    exec("from coordfsm_runtime import *", names)
    assert set(names) - {"__builtins__"} == set(coordfsm_runtime.__all__)


def test_importing_loads_nothing_heavy():
    loaded = loaded_by("import coordfsm, coordfsm_runtime, coordfsm.testing")
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    ours = {name for name in loaded if name.startswith("coordfsm")}
    assert ours == {"coordfsm", "coordfsm.lazy", "coordfsm_runtime", "coordfsm.testing"}
    assert len(loaded) < 40


def test_declaring_and_modelling_loads_neither_engine_nor_runtime():
    loaded = loaded_by("from coordfsm import Machine, Model, Property, Send, at_most, explore, story")
    assert {name.partition(".")[0] for name in loaded} & {"numba", "numpy", "scipy", "hypothesis"} == set()
    assert not any(name.startswith("coordfsm_runtime") for name in loaded)


# -- documentation -------------------------------------------------------------------------------------------------


def ours(kind) -> list:
    found = {id(item): item for item in (getattr(import_module(package), name) for package, name in PUBLIC)}
    return [item for item in found.values() if kind(item) and item.__module__.startswith("coordfsm")]


@pytest.mark.parametrize("item", [*ours(inspect.isclass), *ours(inspect.isfunction)], ids=lambda item: item.__name__)
def test_every_class_and_function_has_a_docstring_of_its_own(item):
    own = vars(item).get("__doc__") if inspect.isclass(item) else item.__doc__
    assert own
    assert len(own.split()) >= 3


def raises(function) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def methods() -> list:
    calls = {
        f"{item.__name__}.{name}": member
        for item in ours(inspect.isclass)
        for name, member in vars(item).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    return [*calls.items(), *((item.__name__, item) for item in ours(inspect.isfunction))]


@pytest.mark.parametrize(("name", "call"), methods(), ids=lambda item: item if isinstance(item, str) else "")
def test_every_call_that_raises_says_what(name, call):
    if raises(call) and inspect.getdoc(call):
        assert "Raises:" in call.__doc__ or "Errors as of" in call.__doc__, name


def numbers_of(kind: type) -> list[str]:
    if issubclass(kind, msgspec.Struct):
        return [field.name for field in msgspec.structs.fields(kind) if field.type in (int, float)]
    return [name for name, type_ in vars(kind).get("__annotations__", {}).items() if type_ in (int, float)]


@pytest.mark.parametrize("kind", ours(inspect.isclass), ids=lambda kind: kind.__name__)
def test_every_number_has_its_unit_in_its_name_or_its_meaning_in_the_docstring(kind):
    unsaid = [
        name
        for name in numbers_of(kind)
        if not name.startswith("_") and not name.endswith(UNITS) and not re.search(rf"\b{name}s?\b", kind.__doc__ or "")
    ]
    assert unsaid == []


def described(module: str, name: str) -> bool:
    """Whether a text stands below the assignment of a name."""
    file = Path(str(import_module(module).__file__))
    for path in sorted(file.parent.glob("*.py")) if file.stem == "__init__" else [file]:
        for statement, below in pairwise(ast.parse(path.read_text()).body):
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    return False


@pytest.mark.parametrize("package", LAZY)
def test_every_constant_and_alias_is_described(package):
    for name, (module, original) in found_by(package).items():
        item = getattr(import_module(package), name)
        if (
            module.startswith("coordfsm")
            and not inspect.isclass(item)
            and not callable(item)
            and not inspect.ismodule(item)
        ):
            assert described(module, original), f"{module}.{original}"


# -- completeness --------------------------------------------------------------------------------------------------


def told_in(function: ast.FunctionDef) -> set[str]:
    """The classes of the events that a function notifies of: named in the call, or in a variable of the function."""
    values = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Notify":
            (argument,) = node.args
            value = values.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
            assert isinstance(value, ast.Call), f"{function.name} tells of something that cannot be read off"
            found.add(value.func.id)
    return found


def test_every_event_that_a_node_tells_is_public():
    functions = [
        node
        for path in PROTOCOLS.rglob("*.py")
        if path.parent.name != "delivery"  # its machines are no part of a node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    told = set().union(*map(told_in, functions))
    assert len(told) > 25
    assert told - set(coordfsm_runtime.__all__) == set()


def test_every_error_of_ours_that_a_public_call_names_is_public():
    public = {name for package, name in PUBLIC}
    named = {
        error
        for _, call in methods()
        for section in re.findall(r"Raises:\n(.*?)(?:\n\n|\Z)", inspect.getdoc(call) or "", re.DOTALL)
        for error in re.findall(r"^\s{4}(\w+Error):", section, re.MULTILINE)
    }
    assert {"BusyError", "ModelError", "StoreError"} <= named
    assert {error for error in named if error not in vars(__import__("builtins"))} - public == set()
