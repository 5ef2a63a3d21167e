"""The reference explorer, against counts that are published or worked out by hand."""

from dataclasses import replace

import pytest

from coordfsm.check.exploration.reference import ERROR, explore
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import (
    UNLIMITED,
    Faults,
    Multiset,
    Ordered,
    Partition,
    Property,
    UnreliableSet,
)
from coordfsm.check.modelling.registry import find
from coordfsm.check.traces.trace import story
from coordfsm.kernel import ModelError
from tests.check.exploration.letters import Arm, Disarm, Write1, heard, letters


def counts(model, **limits):
    report = explore(model, Limits(**limits))
    return report.distinct_states, report.transitions, report.depth


def hears(*wanted):
    """A witness: the reader hears exactly these letters, in this order."""
    return Property("heard", "They are heard.", lambda seen: seen[1] == wanted, kind="sometimes", observe=heard)


# -- published counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rms", [2, 3, 4, 5])
def test_two_phase_commit_has_the_published_counts(rms):
    distinct = 2**rms + 4**rms + 6**rms
    generated = 2 + (rms + 1) * 4**rms + 4 * rms * 6**rms // 3 + rms * 2**rms
    assert counts(find("twophase").build({"rms": rms})) == (distinct, generated, 3 * rms + 2)


def test_two_phase_commit_holds_with_its_witness_and_names_what_never_fired():
    report = explore(find("twophase").build({"rms": 3}))
    assert (report.distinct_states, report.transitions, report.depth) == (288, 1_146, 11)
    assert report.verdict == "holds"
    assert [(result.id, result.verdict, result.witness) for result in report.properties] == [
        ("TC", "holds", None),
        ("TC-commit", "holds", 11),
    ]
    assert report.never_fired == (
        "ResourceManager: working --recv_commit--> committed",
        "ResourceManager: committed --recv_abort--> aborted",
        "ResourceManager: aborted --recv_commit--> committed",
    )


# -- networks --------------------------------------------------------------------------------------------------------


def test_a_set_of_messages_delivers_again_and_again():
    model = letters("a", network=UnreliableSet(), boundary=lambda local: len(heard(local)) <= 3)
    report = explore(model)
    # not written; written; heard once, twice, three times: four deliveries, of which the fourth is cut off
    assert (report.distinct_states, report.transitions, report.depth) == (5, 5, 5)
    assert report.cut_off == 1


def test_a_multiset_delivers_once():
    assert counts(letters("a", network=Multiset())) == (3, 3, 3)


@pytest.mark.parametrize("loss", [1, UNLIMITED])
def test_a_multiset_loses_explicitly(loss):
    report = explore(letters("a", network=Multiset(loss=loss)))
    assert (report.distinct_states, report.transitions, report.depth) == (4, 4, 3)
    assert report.faults == {"command": 1, "deliver": 1, "lose": 1}


def test_a_loss_budget_is_spent():
    both_lost = Property(
        "one-arrives",
        "Not both are lost.",
        lambda seen, flying: seen[0] < 2 or flying or seen[1],
        observe=lambda local: len(getattr(local.data, "written", ())) or len(heard(local)),
        messages=True,
    )
    assert explore(letters("a", "b", network=Multiset(loss=1), properties=(both_lost,))).verdict == "holds"
    assert explore(letters("a", "b", network=Multiset(loss=2), properties=(both_lost,))).verdict == "violated"


def test_a_multiset_duplicates_explicitly():
    report = explore(letters("a", network=Multiset(duplicate=1), properties=(hears("a", "a"),)))
    # not written; in flight; heard; heard and in flight again; heard twice
    assert (report.distinct_states, report.transitions, report.depth) == (5, 5, 4)
    assert report.verdict == "holds"
    assert report.faults["duplicate"] == 1


def test_a_multiset_reorders_and_an_ordered_channel_does_not():
    in_order = Property(
        "order",
        "Letters are heard in the order in which they were written.",
        lambda seen: seen[0][: len(seen[1])] == seen[1],
        observe=lambda local: getattr(local.data, "written", None) or heard(local),
    )
    assert explore(letters("a", "b", network=Ordered(), properties=(in_order,))).verdict == "holds"
    assert explore(letters("a", "b", network=Multiset(), properties=(in_order,))).verdict == "violated"


