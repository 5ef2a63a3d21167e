"""The catalogue of models: what is known, and what is said about what is not."""

import os
import sys
from typing import Annotated

import pytest

from coordfsm.check.modelling.model import Model
from coordfsm.check.modelling.parameters import Parameter, parameters_of
from coordfsm.check.modelling.registry import catalogue, find
from coordfsm.kernel import ModelError, ParameterError
from tests.check.modelling.models_in_files import COUNTER


def sample(
    nodes: Annotated[int, Parameter("processes", minimum=2, maximum=7)] = 3,
    loss: Annotated[int | None, Parameter("losses", minimum=0)] = None,
    torn: bool = True,  # noqa: FBT001, FBT002  (builders are called by name)
    network: Annotated[str, Parameter("kind", choices=("set", "multiset"))] = "set",
    machine: object = None,
) -> Model:
    """For its signature."""
    raise NotImplementedError


def test_parameters_come_from_the_signature():
    nodes, loss, torn, network = parameters_of(sample)
    assert (nodes.name, nodes.kind, nodes.default, nodes.expected) == ("nodes", "int", 3, "a whole number from 2 to 7")
    assert (loss.optional, loss.default, loss.expected) == (True, None, "a whole number of at least 0, or none")
    assert (torn.kind, torn.expected) == ("bool", "true or false")
    assert network.expected == "one of set, multiset"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("nodes", "7", 7),
        ("loss", "none", None),
        ("loss", "unlimited", None),
        ("loss", "0", 0),
        ("torn", "no", False),
        ("torn", "TRUE", True),
        ("network", "multiset", "multiset"),
    ],
)
def test_values_are_read_as_a_user_writes_them(name, text, value):
    parameter = next(item for item in parameters_of(sample) if item.name == name)
    assert parameter.parse(text) == value
    assert parameter.check(value) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("nodes", "8"), ("nodes", "1"), ("nodes", "x"), ("nodes", ""), ("nodes", "3.0"), ("nodes", "none"), ("loss", "-1"),
     ("torn", "maybe"), ("network", "token ring")],
)  # fmt: skip
def test_values_out_of_range_or_type_are_refused_with_what_is_expected(name, text):
    parameter = next(item for item in parameters_of(sample) if item.name == name)
    with pytest.raises(ParameterError) as error:
        parameter.parse(text)
    assert str(error.value) == f"parameter {name}: {text!r} is not {parameter.expected}"


def test_a_builder_needs_defaults():
    def careless(nodes: int) -> Model:
        raise NotImplementedError

    with pytest.raises(ModelError, match="parameter nodes needs a default"):
        parameters_of(careless)


def test_every_model_that_ships_can_be_built_described_and_found_by_name():
    names = [entry.name for entry in catalogue()]
    assert "twophase" in names
    assert len(set(names)) == len(names)
    for entry in catalogue():
        assert find(entry.name) == entry
        assert entry.summary, entry.name
        for given in (*entry.defaults, *entry.fuzz):
            model = entry.build(given)
            assert model.name == entry.name
            assert {item.name for item in entry.parameters} == set(model.parameters), entry.name
            assert {name: model.parameters[name] for name in given} == given
            assert all(item.statement for item in model.properties)


def test_an_unknown_model_is_answered_with_the_valid_ones():
    with pytest.raises(
        ModelError, match=r"unknown model 'twofase' \(did you mean twophase\?\); the models are: .*twophase"
    ):
        find("twofase")


def test_parameters_are_parsed_by_name():
    entry = find("twophase")
    assert entry.parse(["rms=4"]) == {"rms": 4}
    with pytest.raises(ParameterError, match=r"has no parameter 'rm' \(did you mean rms\?\); its parameters are: rms"):
        entry.parse(["rm=4"])
    with pytest.raises(ParameterError, match="'rms' is not of the form name=value"):
        entry.parse(["rms"])
    with pytest.raises(ParameterError, match="rms is given twice"):
        entry.parse(["rms=1", "rms=2"])
    with pytest.raises(ParameterError, match="rms: 99 is not a whole number from 1 to 12"):
        entry.build({"rms": 99})


