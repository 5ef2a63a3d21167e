"""Sequence charts of a counterexample: every step, every message from where it was sent."""

import pytest
from render.svg_texts import overlapping, protruding

from coordfsm.check.exploration.reference import explore
from coordfsm.check.traces.trace import Sent, Trace, TraceStep
from coordfsm.render.metrics import FONTS
from coordfsm.render.picture import draw
from coordfsm.render.sequence_chart import to_dot, to_mermaid, wrapped
from coordfsm.testing.mutants import catalogue


@pytest.fixture(scope="module")
def trace() -> Trace:
    mutant = next(mutant for mutant in catalogue() if mutant.name == "commit-sent-first")
    found = explore(mutant.build(), mutant=mutant.name).counterexample
    assert found is not None
    return found


def test_every_step_is_a_box_and_every_message_an_arrow(trace: Trace) -> None:
    dot = to_dot(trace)
    for number, step in enumerate(trace.steps):
        assert f'"step{number}" [' in dot
        assert (f'"from{number}" -> "to{number}"' in dot) == bool(step.sender)
    svg = draw(dot, "svg", placed=True).decode()
    assert all(f">{node}<" in svg for node in trace.nodes)


def test_mermaid_tells_the_same(trace: Trace) -> None:
    text = to_mermaid(trace)
    assert text.count("->>") == sum(step.kind == "deliver" for step in trace.steps)
    assert "title: X1 violated in migration" in text


def test_losses_crashes_and_partitions_have_their_signs() -> None:
    sent = (Sent("b", "Ping"),)
    steps = (
        TraceStep(1, "command", "a", "Go", "", "", ("state: idle -> busy",), sent, ""),
        TraceStep(2, "lose", "b", "Ping", "a", "", (), (), ""),
        TraceStep(3, "crash", "a", "", "", "", (), (), ""),
        TraceStep(4, "partition", "split", "", "", "", (), (), ""),
        TraceStep(5, "recover", "a", "", "", "", (), (), ""),
    )
    text = to_mermaid(Trace("m", {}, "P", "It holds.", ("a", "b"), steps))
    assert "a-xb: 2. lost: Ping" in text
    assert "Note over a: 3. crashes" in text
    assert "Note over a,b: 4. partition split" in text
    dot = to_dot(Trace("m", {}, "P", "It holds.", ("a", "b"), steps))
    assert "arrowhead=tee" in dot
    assert "style=dotted" in dot


def test_long_lines_are_broken_between_words_and_endless_words_within() -> None:
    assert wrapped("one two three four", 48, 10) == ["one two", "   three", "   four"]
    assert wrapped("x" * 12, 48, 10) == ["xxxxxx", "   xxxxxx"]
    assert wrapped("x", 1, 10) == ["x"]


@pytest.mark.parametrize("font", FONTS)
def test_no_text_of_a_chart_overlaps_or_leaves_its_box(trace: Trace, font: str) -> None:
    svg = draw(to_dot(trace), "svg", placed=True).decode()
    assert overlapping(svg, font) == []
    assert protruding(svg, font) == []


def test_a_crash_amid_a_step_and_a_message_still_in_flight_are_told() -> None:
    steps = (
        TraceStep(1, "command", "a", "Go", "", "", (), (Sent("b", "Ping"), Sent("b", "Pong")), ""),
        TraceStep(2, "deliver", "b", "Ping", "a", "crashed after 0 of its effects", (), (), ""),
    )
    chart = Trace("m", {}, "P", "It holds.", ("a", "b"), steps)
    assert to_mermaid(chart).splitlines()[-2:] == [
        "  a->>b: 2. Ping",
        "  Note over b: crashed after 0 of its effects",
    ]
    dot = to_dot(chart)
    assert 'tooltip="to b: Pong"' in dot
    assert 'tooltip="to b: Ping"' not in dot


def test_a_message_to_oneself_bends_out_and_a_partition_spans_all_nodes() -> None:
    steps = (
        TraceStep(1, "command", "a", "Go", "", "", (), (Sent("a", "Self"),), ""),
        TraceStep(2, "deliver", "a", "Self", "a", "", (), (), ""),
        TraceStep(3, "partition", "split", "", "", "", (), (), ""),
    )
    dot = to_dot(Trace("m", {}, "P", "It holds.", ("a", "b"), steps))
    assert '"out1" -> "in1"' in dot
    assert 'width="630"' in dot
    assert draw(dot, "svg", placed=True).count(b"<svg") == 1


def test_where_the_steps_repeat_for_ever_is_told() -> None:
    steps = tuple(TraceStep(number, "timeout", "a", "retry", "", "", (), (), "") for number in (1, 2, 3))
    trace = Trace("m", {}, "PL", "It ends.", ("a", "b"), steps, loop=1)
    assert to_mermaid(trace).splitlines()[6:8] == [
        "  Note over a: 1. timer retry",
        "  Note over a,b: from here on the steps below repeat for ever",
    ]
    assert to_dot(trace).count("repeat for ever") == 1
