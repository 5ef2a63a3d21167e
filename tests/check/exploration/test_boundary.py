"""What lies beyond a model's boundary is not known: neither good nor bad, and the report says what it leaves open."""

import pytest
from check.exploration.letters import heard, letters

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Property, UnreliableSet
from coordfsm.cli.reports.verification import verdict_text

ENGINES = [reference.explore, native.explore]


def cut(*properties):
    """The letter a is delivered again and again; whoever has heard it more than three times is beyond the boundary."""
    return letters("a", network=UnreliableSet(), properties=properties, boundary=lambda local: len(heard(local)) <= 3)


def often(times):
    return Property(
        "often", "The letter is heard so often.", lambda seen: len(seen[1]) == times, kind="sometimes", observe=heard
    )


@pytest.mark.parametrize("explore", ENGINES)
def test_a_witness_that_may_lie_beyond_is_not_refuted(explore):
    report = explore(cut(often(4)))
    assert [(result.id, result.verdict, result.witness) for result in report.properties] == [
        ("often", "incomplete", None)
    ]
    assert (report.verdict, report.stopped, report.counterexample) == ("incomplete", None, None)
    assert report.why_incomplete == "cut by the boundary: often"
    assert verdict_text(report) == "incomplete: cut by the boundary: often"


@pytest.mark.parametrize("explore", ENGINES)
def test_a_witness_within_is_one(explore):
    report = explore(cut(often(3)))
    assert (report.verdict, report.properties[0].verdict, report.cut_off) == ("holds", "holds", 1)
    assert report.why_incomplete == ""
