"""Migrations as stories: there, back again, refused, late, and the same request twice."""

import pytest

from coordfsm.kernel import Recover
from coordfsm.protocols.migration.messages import (
    EntityRefused,
    Migrate,
    MigrationAck,
    MigrationDecision,
    MigrationPrepare,
    MigrationVote,
    RemoveEntity,
    UpdateEntity,
)
from coordfsm.protocols.view import Shunned, Unwedged, ViewInstalled, ViewUnsettled, Wedged
from tests.protocols.migration.processes import Processes, view_of


@pytest.fixture
def pair():
    processes = Processes("a", "b")
    processes.create("a", "e")
    return processes


def outcome(processes, node, destination, entity="e", token=""):
    return processes.give(node, Migrate(entity, destination, token))[-1].outcome


def test_an_entity_moves_there_and_back_and_there_again(pair):
    for number, (source, destination) in enumerate([("a", "b"), ("b", "a"), ("a", "b")], start=1):
        pair.give(source, Migrate("e", destination))
        assert pair.held(source) == ("frozen", number, b"cargo")
        pair.deliver()
        assert pair.held(source) == ("departed", number, b"")
        assert pair.held(destination) == ("owned", number + 1, b"cargo")
    assert (pair.outcomes("a"), pair.outcomes("b")) == (["COMMITTED"] * 2, ["COMMITTED"])
    assert (pair.arrivals("a"), pair.arrivals("b")) == ([1, 3], [2, 4])
    assert pair.timers == {"a": set(), "b": set()}


def test_every_lost_message_is_made_up_for(pair):
    pair.give("a", Migrate("e", "b"))
    for lost, waiting, kind in [
        (MigrationPrepare, "a", "vote"),
        (MigrationVote, "a", "vote"),
        (MigrationDecision, "a", "decision"),
        (MigrationAck, "a", "decision"),
    ]:
        earlier = {MigrationVote: (MigrationPrepare,), MigrationAck: (MigrationDecision,)}.get(lost, ())
        pair.deliver(*earlier) if earlier else None
        pair.take(lost)
        pair.fire(waiting, kind)
        if lost is MigrationVote:
            pair.deliver(MigrationPrepare, MigrationVote)
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("departed", 1, b""), ("owned", 2, b"cargo"))


def test_a_late_vote_aborts_and_the_destination_learns_it_by_asking(pair):
    pair.give("a", Migrate("e", "b"))
    pair.deliver(MigrationPrepare)
    pair.fire("a", "migration")
    pair.take(MigrationDecision)
    assert (pair.held("a"), pair.outcomes("a")) == (("owned", 1, b"cargo"), ["TIMEOUT"])
    assert pair.held("b") == ("prepared", 0, b"cargo")
    pair.deliver()
    assert pair.held("a") == ("owned", 1, b"cargo"), "the late yes changes nothing"
    pair.fire("b", "inquiry")
    pair.deliver()
    assert pair.held("b") is None
    pair.restart("b")
    assert pair.held("b") is None, "memory held no more than the store"


@pytest.mark.parametrize(
    ("news", "expected"),
    [(ViewInstalled(view_of(2, "a", "b")), "VIEW_CHANGED"), (Wedged((), 1), "WEDGED"), (Shunned(), "VIEW_CHANGED")],
)
def test_before_the_commit_a_change_of_the_view_aborts_and_after_it_nothing_does(pair, news, expected):
    pair.create("a", "late")
    for entity in ("e", "late"):
        pair.give("a", Migrate(entity, "b"))
    pair.network = [item for item in pair.network if item[2].entity == "late"]
    pair.deliver(MigrationPrepare, MigrationVote)
    assert (pair.held("a")[0], pair.held("a", "late")[0]) == ("frozen", "departing")
    pair.give("a", news)
    assert pair.outcomes("a") == [expected]
    assert (pair.held("a")[0], pair.held("a", "late")[0]) == ("owned", "departing")
    pair.deliver()
    assert pair.held("b", "late") == ("owned", 2, b"cargo")


