"""`coordfsm verify`, as a user and as a script see it."""

import json
import re
from pathlib import Path

import pytest

ENGINES = ("reference", "native")
KEYS = {
    *("model", "params", "verdict", "distinct_states", "transitions", "depth", "seconds", "properties"),
    *("never_fired", "counterexample"),
}


def without_seconds(text):
    return re.sub(r"\d+\.\d", "0.0", text)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_that_holds(run, engine):
    outcome = run("verify", "twophase", "-p", "rms=3", "--engine", engine, "--coverage")
    assert (outcome.code, outcome.err) == (0, "")
    assert without_seconds(outcome.out) == (
        "model     distinct states  transitions  depth  seconds  never fired  verdict\n"
        "twophase              288        1,146     11      0.0            3  holds\n"
        "  parameters: rms=3\n"
        "  faults: any loss, duplication, reordering\n"
        "  properties: TC TC-commit\n"
        "\n"
        "never fired in this model: 3 of 13 transitions:\n"
        "  ResourceManager\n"
        "    working --recv_commit--> committed\n"
        "    committed --recv_abort--> aborted\n"
        "    aborted --recv_commit--> committed\n"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("rms", "states"), [(3, 288), (5, 8_832)])
def test_json_is_an_array_of_objects(run, engine, rms, states):
    outcome = run("verify", "twophase", "-p", f"rms={rms}", "--json", "--engine", engine)
    [report] = outcome.json
    assert set(report) >= KEYS
    assert (report["model"], report["params"], report["verdict"]) == ("twophase", {"rms": rms}, "holds")
    assert (report["distinct_states"], report["depth"]) == (states, 3 * rms + 2)
    assert report["engine"] == engine
    assert outcome.err == ""


