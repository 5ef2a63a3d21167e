"""Sealed and plain datagrams: what opens, what does not, and why it is dropped."""

import contextlib
import os
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordfsm_runtime.wire.datagram import (
    Bundle,
    DroppedError,
    DropReason,
    Envelope,
    Frame,
    pack_bundle,
    pack_frame,
    pack_stamped,
    unpack_frame,
    unpack_stamped,
)
from coordfsm_runtime.wire.keyring import Keyring, format_key, new_key, parse_key
from coordfsm_runtime.wire.replay_window import WINDOW, ReplayWindows

OLD, NEW = b"o" * 32, b"n" * 32
FRAME = pack_frame(Frame("127.0.0.1:7401", 0, 0, 1, b"hello"))


def reason(envelope: Envelope, datagram: bytes) -> DropReason:
    with pytest.raises(DroppedError) as dropped:
        envelope.open(datagram)
    return dropped.value.reason


def test_sealed_datagrams_open_once_and_tell_nothing_to_others():
    alice, bob = Envelope("blue", Keyring((OLD,))), Envelope("blue", Keyring((OLD,)))
    datagram = alice.close(FRAME)
    assert b"hello" not in datagram
    assert len(datagram) == len(FRAME) + alice.overhead_bytes
    assert bob.open(datagram) == FRAME
    assert reason(bob, datagram) is DropReason.REPLAYED
    assert bob.open(alice.close(FRAME)) == FRAME


def test_strangers_are_told_apart():
    alice = Envelope("blue", Keyring((OLD,)))
    datagram = alice.close(FRAME)
    assert reason(Envelope("green", Keyring((OLD,))), datagram) is DropReason.OTHER_CLUSTER
    assert reason(Envelope("blue", Keyring((NEW,))), datagram) is DropReason.UNKNOWN_KEY
    assert reason(Envelope("blue", None), datagram) is DropReason.UNKNOWN_KEY
    assert reason(alice, Envelope("blue", None).close(FRAME)) is DropReason.NOT_SEALED
    assert reason(alice, b"\x02" + datagram[1:]) is DropReason.VERSION
    assert reason(alice, b"") is DropReason.TRUNCATED


def test_a_key_rotates_without_a_moment_of_silence():
    before, between, after = Keyring((OLD,)), Keyring((OLD, NEW)), Keyring((NEW, OLD))
    for sealing, opening in ((before, between), (between, before), (between, after), (after, between)):
        assert Envelope("blue", opening).open(Envelope("blue", sealing).close(FRAME)) == FRAME
    assert reason(Envelope("blue", Keyring((NEW,))), Envelope("blue", before).close(FRAME)) is DropReason.UNKNOWN_KEY


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data):
    alice, bob = Envelope("blue", Keyring((OLD,))), Envelope("blue", Keyring((OLD,)))
    datagram = bytearray(alice.close(FRAME))
    place = data.draw(st.integers(0, len(datagram) - 1))
    datagram[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DroppedError):
        bob.open(bytes(datagram))
    assert bob.open(alice.close(FRAME)) == FRAME


@given(st.binary(max_size=1_300))
def test_junk_is_dropped_in_both_forms(junk):
    for envelope in (Envelope("blue", Keyring((OLD,))), Envelope("blue", None)):
        with contextlib.suppress(DroppedError):
            unpack_frame(envelope.open(junk))


@given(
    st.tuples(
        st.sampled_from(["127.0.0.1:1", "[::1]:65535"]),
        st.integers(0, 2**32 - 1),
        st.integers(0, 9),
        st.integers(2, 9),
        st.binary(max_size=64),
    )
)
def test_frames_survive_packing(fields):
    frame = Frame(*fields)
    assert unpack_frame(pack_frame(frame)) == frame
    whole = Frame(frame.sender, 0, 0, 1, frame.content)
    assert unpack_frame(pack_frame(whole)) == whole


@given(st.lists(st.binary(max_size=64), max_size=9))
def test_bundles_survive_packing_and_a_cut_one_is_dropped(messages):
    bundle = Bundle("127.0.0.1:1", tuple(messages))
    packed = pack_bundle(bundle)
    assert unpack_frame(packed) == bundle
    if messages:
        with pytest.raises(DroppedError):
            unpack_frame(packed[:-1])


def test_frames_that_contradict_themselves_are_dropped():
    for packed in (
        b"",
        b"\x05ab",
        bytes((200,)) + FRAME[1:],
        b"\x03abc\x00x",
        FRAME[:15] + b"\x07",
        FRAME[:15] + b"\x02\x00",
    ):
        with pytest.raises(DroppedError):
            unpack_frame(packed)


@given(st.lists(st.integers(1, 3 * WINDOW), max_size=60))
def test_a_number_is_never_taken_twice(numbers):
    windows, taken = ReplayWindows(), set()
    for number in numbers:
        if not windows.seen(b"s", number):
            assert number not in taken
            assert not taken or number > max(taken) - WINDOW
            taken.add(number)
            windows.mark(b"s", number)
    assert all(windows.seen(b"s", number) for number in taken)


def test_keys_are_read_from_text_without_being_repeated_in_errors():
    text = new_key()
    assert format_key(parse_key(text)) == text
    for wrong in ("c2hvcnQ=", "not base64 at all!"):
        with pytest.raises(ValueError, match=r"expected 32|not base64") as error:
            parse_key(wrong)
        assert wrong not in str(error.value)
    for keys in ((), (OLD, OLD), (b"short",)):
        with pytest.raises(ValueError, match="key"):
            Keyring(keys)


def test_a_fork_seals_under_a_session_of_its_own():
    """Two processes that sealed under one session and one number would give away what both sent."""
    envelope = Envelope("blue", Keyring((OLD,)))
    envelope.close(FRAME)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests: the child does nothing with them
        child = os.fork()
    if child == 0:
        os.write(writing, envelope.close(FRAME))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        of_child = pipe.read()
    of_parent = envelope.close(FRAME)
    session = slice(10, 26)
    assert of_child[session] != of_parent[session]
    bob = Envelope("blue", Keyring((OLD,)))
    assert bob.open(of_parent) == FRAME
    assert bob.open(of_child) == FRAME


def test_a_stamp_comes_before_the_frame_and_costs_two_bytes():
    stamped = pack_stamped(b"newest", FRAME)
    assert len(stamped) == len(FRAME) + len(b"newest") + 2
    assert unpack_stamped(stamped) == (b"newest", FRAME)
    assert pack_stamped(b"", FRAME) == FRAME
    assert unpack_stamped(FRAME) == (b"", FRAME)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_half_a_stamp_is_dropped(length):
    with pytest.raises(DroppedError) as dropped:
        unpack_stamped(pack_stamped(b"newest", FRAME)[:length])
    assert dropped.value.reason is DropReason.TRUNCATED