def test_a_full_channel_drops_what_is_sent():
    assert explore(letters("a", "b", network=Ordered(capacity=1), properties=(hears("a", "b"),))).verdict == "holds"
    dropped = Property(
        "dropped",
        "All are written, one is heard, nothing is in flight.",
        lambda seen, flying: seen[0] == 2 and seen[1] == 1 and not flying,
        kind="sometimes",
        observe=lambda local: len(getattr(local.data, "written", ())) or len(heard(local)),
        messages=True,
    )
    assert explore(letters("a", "b", network=Ordered(capacity=1), properties=(dropped,))).verdict == "holds"
    assert explore(letters("a", "b", network=Ordered(), properties=(dropped,))).verdict == "violated"


# -- crashes ---------------------------------------------------------------------------------------------------------


def test_a_step_is_torn_at_every_effect():
    model = letters("a", boots=True, faults=Faults(crash=1, crashable=("writer",), recover=False), network=Multiset())
    report = explore(model)
    # Before the step: up, or down. The step torn before `Persist`; after it; the step done: up or down.
    # Those that lose everything before anything happened are one state: down, nothing durable, nothing sent.
    #   1 up, nothing   2 down, nothing   3 down, durable, not sent   4 written, sent   5 down, durable, sent
    #   6 written, heard   7 down, heard
    assert report.distinct_states == 7
    assert report.faults == {"command": 1, "crash": 3, "deliver": 2, "torn": 2}


def test_without_torn_crashes_a_copy_is_never_kept_unsent():
    lost = Property(
        "kept-unsent",
        "A copy is durable, and the letter is neither in flight nor heard.",
        lambda seen, flying: seen[0] and not seen[1] and not flying,
        kind="sometimes",
        observe=lambda local: bool(local.durable) or bool(heard(local)),
        messages=True,
    )
    torn, whole = Faults(crash=1, crashable=("writer",)), Faults(crash=1, crashable=("writer",), torn=False)
    assert explore(letters("a", boots=True, faults=torn, properties=(lost,))).verdict == "holds"
    assert explore(letters("a", boots=True, faults=whole, properties=(lost,))).verdict == "violated"


def test_a_process_recovers_what_is_durable_and_nothing_else():
    report = explore(
        letters(
            "a",
            boots=True,
            faults=Faults(crash=2),
            properties=(
                Property(
                    "amnesia",
                    "A process that is up knows exactly the letters of which it has a copy.",
                    lambda seen: seen[0],
                    observe=lambda local: (
                        local.data is None or len(getattr(local.data, "written", ())) == len(local.durable)
                    ),
                ),
                hears("a"),
            ),
        )
    )
    assert report.verdict == "holds"
    assert {"crash", "recover", "torn"} <= set(report.faults)


def test_timers_fire_once_and_cancelled_ones_never():
    report = explore(letters(commands=(Arm(),), boundary=lambda local: getattr(local.data, "reminded", 0) <= 2))
    # reminded 0, 1, 2 times, each with and without a timer set; the third reminder is cut off
    assert (report.distinct_states, report.cut_off) == (6, 1)
    again = explore(letters(commands=(Arm(), Disarm()), budgets={"timeout_reminder": 1}))
    # reminded 0 or 1 times (and the budget with it), with and without a timer
    assert again.distinct_states == 4


def test_budgets_bound_an_event_over_all_nodes():
    assert explore(letters("a", "b", budgets={"local_write1": 1})).distinct_states == 5
    assert explore(letters("a", "b", budgets={"local_write1": 0})).distinct_states == 1


def test_a_partition_holds_messages_back_until_it_heals():
    cut = Partition("split", frozenset({("writer", "reader"), ("reader", "writer")}))
    model = letters("a", faults=Faults(partitions=(cut,), partition=1), properties=(hears("a"),))
    report = explore(model)
    # written, heard or neither (3) x never cut, cut, healed (3)
    assert report.distinct_states == 9
    assert report.faults == {"command": 3, "deliver": 2, "heal": 3, "partition": 3}


# -- verdicts --------------------------------------------------------------------------------------------------------


