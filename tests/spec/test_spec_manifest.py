"""The manifest lists what explorations find; the small ones are explored here, by both engines."""

from dataclasses import asdict
from pathlib import Path

import pytest

from coordfsm.check.exploration import reference
from coordfsm.check.exploration.engines import explore
from coordfsm.check.modelling.manifest import load
from coordfsm.check.modelling.registry import catalogue, find

MANIFEST = load(Path(__file__).parents[2] / "spec" / "manifest.json")
QUICK = [entry for entry in MANIFEST if entry.quick]


def name(entry):
    return " ".join([entry.model, *(f"{key}={value}" for key, value in entry.params.items())])


@pytest.mark.parametrize("entry", QUICK, ids=name)
def test_a_small_model_is_as_recorded(entry):
    model = find(entry.model).build(entry.params)
    assert entry.differences(reference.explore(model)) == ()
    assert entry.differences(explore(model)) == ()


def test_every_default_model_is_recorded():
    recorded = [(entry.model, entry.params) for entry in MANIFEST]
    for entry in catalogue():
        for given in entry.defaults:
            assert (entry.name, entry.complete(given)) in recorded, "run `coordfsm verify --manifest FILE --update`"


def test_entries_are_distinct_complete_and_expected_to_hold():
    keys = [(entry.model, sorted(entry.params.items(), key=str)) for entry in MANIFEST]
    assert all(keys.count(key) == 1 for key in keys)
    for entry in MANIFEST:
        model = find(entry.model).build(entry.params)
        assert entry.params == dict(model.parameters)
        assert entry.properties == tuple(dict.fromkeys(item.id for item in model.properties))
        assert entry.verdict == "holds", asdict(entry)


def test_published_counts_are_in_it():
    counts = {entry.params["rms"]: entry.distinct_states for entry in MANIFEST if entry.model == "twophase"}
    assert counts == {3: 288, 5: 8_832, 7: 296_448, 9: 10_340_352}
