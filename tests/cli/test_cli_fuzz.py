"""`coordfsm fuzz`: random runs from the shell."""

from pathlib import Path


def test_a_model_without_a_flaw(run):
    outcome = run("fuzz", "twophase", "-p", "rms=4", "--examples", "5", "--steps", "10", "--seed", "1")
    assert (outcome.code, outcome.err) == (0, "")
    assert "no violation found" in outcome.out
    assert outcome.out.endswith("\nseed 1\n")
    assert not Path("counterexamples").exists()


def test_a_flaw_is_told_saved_and_replays(run, counter):
    outcome = run("fuzz", counter, "--examples", "20", "--seed", "1")
    assert outcome.code == 1
    assert "small violated in counter limit=3 bound=5" in outcome.out
    assert "violated: small" in outcome.out
    assert run("replay", "counterexamples/counter-small.json", "--model", counter).code == 1


def test_json_repeats_with_the_same_seed(run):
    arguments = ("fuzz", "twophase", "--examples", "5", "--steps", "10", "--seed", "3", "--json")
    [first], [again] = run(*arguments).json, run(*arguments).json
    assert first["verdict"] == "no violation found"
    assert (first["seed"], first["actions"]) == (again["seed"], again["actions"])


def test_mistakes_are_named(run):
    assert "unknown model 'twofase'" in run("fuzz", "twofase").err
    assert run("fuzz", "-p", "rms=3").code == 2
    assert run("fuzz", "--examples", "0").code == 2


def test_an_interrupted_run_reports_what_it_did(run, monkeypatch):
    from coordfsm.testing import stateful  # noqa: PLC0415  (one test's)

    def interrupt(_self, _kind, _choice):
        raise KeyboardInterrupt

    monkeypatch.setattr(stateful.ModelStateMachine, "take", interrupt)
    outcome = run("fuzz", "twophase", "--examples", "5", "--seed", "1")
    assert outcome.code == 3
    assert "interrupted" in outcome.out
