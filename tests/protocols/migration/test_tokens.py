"""Requests that come again: at the old owner, at the new one, late, after restarts, and longer than memory goes."""

import pytest

from coordfsm.kernel import LONGEST_TEXT, encode
from coordfsm.protocols.migration.messages import (
    MAXIMUM_TOKENS,
    Migrate,
    MigrationDecision,
    MigrationPrepare,
    MigrationVote,
    RemoveEntity,
    ResolveInDoubt,
    UsedToken,
)
from coordfsm.protocols.view import Unwedged, Wedged
from tests.protocols.migration.processes import Processes, view_of

KEPT = 2


@pytest.fixture
def pair():
    processes = Processes("a", "b", tokens_per_entity=KEPT)
    processes.create("a", "e")
    return processes


def outcome(processes, node, destination, token, since=0, entity="e"):
    return processes.give(node, Migrate(entity, destination, token, since=since))[-1].outcome


def shuttle(processes, times, first=1):
    """Moves with a token each, that says since when it is: t1 is made in epoch 1 and moves the entity away from a."""
    for number in range(first, first + times):
        source, destination = ("a", "b") if number % 2 else ("b", "a")
        processes.give(source, Migrate("e", destination, f"t{number}", since=number))
        processes.deliver()
        assert processes.held(destination) == ("owned", number + 1, b"cargo")


def test_a_repeated_request_is_known_at_the_new_owner_and_at_the_old_one(pair):
    shuttle(pair, 1)
    assert outcome(pair, "a", "b", "t1") == "ALREADY_APPLIED"
    assert outcome(pair, "b", "a", "t1") == "ALREADY_APPLIED"
    for node in ("a", "b"):
        pair.restart(node)
    pair.settle(view_of(1, "a", "b"))
    assert outcome(pair, "a", "b", "t1") == "ALREADY_APPLIED"
    assert outcome(pair, "b", "a", "t1") == "ALREADY_APPLIED"
    assert pair.held("b") == ("owned", 2, b"cargo")


def test_a_repeated_request_is_known_at_the_new_owner_while_the_old_one_waits_for_its_acknowledgement(pair):
    pair.give("a", Migrate("e", "b", "t1"))
    pair.deliver(MigrationPrepare)
    assert outcome(pair, "b", "a", "t1") == "ALREADY_APPLIED", "in doubt, and what is offered says so"
    assert pair.held("b")[0] == "prepared"


def test_a_token_of_an_aborted_move_is_not_used(pair):
    pair.give("a", Migrate("e", "b", "t1", since=1))
    pair.deliver(MigrationPrepare)
    pair.fire("a", "migration")
    pair.deliver(MigrationDecision)
    pair.network.clear()
    pair.give("a", Migrate("e", "b", "t1", since=1))
    pair.deliver()
    assert pair.held("b") == ("owned", 2, b"cargo")


def test_an_old_token_is_expired_and_a_fresh_one_never(pair):
    shuttle(pair, KEPT + 2)
    expected = {"t1": "TOKEN_EXPIRED", "t2": "TOKEN_EXPIRED", "t3": "ALREADY_APPLIED", "t4": "ALREADY_APPLIED"}
    assert {f"t{number}": outcome(pair, "a", "b", f"t{number}", number) for number in range(1, 5)} == expected
    pair.restart("a")
    pair.settle(view_of(1, "a", "b"), "a")
    ended = pair.give("a", Migrate("e", "b", "t1", since=1))[-1]
    assert (ended.outcome, ended.reason) == ("TOKEN_EXPIRED", "made in epoch 1, and uses up to epoch 2 are forgotten")
    assert outcome(pair, "b", "a", "t1", 1) == "NOT_OWNER", "who has the entity knows better"
    shuttle(pair, 1, first=5)


def test_a_forgotten_token_that_does_not_say_since_when_it_is_counts_as_a_new_one(pair):
    shuttle(pair, KEPT + 2)
    assert outcome(pair, "a", "b", "t4") == "ALREADY_APPLIED"
    pair.give("a", Migrate("e", "b", "t1"))
    pair.deliver()
    assert pair.held("b") == ("owned", 6, b"cargo")


def test_a_token_of_another_entity_is_another_token(pair):
    pair.create("a", "other")
    shuttle(pair, 1)
    pair.give("a", Migrate("other", "b", "t1", since=1))
    pair.deliver()
    assert pair.held("b", "other") == ("owned", 2, b"cargo")


