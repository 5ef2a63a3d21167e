"""A saved trace is read, stepped again, and judged again."""

import json
from dataclasses import replace

import pytest

from coordfsm.check.exploration.reference import explore
from coordfsm.check.modelling.model import Multiset, Property
from coordfsm.check.traces.replay import replay
from coordfsm.check.traces.trace import Trace, TraceFileError
from tests.check.exploration.letters import Write1, heard, letters

SILENCE = Property("silence", "Nothing is heard.", lambda seen: not seen[1], observe=heard)
ARRIVES = Property("arrives", "It can still arrive.", lambda seen: bool(seen[1]), kind="reachable", observe=heard)


def broken(model):
    """The counterexample of a model, as it comes back from a file."""
    trace = explore(model).counterexample
    assert Trace.loads(trace.dumps()) == trace
    return trace


def test_a_counterexample_is_reproduced():
    model = letters("a", properties=(SILENCE,))
    trace = broken(model)
    result = replay(model, trace)
    assert (result.violated, result.same, result.trace) == (True, True, trace)


def test_a_trace_whose_property_holds_now_is_not_reproduced():
    trace = broken(letters("a", properties=(SILENCE,)))
    result = replay(letters("a", properties=(replace(SILENCE, predicate=lambda _seen: True),)), trace)
    assert (result.violated, result.same) == (False, True)


def test_a_deadlock_is_reproduced():
    model = letters("a", network=Multiset(loss=1), deadlock=True, final=lambda local: bool(heard(local)))
    assert replay(model, broken(model)).violated


def test_a_state_without_a_way_back_is_reproduced():
    model = letters("a", network=Multiset(loss=1), properties=(ARRIVES,))
    assert replay(model, broken(model)).violated
    assert not replay(model, replace(broken(model), steps=broken(model).steps[:1])).violated


def test_a_step_that_raises_is_reproduced_and_one_that_does_no_more_is_not():
    writer, reader = letters("a").nodes
    strange = replace(reader, commands=lambda local: (Write1("a"),) if heard(local) else ())
    model = replace(letters("a"), nodes=(writer, strange))
    trace = broken(model)
    assert replay(model, trace).violated
    assert not replay(letters("a"), trace).violated


def test_a_trace_of_other_machines_does_not_fit():
    trace = broken(letters("a", properties=(SILENCE,)))
    with pytest.raises(TraceFileError, match="step 1 cannot happen"):
        replay(letters("b", properties=(SILENCE,)), trace)
    with pytest.raises(TraceFileError, match="the trace violates 'silence'; model letters has deadlock, error"):
        replay(letters("a"), trace)
    with pytest.raises(TraceFileError, match="the trace is of nodes writer, reader, the model has writer"):
        replay(replace(letters("a", properties=(SILENCE,)), nodes=letters("a").nodes[:1]), trace)
    with pytest.raises(TraceFileError, match="loop 9: the trace has 2 steps"):
        replay(letters("a", properties=(SILENCE,)), replace(trace, loop=9))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a trace file"),
        ("[]", "trace format 'list', expected 1"),
        ("{}", "trace format None, expected 1"),
        ('{"format": 2}', "trace format 2, expected 1"),
        ('{"format": 1}', "missing required field"),
    ],
)
def test_what_is_no_trace_file_is_refused_with_the_reason(text, reason):
    with pytest.raises(TraceFileError, match=reason):
        Trace.loads(text)


def test_a_trace_with_a_mistyped_field_is_refused():
    content = json.loads(broken(letters("a", properties=(SILENCE,))).dumps())
    content["steps"][0]["number"] = "first"
    with pytest.raises(TraceFileError, match="steps"):
        Trace.loads(json.dumps(content))