def test_a_limit_is_not_a_pass(run):
    outcome = run("verify", "twophase", "-p", "rms=5", "--max-states", "100", "--engine", "reference")
    assert outcome.code == 3
    assert "incomplete: 100 states" in outcome.out
    [report] = run("verify", "twophase", "-p", "rms=6", "--max-depth", "2", "--json").json
    assert (report["verdict"], report["depth"]) == ("incomplete", 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_counterexample_is_told_saved_and_replayed(run, counter, engine):
    outcome = run("verify", counter, "--engine", engine)
    assert outcome.code == 1
    assert without_seconds(outcome.out) == (
        "small violated in counter limit=3 bound=5\n"
        "  The number stays below the limit.\n"
        "\n"
        "  1  counter  is told: Tick\n"
        "              number: 0 -> 1\n"
        "  2  counter  is told: Tick\n"
        "              number: 1 -> 2\n"
        "  3  counter  is told: Tick\n"
        "              number: 2 -> 3\n"
        "\n"
        "saved to counterexamples/counter-small.json\n"
        "  coordfsm replay counterexamples/counter-small.json\n"
        "  coordfsm render counterexamples/counter-small.json\n"
        "\n"
        f"model{' ' * (len(counter) - 5)}  distinct states  transitions  depth  seconds  never fired  verdict\n"
        f"{counter}                4            4      4      0.0            0  violated: small\n"
        "  parameters: limit=3 bound=5\n"
        "  faults: any reordering, bounded\n"
        "  properties: small\n"
    )
    again = run("replay", "counterexamples/counter-small.json", "--model", counter)
    assert again.code == 1
    assert again.out.endswith("reproduced: 3 steps replayed, small is violated\n")


def test_a_counterexample_in_json(run, counter):
    outcome = run("verify", counter, "-p", "limit=2", "--json", "--output", "found")
    [report] = outcome.json
    assert (outcome.code, report["verdict"], len(report["counterexample"]["steps"])) == (1, "violated", 2)
    assert json.loads(Path("found/counter-small.json").read_text()) == report["counterexample"]
    assert outcome.err == ""


def test_several_models_and_counterexamples_do_not_overwrite_each_other(run, counter):
    outcome = run("verify", counter, "twophase", counter)
    assert outcome.code == 1
    assert sorted(path.name for path in Path("counterexamples").iterdir()) == [
        "counter-small-2.json",
        "counter-small.json",
    ]
    assert run("verify", counter).code == 1
    assert len(list(Path("counterexamples").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["twofase"], "unknown model 'twofase' (did you mean twophase?); the models are: "),
        (["twophase", "-p", "rmz=3"], "has no parameter 'rmz' (did you mean rms?); its parameters are: rms"),
        (["twophase", "-p", "rms=0"], "parameter rms: '0' is not a whole number from 1 to 12"),
        (["twophase", "-p", "rms=three"], "parameter rms: 'three' is not a whole number from 1 to 12"),
        (["twophase", "-p", "rms"], "'rms' is not of the form name=value"),
        (["-p", "rms=3"], "name exactly one model"),
        (["twophase", "coordinator", "-p", "rms=3"], "name exactly one model"),
        (["--list", "-p", "rms=3"], "does not go with --list"),
        (["--update"], "--update goes with --manifest FILE"),
        (["--checkpoint", "x"], "name exactly one model"),
        (["missing.py"], "no such model file: missing.py"),
        (["--manifest", "missing.json"], "cannot read the manifest missing.json"),
        (["--mutants", "nobody"], "no mutant, machine or model is called 'nobody'"),
    ],
)
def test_mistakes_are_named_with_what_is_valid(run, arguments, message):
    outcome = run("verify", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--max-states", "0"], ["--max-states", "many"], ["--max-seconds", "-1"], ["--max-seconds", "nan"],
     ["--max-memory", "8X"], ["--threads", "0"], ["--engine", "warp"], ["--manifest", "x", "--mutants"]],
)  # fmt: skip
def test_bad_values_are_usage_errors(run, arguments):
    outcome = run("verify", "twophase", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "usage: coordfsm verify" in outcome.err


def test_what_only_the_native_engine_can_do_is_refused(run):
    outcome = run("verify", "twophase", "--engine", "reference", "--max-memory", "1G")
    assert outcome.code == 2
    assert "--max-memory: only the native engine can do this" in outcome.out


def test_the_list_shows_models_parameters_and_properties(run):
    out = run("verify", "--list", "twophase").out
    assert "rms=3              resource managers (a whole number from 1 to 12)" in out
    assert "TC           No resource manager commits while another aborts." in out
    entries = {entry["model"]: entry for entry in run("verify", "--list", "--json").json}
    assert entries["twophase"]["parameters"] == [
        {"name": "rms", "type": "int", "optional": False, "default": 3, "minimum": 1, "maximum": 12, "choices": [],
         "help": "resource managers"}
    ]  # fmt: skip
    assert {item["id"] for item in entries["twophase"]["properties"]} == {"TC", "TC-commit"}


def test_one_mutant_tells_its_story_and_many_make_a_table(run):
    one = run("verify", "--mutants", "commit-before-all-prepared")
    assert one.code == 0
    assert "TC violated in twophase rms=2 (mutant commit-before-all-prepared)" in one.out
    many = run("verify", "--mutants", "twophase")
    assert many.code == 0
    assert many.out.endswith("\n4 of 4 mutants caught\n")
    assert "  1  " not in many.out


def test_mutants_are_listed_without_exploring(run):
    out = run("verify", "--mutants", "--list", "commit-before-all-prepared").out
    assert out == (
        "mutant                      machine             property  seen in\n"
        "commit-before-all-prepared  TransactionManager  TC        own\n"
        "  in twophase rms=2: The transaction manager commits once one participant is prepared.\n"
    )
    [item] = run("verify", "--mutants", "--list", "commit-before-all-prepared", "--json").json
    assert (item["mutant"], item["source"]) == ("commit-before-all-prepared", "own")


def test_mutants_in_json(run):
    found = run("verify", "--mutants", "ResourceManager", "--json").json
    assert [(item["mutant"], item["property"], item["caught"], item["length"]) for item in found] == [
        ("aborted-participant-prepares", "TC", True, 7),
        ("prepared-not-binding", "TC", True, 7),
    ]


def test_a_mutant_that_is_not_caught_fails_and_one_that_was_cut_short_is_incomplete(run, monkeypatch):
    cut = run("verify", "--mutants", "prepared-not-binding", "--max-depth", "2")
    assert cut.code == 3
    assert "NO: incomplete: depth 2" in cut.out

    def harmless(mutant):
        return mutant.real()

    monkeypatch.setattr("coordfsm.testing.mutants.mutant.Mutant.build", harmless)
    missed = run("verify", "--mutants", "prepared-not-binding")
    assert missed.code == 1
    assert "NOT CAUGHT prepared-not-binding, in twophase rms=2: A participant reports" in missed.out


def test_the_manifest_is_recorded_and_compared(run, monkeypatch):
    monkeypatch.setattr("coordfsm.cli.reports.manifest.catalogue", lambda: [_twophase()])
    recorded = run("verify", "--manifest", "m.json", "--update", "--engine", "reference")
    assert recorded.code == 0
    assert recorded.out.endswith("recorded in m.json\n")
    same = run("verify", "--manifest", "m.json")
    assert (same.code, same.out.splitlines()[-1]) == (0, "2 of 2 as recorded")
    content = json.loads(Path("m.json").read_text())
    content["models"][0]["distinct_states"] = 287
    Path("m.json").write_text(json.dumps(content))
    differs = run("verify", "--manifest", "m.json")
    assert differs.code == 1
    assert "distinct_states: expected 287, found 288" in differs.out
    assert run("verify", "--manifest", "m.json", "--json").json[0]["differences"] == [
        "distinct_states: expected 287, found 288"
    ]


def test_a_manifest_tells_which_rules_began_or_ceased_to_fire(run, monkeypatch):
    monkeypatch.setattr("coordfsm.cli.reports.manifest.catalogue", lambda: [_twophase()])
    assert run("verify", "--manifest", "m.json", "--update").code == 0
    content = json.loads(Path("m.json").read_text())
    rules = content["fired"]["ResourceManager"]
    rules[rules.index("working --recv_abort--> aborted")] = "aborted --recv_commit--> committed"
    Path("m.json").write_text(json.dumps(content))
    differs = run("verify", "--manifest", "m.json", "--json")
    assert (differs.code, [item["differences"] for item in differs.json]) == (
        1,
        [
            [
                "fires in no recorded model any more: ResourceManager: aborted --recv_commit--> committed",
                "not recorded as fired: ResourceManager: working --recv_abort--> aborted",
            ],
            [],
        ],
    )
    assert run("verify", "--manifest", "m.json", "--max-states", "5").code == 1  # for its counts, not for the rules
    assert "fires in no" not in run("verify", "--manifest", "m.json", "--max-states", "5").out


def test_a_reduction_leaves_the_verdicts_of_a_manifest(run, monkeypatch):
    monkeypatch.setattr("coordfsm.cli.reports.manifest.catalogue", lambda: [_twophase()])
    refused = run("verify", "--manifest", "m.json", "--update", "--por")
    assert (refused.code, "--update without --symmetry and --por" in refused.err) == (2, True)
    assert run("verify", "--manifest", "m.json", "--update").code == 0
    same = run("verify", "--manifest", "m.json", "--por")
    assert (same.code, same.out.splitlines()[-1]) == (0, "2 of 2 as recorded")
    assert "197 of 288 states" in same.out


def test_what_a_reduction_did_is_told(run):
    found = run("verify", "pingpong", "--por")
    assert found.code == 0
    assert "reduction: inert messages left out, 2 rounds" in found.out
    full = run("verify", "lamport", "--por")
    assert "reduction: none: a message that does nothing still holds up those behind it" in full.out
    assert "reduction" not in run("verify", "pingpong", "--no-por").out


def _twophase():
    from coordfsm.check.modelling.registry import find  # noqa: PLC0415  (one test's)

    return find("twophase")


def test_a_model_that_fails_is_reported_and_does_not_stop_the_others(run, monkeypatch):
    from coordfsm.cli.reports import verification as exploration  # noqa: PLC0415  (one test's)

    real = exploration.explore
    failing = iter([True, False])

    def explore(*arguments, **options):
        if next(failing):
            raise RuntimeError("out of luck")
        return real(*arguments, **options)

    monkeypatch.setattr(exploration, "explore", explore)
    outcome = run("verify", "twophase", "twophase")
    assert outcome.code == 70
    assert "RuntimeError: out of luck" in outcome.err
    assert "error" in outcome.out
    assert "holds" in outcome.out


def test_random_walks_are_never_a_pass(run):
    outcome = run("verify", "twophase", "-p", "rms=9", "--walks", "20", "--depth", "30", "--seed", "4", "--json")
    [report] = outcome.json
    assert (outcome.code, report["verdict"], report["stopped"]) == (3, "incomplete", "20 random walks")
    assert report["details"]["seed"] == 4
    assert report["depth"] <= 31
    assert "incomplete: 20 random walks" in run("verify", "twophase", "--walks", "20").out


def test_a_random_walk_that_violates_is_shortened_saved_and_replayed(run, counter):
    outcome = run("verify", counter, "--walks", "5")
    assert (outcome.code, outcome.out.count("is told: Tick")) == (1, 3)
    assert run("replay", "counterexamples/counter-small.json", "--model", counter).code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "1"], "they go with --walks N"),
        (["--walks", "5", "--mutants"], "--walks goes through the model at random"),
        (["--walks", "5", "--engine", "native"], "--walks goes through the model at random"),
        (["--walks", "5", "--max-depth", "3"], "of random walks say --depth D"),
        (["twophase", "--walks", "5", "--threads", "2"], "--threads: only the native engine can do this, random walks"),
    ],
)
def test_what_does_not_go_with_random_walks_is_refused(run, arguments, message):
    outcome = run("verify", *arguments)
    assert outcome.code == 2
    assert message in outcome.out + outcome.err
