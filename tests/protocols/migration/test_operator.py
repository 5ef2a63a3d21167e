"""The operator's word for a process that is gone for good, and what happens when it comes back after all."""

from coordfsm.check.exploration.engines import explore
from coordfsm.check.models.migration_resolution import build
from coordfsm.protocols.migration.messages import (
    EntityRefused,
    Migrate,
    MigrationAck,
    MigrationDecision,
    MigrationEnded,
    MigrationPrepare,
    MigrationVote,
    RemoveEntity,
    ResolveInDoubt,
)
from tests.protocols.migration.processes import Processes, view_of


def prepared():
    """A migration from a to b: b is prepared, a has not heard of it."""
    pair = Processes("a", "b")
    pair.create("a", "e")
    pair.give("a", Migrate("e", "b", "request-7"))
    pair.deliver(MigrationPrepare)
    return pair


def departing():
    """The same, one step on: a has committed, b has not heard of it."""
    pair = prepared()
    pair.deliver(MigrationVote)
    return pair


def refusal(processes, node, *, commit):
    event = processes.give(node, ResolveInDoubt("e", commit))[0]
    assert isinstance(event, EntityRefused)
    return event.reason


def test_the_word_is_refused_while_the_other_may_answer():
    pair = prepared()
    assert refusal(pair, "b", commit=True) == "the source a is a member of the view and will answer"
    assert refusal(pair, "a", commit=True) == "nothing is in doubt: the entity is frozen here"
    pair.deliver(MigrationVote)
    assert refusal(pair, "a", commit=False) == "the destination b is a member of the view and will answer"


def test_the_destination_takes_over_and_the_source_is_fenced_on_its_return():
    pair = prepared()
    pair.data["a"], pair.network = None, []
    pair.settle(view_of(2, "b"))
    pair.give("b", ResolveInDoubt("e", commit=True))
    assert pair.held("b") == ("owned", 2, b"cargo")
    moved = pair.give("b", Migrate("e", "a"))[0]
    removed = pair.give("b", RemoveEntity("e"))[0]
    assert (moved.outcome, moved.reason) == ("REJECTED", "the former owner is still being fenced")
    assert removed.reason == "the former owner a is still being fenced"

    pair.restart("b")
    pair.restart("a")
    pair.settle(view_of(3, "a", "b"))
    pair.fire_all()
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("departed", 1, b""), ("owned", 2, b"cargo"))
    pair.give("b", Migrate("e", "a"))
    pair.deliver()
    assert pair.held("a") == ("owned", 3, b"cargo")


def test_the_source_takes_a_departing_entity_back_and_a_late_commit_activates_nothing():
    pair = departing()
    late = pair.take(MigrationDecision)
    pair.settle(view_of(2, "a"))
    pair.give("a", ResolveInDoubt("e", commit=False))
    assert pair.held("a") == ("owned", 3, b"cargo")
    assert pair.outcomes("a") == ["REJECTED"]

    pair.settle(view_of(3, "a", "b"))
    pair.fire("a", "fence")
    pair.deliver()
    assert pair.held("b") == ("departed", 2, b"")
    pair.hand(late)
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("owned", 3, b"cargo"), ("departed", 2, b""))
    assert pair.timers == {"a": set(), "b": set()}
    # The request did not move the entity in the end, so its token does not count as used, also after a restart.
    pair.restart("a")
    pair.settle(view_of(3, "a", "b"), "a")
    pair.give("a", Migrate("e", "b", "request-7"))
    pair.deliver()
    assert pair.held("b") == ("owned", 4, b"cargo")


def test_a_destination_that_had_activated_yields_to_the_copy_taken_back():
    pair = departing()
    pair.deliver(MigrationDecision)
    pair.take(MigrationAck)
    assert pair.held("b") == ("owned", 2, b"cargo")
    pair.data["b"] = None
    pair.settle(view_of(2, "a"))
    pair.give("a", ResolveInDoubt("e", commit=False))
    pair.restart("b")
    pair.fire("a", "fence")
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("owned", 3, b"cargo"), ("departed", 2, b""))


def test_a_departing_entity_is_given_up_and_the_destination_still_learns_of_the_commit():
    pair = departing()
    pair.take(MigrationDecision)
    pair.settle(view_of(2, "a"))
    pair.give("a", ResolveInDoubt("e", commit=True))
    assert (pair.held("a"), pair.timers["a"]) == (("departed", 1, b""), set())
    pair.fire("b", "inquiry")
    pair.deliver()
    assert pair.held("b") == ("owned", 2, b"cargo")


def test_a_partitioned_source_whose_commit_was_resolved_elsewhere_ends_its_request():
    pair = departing()
    pair.take(MigrationDecision)
    pair.settle(view_of(2, "b"))
    pair.give("b", ResolveInDoubt("e", commit=True))
    pair.fire("b", "fence")
    pair.deliver()
    ended = [event for event in pair.events["a"] if isinstance(event, MigrationEnded)]
    assert [(event.outcome, event.reason) for event in ended] == [("COMMITTED", "resolved by the operator")]
    assert (pair.held("a")[0], pair.held("b")) == ("departed", ("owned", 2, b"cargo"))


def test_every_schedule_of_word_return_and_fence_ends_with_one_copy():
    for lost in ("source", "destination"):
        report = explore(build(lost=lost, crash=0))
        assert report.verdict == "holds", report.counterexample
        expected = {"X1-fence", "X1-word", "X-token-word", "X-fenced", "X-record", "XL1"}
        assert {item.id for item in report.properties} == expected
