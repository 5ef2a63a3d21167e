"""What lies beyond a model's boundary is not known: neither good nor bad, and the report says what it leaves open."""

from dataclasses import replace

import pytest
from check.exploration.letters import Write1, heard, letters

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.walks import Walks, walk
from coordfsm.check.modelling.model import Faults, Property, UnreliableSet
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


def seen(local):
    """What a writer wrote, what a reader heard."""
    return getattr(local.data, "written", ()), heard(local)


def is_written(observed):
    return "a" in observed[0][0]


def is_heard(observed):
    return "a" in observed[1][1]


COMES = Property("comes", "What is written is heard.", is_heard, "leads_to", seen, trigger=is_written)
CAN = Property("can", "It can always still be heard.", is_heard, "reachable", seen)
AT_LAST = Property("at last", "It is heard at last.", is_heard, "eventually", seen)


def unheard(*properties, **options):
    """The letter is written, for certain; to hear it is beyond the boundary."""
    model = letters("a", properties=properties, boundary=lambda local: not heard(local), **options)
    writer, *others = model.nodes
    return replace(model, nodes=(replace(writer, fair=("local_write1",)), *others))


@pytest.mark.parametrize("explore", ENGINES)
@pytest.mark.parametrize("item", [COMES, CAN, AT_LAST], ids=lambda item: item.kind)
def test_what_goes_on_beyond_ends_neither_here_nor_there(explore, item):
    report = explore(unheard(item))
    assert (report.distinct_states, report.transitions, report.cut_off) == (2, 2, 1)
    assert (report.verdict, report.properties[0].verdict, report.stopped) == ("incomplete", "incomplete", None)
    assert report.why_incomplete == f"cut by the boundary: {item.id}"


@pytest.mark.parametrize("explore", ENGINES)
@pytest.mark.parametrize("item", [COMES, CAN, AT_LAST], ids=lambda item: item.kind)
def test_what_comes_before_the_boundary_is_known(explore, item):
    before = replace(item, predicate=lambda observed: is_written(observed) or is_heard(observed))
    report = explore(unheard(before))
    assert (report.verdict, report.cut_off) == ("holds", 1)


@pytest.mark.parametrize("explore", ENGINES)
def test_who_may_stay_within_for_ever_violates_in_spite_of_a_way_out(explore):
    """Nobody has to write: from the start on nothing need happen, whatever is beyond."""
    report = explore(letters("a", properties=(AT_LAST,), boundary=lambda local: not seen(local)[0]))
    assert (report.verdict, report.cut_off) == ("violated", 1)
    assert "not for writer local_write1" in report.counterexample.rest


@pytest.mark.parametrize("explore", ENGINES)
def test_who_can_go_neither_beyond_nor_on_is_lost(explore):
    """To lose the letter is to stay within for ever, though a delivery would lead beyond."""
    network = replace(letters("a").network, loss=1)
    report = explore(unheard(CAN, network=network))
    assert (report.verdict, report.counterexample.property) == ("violated", "can")
    assert len(report.counterexample.steps) == 2
    assert report.counterexample.steps[1].kind == "lose"


@pytest.mark.parametrize("explore", ENGINES)
def test_a_crash_that_nobody_can_pay_for_is_no_cut(explore):
    """Whoever is torn while it writes is beyond. After the one crash it recovers and writes in one piece."""
    crash = Faults(crash=1, crashable=("writer",))
    report = explore(letters("a", boots=True, faults=crash, boundary=lambda local: local.data is not None))
    # torn before it has persisted, or after; the same steps of one that has crashed before are not counted
    assert (report.distinct_states, report.cut_off) == (9, 2)


def test_more_ways_out_of_a_state_than_a_buffer_holds():
    many = tuple(Write1(str(number)) for number in range(5_000))
    model = letters(commands=many, properties=(CAN,), boundary=lambda local: not seen(local)[0])
    report = native.explore(model)
    assert (report.distinct_states, report.cut_off, report.verdict) == (1, 5_000, "incomplete")


def test_walks_count_what_they_leave_out():
    report = walk(unheard(CAN), Walks(10, 10, 0))
    assert report.cut_off == 10
