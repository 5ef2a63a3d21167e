"""Cutting and putting together, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordfsm_runtime.errors import MessageTooLargeError
from coordfsm_runtime.fragments import (
    MAXIMUM_AGE_MS,
    MAXIMUM_MESSAGE_BYTES,
    MAXIMUM_UNFINISHED_BYTES,
    MAXIMUM_UNFINISHED_PER_SENDER,
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
            break
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


def test_what_stays_unfinished_is_given_up_by_age_number_and_size():
    reassembler = Reassembler()
    reassembler.add("a", 1, 0, 2, b"x", 0)
    reassembler.add("b", 1, 0, 2, b"x", MAXIMUM_AGE_MS + 1)
    assert (reassembler.given_up, reassembler.held_bytes) == (1, 1)

    reassembler = Reassembler()
    for number in range(MAXIMUM_UNFINISHED_PER_SENDER + 5):
        reassembler.add("a", number, 0, 2, b"x", 0)
    assert (reassembler.given_up, reassembler.held_bytes) == (5, MAXIMUM_UNFINISHED_PER_SENDER)

    reassembler = Reassembler()
    for number in range(200):
        reassembler.add(f"sender{number}", 1, 0, 2, b"x" * 60_000, 0)
    assert reassembler.held_bytes <= MAXIMUM_UNFINISHED_BYTES
    assert reassembler.given_up == 200 - MAXIMUM_UNFINISHED_BYTES // 60_000