def test_requests_that_begin_nothing_are_answered_with_the_reason(pair):
    assert outcome(pair, "a", "a") == "REJECTED"
    assert outcome(pair, "a", "z") == "NOT_IN_VIEW"
    assert outcome(pair, "b", "a") == "NOT_OWNER"
    assert outcome(pair, "a", "b", entity="unheard-of") == "NOT_OWNER"
    pair.give("a", ViewUnsettled(view_of(1, "a", "b").id))
    assert outcome(pair, "a", "b") == "VIEW_UNSTABLE"
    pair.give("a", Wedged((), 1))
    assert outcome(pair, "a", "b") == "WEDGED"
    pair.give("a", Unwedged())
    pair.settle(view_of(2, "a", "b"))
    pair.give("a", Migrate("e", "b"))
    assert outcome(pair, "a", "b") == "ALREADY_MIGRATING"
    pair.deliver()
    assert outcome(pair, "a", "b") == "ALREADY_APPLIED"
    again = pair.give("a", Migrate("e", "z"))[-1]
    assert (again.outcome, again.reason) == ("NOT_OWNER", "at b")
    assert pair.network == []


def test_a_token_is_remembered_over_a_crash_and_over_a_return(pair):
    pair.give("a", Migrate("e", "b", "request-7"))
    pair.deliver()
    pair.give("b", Migrate("e", "a"))
    pair.deliver()
    pair.restart("a")
    pair.settle(view_of(1, "a", "b"), "a")
    assert outcome(pair, "a", "b", token="request-7") == "ALREADY_APPLIED"
    assert pair.held("a") == ("owned", 3, b"cargo")


def test_a_destination_refuses_what_it_cannot_take_and_the_source_keeps_it():
    pair = Processes("a", "b", capacity=1)
    pair.create("a", "e")
    pair.create("b", "other")
    pair.give("a", Migrate("e", "b"))
    pair.deliver()
    ended = pair.events["a"][-1]
    assert (ended.outcome, ended.reason) == ("REJECTED", "the destination is full (1 entities)")
    assert (pair.held("a"), pair.held("b")) == (("owned", 1, b"cargo"), None)


def test_a_frozen_entity_is_not_changed_and_an_oversize_one_not_taken(pair):
    pair.give("a", Migrate("e", "b"))
    refused = pair.give("a", UpdateEntity("e", b"new")) + pair.give("a", RemoveEntity("e"))
    assert [type(event) for event in refused] == [EntityRefused, EntityRefused]
    pair.deliver()
    assert pair.held("b") == ("owned", 2, b"cargo")
    small = Processes("a", maximum_payload_bytes=3)
    assert small.create("a", "e", b"four")[0].reason == "payload of 4 bytes, expected at most 3"
    assert small.held("a") is None


def test_the_epoch_outlives_the_entity(pair):
    pair.give("a", RemoveEntity("e"))
    pair.restart("a")
    pair.create("a", "e", b"another")
    assert pair.held("a") == ("owned", 2, b"another")


def test_an_echo_of_the_first_move_does_nothing_after_the_second(pair):
    pair.give("a", Migrate("e", "b"))
    echo_of_prepare = pair.network[0]
    pair.deliver(MigrationPrepare, MigrationVote)
    echo_of_commit = pair.network[0]
    pair.deliver()
    pair.give("b", Migrate("e", "a"))
    pair.deliver()
    pair.hand(echo_of_prepare)
    pair.hand(echo_of_commit)
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("owned", 3, b"cargo"), ("departed", 2, b""))


def test_many_entities_move_at_once_and_each_step_touches_one():
    pair = Processes("a", "b")
    names = [f"e{number}" for number in range(50)]
    for name in names:
        pair.create("a", name, name.encode())
    for name in names:
        pair.give("a", Migrate(name, "b"))
    pair.deliver()
    assert [pair.held("b", name) for name in names] == [("owned", 2, name.encode()) for name in names]
    assert (pair.data["a"].service.resident, pair.data["b"].service.resident) == (0, 50)


def test_a_process_recovers_nothing_from_an_empty_store():
    alone = Processes("a")
    assert alone.give("a", Recover()) == []
    assert len(alone.data["a"].entities) == 0
