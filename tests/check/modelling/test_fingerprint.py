"""A model's fingerprint: the same in every process, another one after any edit."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import pytest
from check.exploration.letters import letters
from check.native import sample

from coordfsm.check import native
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.fingerprint import FingerprintError, differences_of, fingerprint_of
from coordfsm.check.modelling.model import Faults, Multiset, Property
from coordfsm.check.modelling.registry import find
from coordfsm.check.native.states.checkpoint import CheckpointError

MOST = 3


def few(seen, most=MOST):
    return len(seen) <= most


def changed(model, other):
    return differences_of(fingerprint_of(model), fingerprint_of(other))


def one(predicate):
    return letters("x", properties=(Property("p", "Few.", predicate),))


def closing(over):
    return lambda seen: len(seen) <= over


def test_built_again_it_is_the_same():
    assert changed(letters("x"), letters("x")) == []
    assert changed(one(closing(3)), one(closing(3))) == []
    assert changed(sample.build(), sample.build()) == []


def of_another_most(monkeypatch):
    model = one(lambda seen: few(list(seen)))
    before = fingerprint_of(model)
    monkeypatch.setitem(globals(), "MOST", 4)
    monkeypatch.setattr(few, "__defaults__", (4,))
    return differences_of(before, fingerprint_of(model))


def test_what_a_function_calls_counts(monkeypatch):
    assert of_another_most(monkeypatch) == ["property p"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (closing(3), closing(4)),
        (closing(1), closing(1.0)),
        (partial(few, most=2), partial(few, most=3)),
        (lambda seen: len(seen) < 3, lambda seen: len(seen) > 3),
        (lambda seen: len(seen) < 3, lambda seen: len(seen) < 4),
        (lambda seen, most=1: len(seen) < most, lambda seen, most=2: len(seen) < most),
        (closing({"a": (1, 2)}), closing({"a": (1, 3)})),
        (closing(frozenset({"a", "b"})), closing(frozenset({"a", "c"}))),
        (closing(lambda: 1), closing(lambda: 2)),
    ],
)
def test_another_predicate_is_told(left, right):
    assert changed(one(left), one(right)) == ["property p"]


def test_every_part_is_told():
    model = letters("x")
    assert changed(model, letters("x", faults=Faults(crash=1))) == ["faults"]
    assert changed(model, letters("x", network=Multiset(loss=1))) == ["network"]
    assert changed(model, letters("x", budgets={"local_arm": 1})) == ["budgets"]
    assert changed(model, letters("x", boundary=lambda _local: True))[0] == "boundary"
    assert changed(model, letters("x", deadlock=True)) == ["deadlock"]
    assert changed(model, letters("y")) == ["node writer"]
    assert changed(model, replace(model, nodes=model.nodes[::-1])) == ["order"]


def test_what_cannot_be_compared_is_refused():
    lock = threading.Lock()
    with pytest.raises(FingerprintError, match="property p holds a lock"):
        fingerprint_of(one(lambda _seen: lock.locked() is False))


PRINT = "from coordfsm.check.modelling.fingerprint import *; from coordfsm.check.modelling.registry import *; "


def test_it_is_the_same_in_another_process():
    code = PRINT + "print(sorted(fingerprint_of(find('migration').build()).items()))"

    def told(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout

    assert told("1") == told("2") == f"{sorted(fingerprint_of(find('migration').build()).items())}\n".encode()


MODEL = """
from check.exploration.letters import letters
from {sibling} import LIMIT
from coordfsm.check.modelling.model import Property


def build():
    return letters("x", "y", "z", properties=(Property("p", "Few.", lambda seen: len(seen) <= LIMIT),))
"""


@pytest.mark.parametrize("sibling", ["limits_of_a_model", "queue"])
def test_an_edited_file_or_sibling_is_refused(tmp_path, monkeypatch, sibling):
    """Also one whose name is that of a module of Python's own."""
    file, saved, beside = tmp_path / "token.py", tmp_path / "search", tmp_path / f"{sibling}.py"
    monkeypatch.syspath_prepend(tmp_path)

    def build(limit):
        beside.write_text(f"LIMIT = {limit}\n")
        monkeypatch.delitem(sys.modules, sibling, raising=False)
        file.write_text(MODEL.format(sibling=sibling))
        return find(str(file)).build()

    native.explore(build(2), Limits(max_depth=2), checkpoint=saved)
    with pytest.raises(CheckpointError, match=r"property p.* changed since"):
        native.explore(build(11), resume=saved)
