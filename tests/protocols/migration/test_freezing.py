"""Freezing is a handshake: nothing leaves before the application has stopped, and silence does not mean that it has."""

import pytest

from coordfsm.kernel import Timer
from coordfsm.protocols.migration.messages import (
    ConfirmStopped,
    CreateEntity,
    EntityFrozen,
    EntityLeft,
    EntityThawed,
    Migrate,
    MigrationDecision,
    MigrationEnded,
    MigrationFence,
    MigrationFenced,
    MigrationPrepare,
    RemoveEntity,
    ResolveInDoubt,
    StopUnconfirmed,
    TransactionId,
    UpdateEntity,
)
from coordfsm.protocols.view import Shunned, ViewInstalled, Wedged
from tests.protocols.migration.processes import Processes, view_of


@pytest.fixture
def pair():
    processes = Processes("a", "b", prompt=False)
    processes.create("a", "e")
    return processes


def asked(pair, token=""):
    (frozen,) = pair.give("a", Migrate("e", "b", token, 7))
    assert isinstance(frozen, EntityFrozen)
    return frozen


def test_nothing_is_logged_or_sent_before_the_application_has_stopped(pair):
    before = pair.durable["a"]
    frozen = asked(pair)
    assert (pair.held("a"), pair.network, pair.durable["a"]) == (("freezing", 1, b"cargo"), [], before)
    assert pair.give("a", UpdateEntity("e", b"late"))[0].reason == "the entity is freezing here"
    pair.give("a", ConfirmStopped("e", frozen.freeze))
    assert pair.held("a")[0] == "frozen"
    pair.deliver()
    assert (pair.held("a"), pair.held("b")) == (("departed", 1, b""), ("owned", 2, b"cargo"))
    assert pair.timers == {"a": set(), "b": set()}


def test_an_application_that_does_not_confirm_keeps_its_entity(pair):
    asked(pair)
    pair.fire("a", "freeze")
    thawed, ended = pair.events["a"][-2:]
    assert thawed == EntityThawed("e", 1, b"cargo")
    assert (ended.outcome, ended.reason, ended.requests, ended.transaction.source) == (
        "NOT_STOPPED",
        "the application did not confirm within 3000 ms that it has stopped",
        (7,),
        "",
    )
    assert (pair.held("a"), pair.network, pair.timers["a"]) == (("owned", 1, b"cargo"), [], set())


def test_the_confirmation_of_a_freeze_that_was_called_off_does_not_count_for_the_next(pair):
    first = asked(pair)
    pair.fire("a", "freeze")
    second = asked(pair)
    assert first.freeze != second.freeze
    pair.give("a", ConfirmStopped("e", first.freeze))
    assert (pair.held("a")[0], pair.network) == ("freezing", [])
    pair.give("a", ConfirmStopped("e", second.freeze))
    pair.deliver()
    assert pair.held("b") == ("owned", 2, b"cargo")
    pair.give("a", ConfirmStopped("e", second.freeze))
    assert pair.held("a") == ("departed", 1, b"")


@pytest.mark.parametrize(
    ("news", "expected"),
    [(ViewInstalled(view_of(2, "a", "b")), "VIEW_CHANGED"), (Wedged((), 1), "WEDGED"), (Shunned(), "VIEW_CHANGED")],
)
def test_what_would_forbid_the_commit_calls_the_freeze_off(pair, news, expected):
    frozen = asked(pair)
    pair.give("a", news)
    assert (pair.held("a"), pair.outcomes("a"), pair.timers["a"]) == (("owned", 1, b"cargo"), [expected], set())
    pair.give("a", ConfirmStopped("e", frozen.freeze))
    assert (pair.held("a"), pair.network) == (("owned", 1, b"cargo"), [])


def test_a_crash_while_freezing_leaves_the_entity_in_service(pair):
    asked(pair)
    pair.restart("a")
    assert pair.held("a") == ("owned", 1, b"cargo")
    assert pair.outcomes("a") == []


def test_a_request_with_the_same_token_waits_for_the_same_outcome_and_another_is_refused(pair):
    asked(pair, "once")
    assert pair.give("a", Migrate("e", "b", "once", 8)) == []
    (refused,) = pair.give("a", Migrate("e", "b", "", 9))
    assert (refused.outcome, refused.requests) == ("ALREADY_MIGRATING", (9,))
    pair.fire("a", "freeze")
    ended = pair.events["a"][-1]
    assert (ended.outcome, ended.requests) == ("NOT_STOPPED", (7, 8))


