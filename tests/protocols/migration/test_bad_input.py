"""Requests and messages that make no sense: the outcome says what was wrong, and nothing at all has changed."""

import pytest
from protocols.migration.processes import Processes, view_of

from coordfsm.kernel import Received
from coordfsm.protocols.migration.messages import (
    CreateEntity,
    Migrate,
    MigrationAck,
    MigrationDecision,
    MigrationVote,
    RemoveEntity,
    ResolveInDoubt,
    TransactionId,
    UpdateEntity,
)
from coordfsm.protocols.view import Shunned, ViewUnsettled, Wedged

LIMIT_BYTES = 8
STRANGE = TransactionId("z", 9, 9)


@pytest.fixture
def pair():
    made = Processes("a", "b", maximum_payload_bytes=LIMIT_BYTES)
    made.create("a", "e")
    return made


def everything(pair):
    """All that the processes hold, have stored, wait for and have sent."""
    return (
        dict(pair.data),
        dict(pair.durable),
        {node: set(timers) for node, timers in pair.timers.items()},
        [*pair.network],
    )


@pytest.mark.parametrize(
    ("request_", "outcome", "reason"),
    [
        (Migrate("unheard-of", "b"), "NOT_OWNER", ""),
        (Migrate("e", "nobody"), "NOT_IN_VIEW", "nobody"),
        (Migrate("e", ""), "NOT_IN_VIEW", ""),
        (Migrate("e", "a"), "REJECTED", "the destination is this process"),
    ],
    ids=["unknown entity", "unknown destination", "no destination", "itself"],
)
def test_a_request_that_cannot_be_met_is_answered_and_changes_nothing(pair, request_, outcome, reason):
    before = everything(pair)
    (ended,) = pair.give("a", request_)
    assert (ended.entity, ended.outcome, ended.reason) == (request_.entity, outcome, reason)
    assert everything(pair) == before


@pytest.mark.parametrize(
    ("news", "outcome"),
    [(Wedged((), 1), "WEDGED"), (ViewUnsettled(view_of(1, "a", "b").id), "VIEW_UNSTABLE"), (Shunned(), "NOT_IN_VIEW")],
    ids=["wedged", "unsettled", "shunned"],
)
def test_nothing_begins_in_a_view_that_does_not_hold(pair, news, outcome):
    pair.give("a", news)
    before = everything(pair)
    (ended,) = pair.give("a", Migrate("e", "b"))
    assert ended.outcome == outcome
    assert everything(pair) == before


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CreateEntity("big", bytes(LIMIT_BYTES + 1)), "payload of 9 bytes, expected at most 8"),
        (UpdateEntity("e", bytes(LIMIT_BYTES + 1)), "payload of 9 bytes, expected at most 8"),
        (UpdateEntity("unheard-of", b"new"), None),
        (RemoveEntity("unheard-of"), None),
        (CreateEntity("e", b"twice"), None),
        (ResolveInDoubt("e", commit=True), None),
        (ResolveInDoubt("unheard-of", commit=False), None),
    ],
    ids=["oversize", "oversize update", "update unknown", "remove unknown", "twice", "no doubt", "doubt unknown"],
)
def test_a_command_that_cannot_be_met_is_refused_and_changes_nothing(pair, command, reason):
    before = everything(pair)
    (refused,) = pair.give("a", command)
    assert refused.entity == command.entity
    assert refused.reason
    assert reason is None or refused.reason == reason
    assert everything(pair) == before


@pytest.mark.parametrize(
    "message",
    [
        MigrationVote("e", STRANGE, accepted=True),
        MigrationVote("e", STRANGE, accepted=False, reason="no reason that is known"),
        MigrationVote("unheard-of", STRANGE, accepted=True),
        MigrationAck("e", STRANGE),
        MigrationDecision("e", STRANGE, commit=False, epoch=1),
    ],
    ids=["yes", "no", "yes for unknown", "acknowledgement", "abort"],
)
def test_a_message_of_no_transaction_that_is_known_leaves_the_entities_alone(pair, message):
    before = everything(pair)[:3]
    pair.give("a", Received("b", message))
    assert everything(pair)[:3] == before


def test_a_reason_that_nobody_knows_is_handed_on_as_it_came(pair):
    pair.give("a", Migrate("e", "b"))
    ((_, _, prepare),) = pair.network
    pair.network.clear()
    pair.give("a", Received("b", MigrationVote("e", prepare.transaction, accepted=False, reason="the moon is full")))
    ended = pair.events["a"][-1]
    assert (ended.outcome, ended.reason) == ("REJECTED", "the moon is full")
    assert pair.held("a") == ("owned", 1, b"cargo")
