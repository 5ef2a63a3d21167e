"""The manifest says what explorations must find."""

from dataclasses import replace
from pathlib import Path

import pytest

from coordfsm.check.exploration.reference import explore
from coordfsm.check.modelling.manifest import ManifestError, expectation, load, load_fired, save
from coordfsm.check.modelling.registry import find


def test_what_was_recorded_is_compared_field_by_field(tmp_path: Path):
    report = explore(find("twophase").build({"rms": 2}))
    entry = expectation(report, quick=True)
    save(tmp_path / "manifest.json", (entry,), ["A: x --recv_y--> z", "B: x --recv_y--> x"])
    assert load(tmp_path / "manifest.json") == (entry,)
    assert load_fired(tmp_path / "manifest.json") == {"A: x --recv_y--> z", "B: x --recv_y--> x"}
    assert entry.differences(report) == ()
    other = replace(entry, distinct_states=1_000, verdict="violated", properties=("TC",))
    assert other.differences(report) == (
        "properties: expected TC, found TC TC-commit",
        "verdict: expected violated, found holds",
        "distinct_states: expected 1,000, found 56",
    )


def test_a_manifest_may_say_nothing_of_rules(tmp_path: Path):
    path = tmp_path / "manifest.json"
    path.write_text('{"format": 1, "models": []}')
    assert load_fired(path) is None


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 1, "models": [{"model": "twophase"}]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ManifestError, match="is not a manifest"):
        load(path)


def test_a_missing_manifest_is_named(tmp_path: Path):
    with pytest.raises(ManifestError, match=r"cannot read the manifest .*missing\.json"):
        load(tmp_path / "missing.json")