def test_a_repeated_request_is_answered_without_a_majority_too(pair):
    shuttle(pair, KEPT + 2)
    pair.give("a", Wedged((), 1))
    assert outcome(pair, "a", "b", "t4", 4) == "ALREADY_APPLIED"
    assert outcome(pair, "a", "b", "t1", 1) == "TOKEN_EXPIRED"
    assert outcome(pair, "a", "b", "t5", 5) == "WEDGED"
    pair.give("a", Unwedged())


def test_tokens_of_any_length_take_the_same_room(pair):
    longest = "\U0001f6a2" * LONGEST_TEXT
    pair.give("a", Migrate("e", "b", longest))
    pair.deliver()
    assert outcome(pair, "b", "a", longest) == "ALREADY_APPLIED"
    assert [len(used.digest) for used in pair.data["b"].entities["e"].tokens] == [32]
    assert len(encode(tuple(UsedToken("f" * 32, (1 << 48) - number) for number in range(MAXIMUM_TOKENS)))) < 20_000


def test_what_an_entity_was_moved_by_survives_its_removal_here(pair):
    shuttle(pair, KEPT + 2)
    pair.give("a", RemoveEntity("e"))
    pair.create("a", "e")
    assert pair.held("a") == ("owned", 6, b"cargo")
    assert outcome(pair, "a", "b", "t4", 4) == "ALREADY_APPLIED"
    assert outcome(pair, "a", "b", "t1", 1) == "TOKEN_EXPIRED"


def test_after_an_operators_word_tokens_from_before_it_are_expired():
    processes = Processes("a", "b")
    processes.create("a", "e")
    processes.give("a", Migrate("e", "b", "t1", since=1))
    processes.deliver(MigrationPrepare)
    processes.settle(view_of(2, "b"))
    processes.give("b", ResolveInDoubt("e", commit=True))
    processes.settle(view_of(3, "a", "b"))
    processes.fire("b", "fence")
    processes.deliver()
    assert processes.held("b") == ("owned", 2, b"cargo")
    assert outcome(processes, "b", "a", "t1", 1) == "ALREADY_APPLIED"
    assert outcome(processes, "b", "a", "unheard-of", 1) == "TOKEN_EXPIRED"
    processes.give("b", Migrate("e", "a", "fresh", since=2))
    processes.deliver()
    assert processes.held("a") == ("owned", 3, b"cargo")


def test_after_an_entity_is_taken_back_tokens_from_before_it_are_expired():
    processes = Processes("a", "b")
    processes.create("a", "e")
    processes.give("a", Migrate("e", "b", "t1", since=1))
    processes.deliver(MigrationPrepare, MigrationVote)
    processes.settle(view_of(2, "a"))
    processes.give("a", ResolveInDoubt("e", commit=False))
    processes.settle(view_of(3, "a", "b"))
    processes.fire("a", "fence")
    processes.deliver()
    assert processes.held("a") == ("owned", 3, b"cargo")
    assert outcome(processes, "a", "b", "t1", 1) == "TOKEN_EXPIRED", "the lost side may have had it in service"
    processes.give("a", Migrate("e", "b", "fresh", since=3))
    processes.deliver()
    assert processes.held("b") == ("owned", 4, b"cargo")


def records(processes):
    """How many values memory and disk hold, and how many bytes the disk."""
    memory = sum(len(encode(data)) for data in processes.data.values())
    return memory, sum(len(encode(durable)) for durable in processes.durable.values())


def test_ten_times_as_many_moves_are_remembered_in_the_same_room():
    sizes = []
    processes = Processes("a", "b")
    names = [f"entity-{number}" for number in range(30)]
    for name in names:
        processes.create("a", name)
    for times in range(1, 201):
        source, destination = ("a", "b") if times % 2 else ("b", "a")
        for name in names:
            processes.give(source, Migrate(name, destination, f"{name}:{times:06}", since=times))
        processes.deliver()
        if times in (20, 200):
            sizes.append(records(processes))
            assert not processes.network
            assert processes.timers == {"a": set(), "b": set()}
    (memory, disk), (later_memory, later_disk) = sizes
    # What grows are digits: 600 moves against 6,000.
    assert later_memory <= memory * 1.05
    assert later_disk <= disk * 1.05