def test_a_counterexample_is_a_shortest_one_and_tells_the_story():
    silent = Property("silence", "Nothing is heard.", lambda seen: not seen[1], observe=heard)
    report = explore(letters("a", "b", properties=(silent,)))
    assert report.verdict == "violated"
    assert story(report.counterexample) == (
        "silence violated in letters \n"
        "  Nothing is heard.\n"
        "\n"
        "  1  writer  is told: Write1(text=a)\n"
        "             written: [] -> [a]\n"
        "             durable copy/a: none -> Copy(text=a)\n"
        "             sends to reader: Letter(text=a)\n"
        "  2  reader  receives from writer: Letter(text=a)\n"
        "             heard: [] -> [a]\n"
    )


def test_a_property_that_is_broken_at_the_start_has_an_empty_story():
    report = explore(letters("a", properties=(Property("never", "No.", lambda _seen: False),)))
    assert (report.verdict, report.counterexample.steps, report.distinct_states) == ("violated", (), 1)


def test_a_witness_that_is_never_seen_is_a_violation_without_a_counterexample():
    report = explore(letters("a", properties=(hears("z"),)))
    assert (report.verdict, report.counterexample) == ("violated", None)


def test_a_deadlock_is_a_state_in_which_nobody_can_move_and_not_everybody_may_rest():
    waiting = {"deadlock": True, "final": lambda local: bool(heard(local))}
    assert explore(letters("a", **waiting)).verdict == "holds"
    report = explore(letters("a", network=Multiset(loss=1), **waiting))
    assert (report.verdict, report.counterexample.property) == ("violated", "deadlock")
    assert [step.kind for step in report.counterexample.steps] == ["command", "lose"]


def test_reachable_finds_the_first_state_without_a_way_back():
    arrives = Property(
        "arrives", "The letter can still arrive.", lambda seen: bool(seen[1]), kind="reachable", observe=heard
    )
    assert explore(letters("a", properties=(arrives,))).verdict == "holds"
    report = explore(letters("a", network=Multiset(loss=1), properties=(arrives,)))
    assert report.verdict == "violated"
    assert [step.kind for step in report.counterexample.steps] == ["command", "lose"]


@pytest.mark.parametrize("limit", [{"max_states": 10}, {"max_depth": 3}, {"max_seconds": 1e-9}])
def test_a_search_that_was_cut_short_is_incomplete(limit):
    report = explore(find("twophase").build({"rms": 3}), Limits(**limit))
    assert report.verdict == "incomplete"
    assert {result.verdict for result in report.properties} == {"incomplete"}
    assert report.stopped == {
        "max_states": "10 states",
        "max_depth": "depth 3",
        "max_seconds": "1e-09 seconds",
    }.get(next(iter(limit)))


def test_an_exploration_that_is_interrupted_reports_what_it_covered():
    def interrupt(_progress):
        raise KeyboardInterrupt

    report = explore(find("twophase").build({"rms": 3}), progress=interrupt)
    assert (report.verdict, report.stopped) == ("incomplete", "interrupted")


def test_a_step_that_raises_is_a_violation_with_the_way_to_it():
    def strange(local):
        return (Write1("a"),) if heard(local) == ("a",) else ()

    writer, reader = letters("a").nodes
    report = explore(replace(letters("a"), nodes=(writer, replace(reader, commands=strange))))
    assert report.verdict == "violated"
    assert report.counterexample.property == ERROR
    assert "reader cannot take local_write1: UndeclaredEventError" in report.counterexample.statement
    assert [step.kind for step in report.counterexample.steps] == ["command", "deliver"]


def test_what_never_happens_on_a_fair_execution_is_a_violation():
    never = Property("never", "Some day.", lambda _seen: False, kind="eventually")
    assert explore(letters("a", properties=(never,))).counterexample.property == "never"
    at_once = Property("at once", "Some day.", lambda _seen: True, kind="eventually")
    assert explore(letters("a", properties=(at_once,))).verdict == "holds"


def test_a_message_to_nobody_is_an_error_of_the_model():
    model = letters("a")
    with pytest.raises(ModelError, match="unknown node 'reader'"):
        explore(replace(model, nodes=model.nodes[:1]))
