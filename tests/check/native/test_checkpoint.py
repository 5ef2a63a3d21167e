"""A search that was cut short goes on where it was, and comes to the same result."""

import signal
from dataclasses import replace

import numpy as np
import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Faults, Multiset
from coordfsm.check.models import lamport, twophase
from coordfsm.check.native.states.checkpoint import CheckpointError
from coordfsm.kernel import ModelError

WHOLE = ("verdict", "distinct_states", "transitions", "depth", "properties", "never_fired", "faults", "cut_off")


def same(report, other):
    for name in WHOLE:
        assert getattr(report, name) == getattr(other, name), name


@pytest.mark.parametrize("states", [1, 50, 2_000, 8_000])
@pytest.mark.parametrize(
    "model",
    [twophase.build(5), lamport.build(processes=2, top=6), sample.build(Multiset(loss=1), Faults(crash=1), clients=2)],
    ids=lambda model: model.name,
)
def test_going_on_after_a_limit(tmp_path, model, states):
    file = tmp_path / "search"
    first = native.explore(model, Limits(max_states=states), checkpoint=file)
    whole = native.explore(model)
    if first.verdict == "incomplete":
        assert first.distinct_states < whole.distinct_states
        same(native.explore(model, resume=file), whole)


def test_going_on_with_symmetry_and_again_and_again(tmp_path):
    model, file = twophase.build(6), tmp_path / "search"
    report = native.explore(model, Limits(max_depth=3), symmetry=True, checkpoint=file)
    for depth in range(4, 30):
        if report.verdict == "incomplete":
            report = native.explore(model, Limits(max_depth=depth), symmetry=True, checkpoint=file, resume=file)
    same(report, native.explore(model, symmetry=True))


def test_only_what_was_found_is_saved(tmp_path):
    file = tmp_path / "search"
    report = native.explore(twophase.build(5), Limits(max_depth=8), checkpoint=file)
    again = native.explore(twophase.build(5), Limits(max_depth=9), checkpoint=file, resume=file)
    with np.load(file) as saved:
        assert len(saved["parents"]) == again.distinct_states > report.distinct_states


def test_another_model_is_refused(tmp_path):
    file = tmp_path / "search"
    native.explore(twophase.build(3), Limits(max_depth=4), checkpoint=file)
    with pytest.raises(CheckpointError, match="parameters"):
        native.explore(twophase.build(4), resume=file)


def test_changed_machines_are_refused(tmp_path):
    model, file = sample.build(), tmp_path / "search"
    native.explore(model, Limits(max_depth=6), checkpoint=file)
    deaf = replace(model.nodes[0], step=lambda data, given: sample.SERVER.step(data, given)._replace(effects=()))
    with pytest.raises(CheckpointError, match=r"another search: node s, .*changed since"):
        native.explore(replace(model, nodes=(deaf, *model.nodes[1:])), resume=file)


def test_a_file_that_is_no_search_is_refused(tmp_path):
    file = tmp_path / "search"
    file.write_text("nothing")
    with pytest.raises(CheckpointError, match="is not a saved search"):
        native.explore(twophase.build(2), resume=file)


def test_a_memory_limit_stops_cleanly(tmp_path):
    file = tmp_path / "search"
    report = native.explore(twophase.build(7), max_memory=1 << 21, checkpoint=file)
    assert report.verdict == "incomplete"
    assert report.stopped == "2 MiB of memory"
    assert report.distinct_states > 1_000
    same(native.explore(twophase.build(7), resume=file), native.explore(twophase.build(7)))


@pytest.mark.parametrize("most_bytes", [1 << 10, 1 << 20])
def test_a_search_that_does_not_fit_is_refused_with_what_it_needs(tmp_path, most_bytes):
    model, file = twophase.build(7), tmp_path / "search"
    saved = native.explore(model, Limits(max_states=200_000), checkpoint=file)
    kept = file.read_bytes()
    told = f"a search of {saved.distinct_states:,} states, which {most_bytes:,} bytes of memory do not hold"

    with pytest.raises(CheckpointError, match=f"{told}; allow more"):
        native.explore(model, resume=file, checkpoint=file, max_memory=most_bytes)

    assert file.read_bytes() == kept
    same(native.explore(model, resume=file), native.explore(model))


@pytest.mark.parametrize("most_bytes", [1, 7])
def test_memory_that_does_not_hold_the_initial_states_is_refused(most_bytes):
    with pytest.raises(ModelError, match=rf"{most_bytes} bytes of memory .* initial states; expected more"):
        native.explore(twophase.build(3), max_memory=most_bytes)


def test_an_interruption_reports_what_was_covered():
    def press(_progress):
        signal.raise_signal(signal.SIGINT)

    report = native.explore(twophase.build(8), progress=press)
    assert (report.verdict, report.stopped) == ("incomplete", "interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
