"""Every step that the bounded models take gives the same result in the library's own engine.

The models lead the machines into thousands of realistic (data, input, context) triples, which no hand-written
list would reach.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.registry import Entry, catalogue
from coordfsm.kernel import Step, TransitionTable, Value, event_of
from coordfsm.testing.library import library_step

DEPTH = 7  # breadth-first levels explored per model
STATES = 3000  # distinct global states explored per model at most
COMPARED = 8  # steps compared per rule, and per ignored pair, of each machine

Taken = tuple[TransitionTable, Any, Value, Any, Step]


def steps_taken(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Taken]:
    """The distinct table steps of a short exploration, a few for each rule and ignored pair."""
    taken: dict[tuple[str, ...], list[Taken]] = {}
    plain = TransitionTable.step

    def recording(table: TransitionTable, data: Any, given: Value, context: Any = None) -> Step:
        step = plain(table, data, given, context)
        group = taken.setdefault((table.name, data.state, event_of(given), *step.fired), [])
        if len(group) < COMPARED:
            group.append((table, data, given, context, step))
        return step

    with monkeypatch.context() as patched:
        patched.setattr(TransitionTable, "step", recording)
        model = entry.build()
        explore(dataclasses.replace(model, properties=()), Limits(max_states=STATES, max_depth=DEPTH))
    for group in taken.values():
        yield from group


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_table_and_library_agree_on_what_the_model_does(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for table, data, given, context, step in steps_taken(entry, monkeypatch):
        library = library_step(table.declaration, data, given, context)
        compared += 1
        if not step.fired:
            assert library is None
            assert step == Step(data, (), ())
            continue
        assert library is not None
        target, result = library
        expected_data, expected_effects = result if result is not None else (data, ())
        assert step.data.state == target
        assert step.effects == expected_effects
        assert step.data == msgspec.structs.replace(expected_data, state=target)
    assert compared > 0
