"""Every transition of every machine fires in a recorded model, or is listed with a reason and a test that takes it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from coordfsm.check.modelling.manifest import load, load_fired
from coordfsm.check.modelling.registry import find
from coordfsm.protocols.node import MACHINES

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "spec" / "manifest.json"
LISTED = tomllib.loads((ROOT / "spec" / "never-fired.toml").read_text(encoding="utf-8"))["rules"]
NAMES = [name for group in LISTED for name in group["names"]]


def declared() -> set[str]:
    """The transitions of all machines that a process runs or a recorded model has."""
    rules = {rule for table in MACHINES.values() for rule in table.rule_names}
    models = [find(entry.model).build(entry.params) for entry in load(MANIFEST)]
    return rules | {rule for model in models for node in model.nodes for rule in node.rules}


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By test, the transitions that it takes: each test that the list names is run, and watched."""
    file = tmp_path_factory.mktemp("fired") / "rules.json"
    tests = sorted({group["test"] for group in LISTED})
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.spec.fired_rules", *tests]
    environment = {**os.environ, "FIRED_RULES": str(file)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_each_transition_fires_in_a_recorded_model_or_is_listed_and_none_is_both():
    fired = load_fired(MANIFEST)
    assert fired is not None
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) == declared() - fired


def test_the_manifest_names_no_transition_that_is_gone():
    assert (load_fired(MANIFEST) or frozenset()) - declared() == set()


@pytest.mark.parametrize("group", LISTED, ids=lambda group: group["test"].split("::")[1])
def test_what_is_listed_has_a_reason_and_is_taken_by_the_test_that_is_named(group, taken):
    assert len(group["reason"].split()) > 5
    assert set(group["names"]) <= set(taken[group["test"]])
