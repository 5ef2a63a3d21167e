"""Models with several initial states: all are explored, each story says which one it begins with."""

from dataclasses import replace

import pytest
from check.exploration.letters import Letter, WriterData, heard, letters

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.walks import Walks, walk
from coordfsm.check.modelling.model import Envelope, Property, Start, every_start
from coordfsm.check.traces.explorer import Explorer, WayError
from coordfsm.check.traces.replay import replay
from coordfsm.check.traces.trace import Trace, TraceFileError, story
from coordfsm.kernel import ModelError
from coordfsm.testing.stateful import state_machine_of

ENGINES = [reference.explore, native.explore]
UNDER_WAY = Start("a letter under way", in_flight=(Envelope("writer", "reader", Letter("z")),))
WRITTEN = Start("x written", {"writer": WriterData(("x",))})


def silent(letter):
    """Nobody ever hears this letter."""
    return Property("silent", "It is never heard.", lambda seen: letter not in seen[1], observe=heard)


def model(*starts, properties=()):
    return letters("x", properties=properties, starts=starts)


@pytest.mark.parametrize("explore", ENGINES)
def test_all_states_of_all_starts_are_found_once(explore):
    """Alone: x may be written (1), is under way (2), was heard (3); or there is nothing to do (1)."""
    assert explore(model()).distinct_states == explore(model(Start("plain"))).distinct_states == 3
    assert explore(model(WRITTEN)).distinct_states == 1
    both = explore(model(Start("plain"), WRITTEN, Start("plain again")))
    assert (both.distinct_states, both.transitions, both.depth) == (4, 4, 3)


@pytest.mark.parametrize("explore", ENGINES)
def test_a_story_says_with_what_it_begins_and_is_replayed_from_there(explore):
    broken = model(Start("plain"), WRITTEN, UNDER_WAY, properties=(silent("z"),))
    trace = explore(broken).counterexample
    assert (trace.start, len(trace.steps)) == ("a letter under way", 1)
    assert "  starts with a letter under way\n" in story(trace)
    assert Trace.loads(trace.dumps()) == trace
    assert replay(broken, trace).same
    with pytest.raises(TraceFileError, match="starts with 'a letter under way'; the starts of the model are 'plain'"):
        replay(replace(broken, starts=(Start("plain"), WRITTEN)), trace)


@pytest.mark.parametrize("explore", ENGINES)
def test_a_start_that_is_wrong_itself_is_told_without_a_step(explore):
    unwritten = Property("unwritten", "x is unwritten.", lambda seen: "x" not in seen[0],
                         observe=lambda local: getattr(local.data, "written", ()))  # fmt: skip
    trace = explore(model(Start("plain"), WRITTEN, properties=(unwritten,))).counterexample
    assert (trace.start, trace.steps) == ("x written", ())


def test_more_starts_than_a_table_holds_at_first():
    numbers = {str(number): WriterData(("x", str(number))) for number in range(5000)}
    report = native.explore(model(*every_start({"writer": numbers})))
    assert (report.distinct_states, report.transitions, report.depth) == (5000, 5000, 1)


def test_every_choice_of_alternatives_is_a_start():
    two = {"new": WriterData(), "old": WriterData(("x",))}
    starts = every_start({"writer": two, "reader": two})
    assert [start.name for start in starts] == [
        "writer new, reader new",
        "writer new, reader old",
        "writer old, reader new",
        "writer old, reader old",
    ]
    assert starts[1].initial == {"writer": WriterData(), "reader": WriterData(("x",))}


def test_walks_and_hypothesis_begin_with_any_of_them():
    broken = model(Start("plain"), UNDER_WAY, properties=(silent("z"),))
    trace = walk(broken, Walks(50, 10, 1)).counterexample
    assert trace.start == "a letter under way"
    machine = state_machine_of(broken)()
    machine.start_otherwise(1)
    machine.take("deliver", 0)
    assert not machine.holds(broken.properties[0])


def test_the_explorer_shows_the_starts_and_names_them_in_addresses():
    explorer = Explorer(model(Start("plain"), UNDER_WAY))
    assert '<b><a href="/">plain</a></b> &middot; <a href="/1:">a letter under way</a>' in explorer.page("")
    assert "Messages in flight (1)" in explorer.page("1:")
    assert 'href="/1:0.0"' in explorer.page("1:0")
    with pytest.raises(WayError, match="the model has 2 starts"):
        explorer.page("2:0")


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ((Start("a"), Start("a")), "two starts have the same name, 'a'"),
        ((Start("a", {"wroter": WriterData()}),), r"start a: initial names 'wroter', .*did you mean writer"),
        ((Start("a", {"writer": 3}),), "start a: initial of writer is 3, expected the machine's data"),
        ((Start("a", durable={"writer": (3,)}),), "start a: durable of writer is"),
        ((Start("a", in_flight=(Envelope("writer", "nobody", Letter("z")),)),), "start a: in_flight names 'nobody'"),
        (["a"], "starts is"),
    ],
)
def test_a_start_that_is_no_start_is_refused(starts, message):
    with pytest.raises(ModelError, match=message):
        letters("x", starts=starts)


def test_symmetry_refuses_several_starts():
    with pytest.raises(ModelError, match="symmetry with several starts is not supported"):
        native.explore(replace(model(Start("plain"), WRITTEN), symmetric=(("writer", "reader"),)), symmetry=True)
