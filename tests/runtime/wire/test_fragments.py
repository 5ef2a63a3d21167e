"""Cutting and putting together, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordfsm_runtime.errors import MessageTooLargeError
from coordfsm_runtime.wire.fragments import (
    MAXIMUM_AGE_MS,
    MAXIMUM_MESSAGE_BYTES,
    MAXIMUM_UNFINISHED_BYTES,
    MAXIMUM_UNFINISHED_BYTES_PER_SENDER,
    MAXIMUM_UNFINISHED_PER_SENDER,
    NoRoomError,
    Reassembler,
    cut,
)


@given(st.binary(min_size=12, max_size=200), st.randoms())
def test_pieces_in_any_order_and_twice_give_the_message_once(message, random):
    pieces = cut(message, 10)
    arrivals = [(place, piece) for place, piece in enumerate(pieces)] * 2
    random.shuffle(arrivals)
    reassembler, whole = Reassembler(), []
    for place, piece in arrivals:
        done = reassembler.add("a", 1, place, len(pieces), piece, 0)
        if done is not None:
            whole.append(done)
            reassembler.finish("a", 1)
    assert whole == [message]
    assert reassembler.held_bytes == 0


def test_the_limit_is_refused_at_the_sender_and_at_the_receiver():
    assert len(cut(b"x" * MAXIMUM_MESSAGE_BYTES, 1_000)) == 1_049
    with pytest.raises(MessageTooLargeError, match="1,048,577 bytes"):
        cut(b"x" * (MAXIMUM_MESSAGE_BYTES + 1), 1_000)
    reassembler = Reassembler()
    for place in range(1_048):
        reassembler.add("a", 1, place, 4_096, b"x" * 1_000, 0)
    with pytest.raises(ValueError, match="over 1048576"):
        reassembler.add("a", 1, 1_048, 4_096, b"x" * 1_000, 0)
    assert reassembler.held_bytes == 0


@pytest.mark.parametrize(("place", "count", "piece"), [(0, 1, b"x"), (2, 2, b"x"), (0, 5_000, b"x"), (0, 2, b"")])
def test_pieces_that_contradict_themselves_are_refused(place, count, piece):
    with pytest.raises(ValueError, match="piece"):
        Reassembler().add("a", 1, place, count, piece, 0)


def test_pieces_of_one_message_agree_on_its_size():
    reassembler = Reassembler()
    reassembler.add("a", 1, 0, 3, b"x", 0)
    with pytest.raises(ValueError, match="its message has 3"):
        reassembler.add("a", 1, 1, 2, b"x", 0)


def test_a_piece_that_says_something_else_than_before_is_refused():
    reassembler = Reassembler()
    reassembler.add("a", 1, 0, 2, b"x", 0)
    with pytest.raises(ValueError, match="another than before"):
        reassembler.add("a", 1, 0, 2, b"y", 0)
    assert reassembler.add("a", 1, 1, 2, b"z", 0) == b"xz"


def test_a_whole_message_is_given_again_until_it_is_finished():
    reassembler = Reassembler()
    reassembler.add("a", 1, 0, 2, b"x", 0)
    assert reassembler.add("a", 1, 1, 2, b"y", 0) == b"xy"
    assert reassembler.add("a", 1, 0, 2, b"x", 1) == b"xy"
    reassembler.finish("a", 1)
    assert reassembler.add("a", 1, 0, 2, b"x", 2) is None
    assert reassembler.held_bytes == 0


def test_what_stays_unfinished_is_given_up_by_age_only():
    reassembler = Reassembler()
    reassembler.add("a", 1, 0, 2, b"x", 0)
    reassembler.add("b", 1, 0, 2, b"x", MAXIMUM_AGE_MS + 1)
    assert (reassembler.given_up, reassembler.held_bytes) == (1, 1)


def test_a_sender_may_have_so_many_messages_unfinished():
    reassembler = Reassembler()
    for number in range(MAXIMUM_UNFINISHED_PER_SENDER):
        reassembler.add("a", number, 0, 2, b"x", 0)
    with pytest.raises(NoRoomError):
        reassembler.add("a", MAXIMUM_UNFINISHED_PER_SENDER, 0, 2, b"x", 0)
    assert (reassembler.given_up, reassembler.held_bytes) == (0, MAXIMUM_UNFINISHED_PER_SENDER)
    assert reassembler.add("a", 0, 1, 2, b"y", 0) == b"xy"  # what was taken before is still there


def fill(reassembler: Reassembler, senders: list[str]) -> tuple[dict[tuple[str, int], int], int]:
    """Messages of 20 pieces, all but the last sent: pieces taken by message, and how many were refused."""
    taken: dict[tuple[str, int], int] = {}
    refused = 0
    for number in range(3):
        for place in range(19):
            for sender in senders:
                try:
                    reassembler.add(sender, number, place, 20, b"x" * 50_000, 0)
                    taken[sender, number] = taken.get((sender, number), 0) + 1
                except NoRoomError:
                    refused += 1
    return taken, refused


def test_nothing_that_was_taken_is_given_up_for_room_and_the_oldest_goes_on():
    reassembler = Reassembler()
    taken, refused = fill(reassembler, [f"sender{number}" for number in range(20)])
    assert refused > 0
    assert reassembler.given_up == 0
    assert reassembler.held_bytes == sum(taken.values()) * 50_000
    assert reassembler.held_bytes <= MAXIMUM_UNFINISHED_BYTES + MAXIMUM_MESSAGE_BYTES
    # Piece after piece is sent again: every message comes through, one after the other.
    done = 0
    for number in range(3):
        for sender in (f"sender{number}" for number in range(20)):
            for place in range(20):
                if reassembler.add(sender, number, place, 20, b"x" * 50_000, 1) is not None:
                    reassembler.finish(sender, number)
                    done += 1
    assert (done, reassembler.held_bytes, reassembler.given_up) == (60, 0, 0)


def test_one_sender_leaves_room_for_the_others():
    reassembler = Reassembler()
    _, refused = fill(reassembler, ["greedy"])
    assert refused > 0
    assert reassembler.held_bytes <= MAXIMUM_UNFINISHED_BYTES_PER_SENDER + MAXIMUM_MESSAGE_BYTES
    reassembler.add("modest", 1, 0, 2, b"x", 0)
    assert reassembler.add("modest", 1, 1, 2, b"y", 0) == b"xy"