def test_a_users_own_file_is_a_model(tmp_path):
    path = tmp_path / "counter.py"
    path.write_text(COUNTER)
    entry = find(str(path))
    assert (entry.summary, [item.name for item in entry.parameters]) == ("Counts to a bound.", ["limit", "bound"])
    assert entry.build({"limit": 4}).parameters == {"limit": 4, "bound": 5}
    assert find(f"{path}:build").builder is not None
    with pytest.raises(ModelError, match="declares no function 'other'"):
        find(f"{path}:other")
    with pytest.raises(ModelError, match="no such model file"):
        find(str(tmp_path / "missing.py"))


def test_a_users_file_that_is_no_model_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("1 / 0")
    with pytest.raises(ModelError, match="does not run as a module: ZeroDivisionError"):
        find(str(path))
    path.write_text("x = 1")
    with pytest.raises(ModelError, match="must declare `build`"):
        find(str(path))


def test_a_file_edited_twice_in_a_second_is_run_as_it_stands(tmp_path):
    path = tmp_path / "quick.py"
    for number in range(3):
        path.write_text(COUNTER.replace("bound: int = 5", f"bound: int = {number}"))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert find(str(path)).build().parameters["bound"] == number
    assert list(tmp_path.iterdir()) == [path]


# -- files beside a model ----------------------------------------------------------------------------------------------


def beside(directory, bound):
    """A model file that takes its bound from a sibling, at the top and again in the builder."""
    (directory / "shared" / "inner").mkdir(parents=True)
    (directory / "shared" / "__init__.py").write_text("from shared.inner.numbers import BOUND\n")
    (directory / "shared" / "inner" / "__init__.py").write_text("")
    (directory / "shared" / "inner" / "numbers.py").write_text(f"BOUND = {bound}\n")
    text = COUNTER.replace("bound: int = 5", "bound: int = shared.BOUND")
    late = '"""Counts to a bound."""\n    import shared as again\n    assert again is shared'
    path = directory / "model.py"
    path.write_text("import shared\n" + text.replace('"""Counts to a bound."""', late))
    return path


def test_a_model_imports_what_is_beside_it_and_nobody_else_does(tmp_path, monkeypatch):
    entries = [find(str(beside(tmp_path / name, bound))) for name, bound in (("one", 1), ("two", 2))]
    before = list(sys.path), list(sys.meta_path), dict(sys.modules)
    assert [entry.build().parameters["bound"] for entry in entries] == [1, 2]
    assert [entry.build().parameters["bound"] for entry in entries] == [1, 2]
    assert (list(sys.path), list(sys.meta_path), dict(sys.modules)) == before
    assert not any(name.partition(".")[0] == "shared" for name in sys.modules)
    with pytest.raises(ModuleNotFoundError):
        __import__("shared")


def test_a_module_of_the_same_name_from_elsewhere_is_neither_taken_nor_lost(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared.py").write_text("BOUND = 9\n")
    monkeypatch.syspath_prepend(elsewhere)
    mine = __import__("shared")
    try:
        assert find(str(beside(tmp_path / "one", 1))).build().parameters["bound"] == 1
        assert sys.modules["shared"] is mine
    finally:
        del sys.modules["shared"]


def test_a_sibling_edited_twice_in_a_second_is_run_as_it_stands(tmp_path):
    path = beside(tmp_path / "one", 0)
    numbers = path.parent / "shared" / "inner" / "numbers.py"
    for bound in range(3):
        numbers.write_text(f"BOUND = {bound}\n")
        os.utime(numbers, (1_000_000_000, 1_000_000_000))
        assert find(str(path)).build().parameters["bound"] == bound


def test_a_sibling_is_no_module_of_pythons(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("import queue\nqueue.Queue\n" + COUNTER)
    (tmp_path / "queue.py").write_text("")
    assert find(str(path)).build().name == "counter"


def test_what_a_sibling_raises_is_told_as_an_error_of_the_model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("import broken\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ModelError, match=r"ZeroDivisionError: division by zero \(.*model\.py, line 1: import broken"):
        find(str(path))