def fenced(pair, epoch=3):
    pair.hand(("b", "a", MigrationFence("e", epoch, "b")))


def acknowledged(pair):
    return [message for _, _, message in pair.network if isinstance(message, MigrationFenced)]


def test_a_fence_is_acknowledged_once_the_application_has_stopped(pair):
    fenced(pair)
    left = pair.events["a"][-1]
    assert (left, acknowledged(pair)) == (EntityLeft("e", 1, left.freeze), [])
    assert (pair.held("a"), pair.timers["a"]) == (("yielding", 2, b""), {Timer("freeze", "e")})
    fenced(pair)  # repeated, since nobody has answered
    assert acknowledged(pair) == []
    pair.give("a", ConfirmStopped("e", left.freeze))
    assert (pair.held("a"), acknowledged(pair), pair.timers["a"]) == (
        ("departed", 2, b""),
        [MigrationFenced("e", 3)],
        set(),
    )


def test_an_application_that_does_not_confirm_after_a_fence_is_told_of_and_waited_for(pair):
    fenced(pair)
    left = pair.events["a"][-1]
    pair.fire("a", "freeze")
    assert pair.events["a"][-1] == StopUnconfirmed("e", left.freeze, 3_000)
    assert (pair.held("a")[0], acknowledged(pair), pair.timers["a"]) == ("yielding", [], set())
    pair.give("a", ConfirmStopped("e", left.freeze))
    assert acknowledged(pair) == [MigrationFenced("e", 3)]


def test_an_application_that_has_to_stop_ends_with_its_process(pair):
    fenced(pair)
    pair.restart("a")
    assert (pair.held("a"), acknowledged(pair)) == (("departed", 2, b""), [])
    fenced(pair)
    assert acknowledged(pair) == [MigrationFenced("e", 3)]


def test_nothing_is_taken_or_given_while_an_application_has_to_stop(pair):
    fenced(pair)
    refused = [pair.give("a", given)[0] for given in (CreateEntity("e"), UpdateEntity("e", b""), RemoveEntity("e"))]
    assert {one.reason for one in refused} == {"the entity is at b"}
    assert pair.give("a", Migrate("e", "b"))[0].outcome == "NOT_OWNER"
    pair.hand(("b", "a", MigrationPrepare("e", TransactionId("b", 1, 9), 7, b"", pair.data["a"].service.view.id)))
    _, _, vote = pair.network[-1]
    assert (vote.accepted, vote.reason) == (False, "the entity is yielding at the destination")
    (refusal,) = pair.give("a", ResolveInDoubt("e", "keep"))
    assert (type(refusal).__name__, pair.held("a")) == ("EntityRefused", ("yielding", 2, b""))


def test_a_fence_takes_an_entity_that_is_freezing_and_either_answer_of_the_application_counts(pair):
    frozen = asked(pair)
    fenced(pair)
    (ended,) = [event for event in pair.events["a"] if isinstance(event, MigrationEnded)]
    assert (ended.outcome, ended.requests, ended.transaction.source) == ("REJECTED", (7,), "")
    assert (pair.held("a"), pair.timers["a"]) == (("yielding", 2, b""), {Timer("freeze", "e")})
    pair.give("a", ConfirmStopped("e", frozen.freeze))
    assert (pair.held("a"), acknowledged(pair)) == (("departed", 2, b""), [MigrationFenced("e", 3)])


def test_the_confirmation_of_a_fence_does_not_count_for_a_later_freeze(pair):
    fenced(pair)
    left = pair.events["a"][-1]
    pair.give("a", ConfirmStopped("e", left.freeze))
    move = TransactionId("b", 1, 1)
    pair.hand(("b", "a", MigrationPrepare("e", move, 3, b"cargo", pair.data["a"].service.view.id)))
    pair.hand(("b", "a", MigrationDecision("e", move, commit=True, epoch=3)))
    assert asked(pair).freeze != left.freeze


def test_a_fence_of_an_older_epoch_does_not_disturb_a_freeze(pair):
    asked(pair)
    fenced(pair, epoch=1)
    assert (pair.held("a"), acknowledged(pair)) == (("freezing", 1, b"cargo"), [MigrationFenced("e", 1)])


def test_a_fence_takes_an_entity_that_is_frozen_at_once(pair):
    frozen = asked(pair)
    pair.give("a", ConfirmStopped("e", frozen.freeze))
    fenced(pair)
    assert (pair.held("a"), acknowledged(pair)) == (("departed", 2, b""), [MigrationFenced("e", 3)])
    assert EntityLeft("e", 1) in pair.events["a"]
