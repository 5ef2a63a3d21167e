"""`coordfsm replay`: a counterexample comes back from its file."""

from pathlib import Path

import pytest


@pytest.fixture
def saved(run):
    run("verify", "--mutants", "commit-before-all-prepared", "--output", "found")
    [path] = Path("found").iterdir()
    return str(path)


def test_a_mutants_counterexample_is_reproduced(run, saved):
    outcome = run("replay", saved)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.startswith("TC violated in twophase rms=2 (mutant commit-before-all-prepared)\n")
    assert outcome.out.endswith("reproduced: 5 steps replayed, TC is violated\n")
    told = run("replay", saved, "--json")
    assert (told.code, told.json["violated"], told.json["same"]) == (1, True, True)


def test_the_real_machines_do_not_follow_a_mutants_counterexample(run, saved):
    outcome = run("replay", saved, "--real")
    assert (outcome.code, outcome.out) == (2, "")
    assert "cannot happen in the model as it is now" in outcome.err


def test_files_that_do_not_fit_are_refused_with_the_reason(run, saved):
    text = Path(saved).read_text()
    for name, changed, message in (
        ("garbage", "x", "not a trace file"),
        ("model", text.replace('"twophase"', '"paxos"'), "unknown model 'paxos'"),
        ("parameter", text.replace('"rms": 2', '"rms": 99'), "parameter rms: 99 is not"),
        ("mutant", text.replace("commit-before-all-prepared", "gone"), "mutant 'gone', which does not exist"),
        ("property", text.replace('"property": "TC"', '"property": "Z9"'), "the trace violates 'Z9'"),
    ):
        Path(name).write_text(changed)
        outcome = run("replay", name)
        assert (outcome.code, outcome.out) == (2, ""), name
        assert message in outcome.err
    assert "cannot read missing: No such file" in run("replay", "missing").err
    Path("binary").write_bytes(b"\xff\xfe\x00")
    assert "not text" in run("replay", "binary").err
    assert run("replay", ".").code == 2
