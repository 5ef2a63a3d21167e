"""One datagram: a clear header, and a frame that is sealed under a cluster key or, on trusted paths only, plain.

::

    header  version 1 | form 1 | label 4                             both forms
            | key id 4 | session 16 | sequence 8                     sealed only
            | reason 1                                               refusal only, nothing follows
    frame   128 | length 1 | stamp                                   of a member: what it says of its store
            | length 1 | sender's endpoint | kind 1
            | message                                                kind WHOLE
            | number 4 | place 2 | pieces 2 | piece                  kind PIECE
            | length 2 | message, again and again                    kind BUNDLE
            | number 4 | place 2, again and again                    kind RECEIPT

Numbers are big-endian. The header and the cluster's whole label are authenticated with the frame, so that a datagram
of another cluster never opens, even under the same key. The sender named in the frame is where it can be reached,
which is not always where the datagram came from (a relay, several interfaces). A stamp comes before all else, so that a
datagram of a store's copy is known before anything in it is looked at; an endpoint is shorter than 128 bytes.
"""

import hashlib
import os
import secrets
import struct
from enum import Enum
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from coordfsm.kernel import Endpoint
from coordfsm_runtime.errors import EndpointError
from coordfsm_runtime.wire.endpoint import parse_endpoint
from coordfsm_runtime.wire.keyring import SESSION_BYTES, Keyring
from coordfsm_runtime.wire.replay_window import ReplayWindows

VERSION = 1
PLAIN = 0
SEALED = 1
REFUSAL = 2
WHOLE = 0
PIECE = 1
BUNDLE = 2
RECEIPT = 3

_CLEAR = struct.Struct(">BB4s")
_SEALED = struct.Struct(">BB4s4s16sQ")
_PIECE = struct.Struct(">IHH")
_LENGTH = struct.Struct(">H")
_PLACE = struct.Struct(">IH")
_TAG_BYTES = 16


class DropReason(Enum):
    """Why a datagram was not taken. The value is its label in the counters."""

    TRUNCATED = "truncated"
    VERSION = "unknown_version"
    OTHER_CLUSTER = "other_cluster"
    NOT_SEALED = "not_sealed"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNKNOWN_MESSAGE = "unknown_message"
    QUEUE_FULL = "queue_full"
    OUT_OF_RANGE = "out_of_range"
    NO_ROOM = "no_room"
    STRANGERS = "too_many_strangers"
    COPY = "copy_of_a_store"
    INTERNAL = "internal_error"


REFUSED = (DropReason.OTHER_CLUSTER, DropReason.UNKNOWN_KEY, DropReason.NOT_SEALED)
"""Reasons that a stranger is told: somebody configured it wrongly and would otherwise see silence."""


class DroppedError(Exception):
    """A datagram that is not taken."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Frame(NamedTuple):
    """What a datagram carries.

    Attributes:
        sender: where the sender can be reached.
        number: the message that a piece belongs to, counted by the sender; 0 for a whole message.
        place: the piece's place, from 0.
        pieces: how many pieces the message has; 1 for a whole message.
        content: the message's bytes, or the piece's.
    """

    sender: Endpoint
    number: int
    place: int
    pieces: int
    content: bytes


class Bundle(NamedTuple):
    """Several whole messages in one datagram.

    Attributes:
        sender: where the sender can be reached.
        messages: their bytes, in the order in which they were sent.
    """

    sender: Endpoint
    messages: tuple[bytes, ...]


class Receipt(NamedTuple):
    """Which pieces of large messages have arrived.

    Attributes:
        sender: who has them.
        pieces: number of the message and place of each.
    """

    sender: Endpoint
    pieces: tuple[tuple[int, int], ...]


STAMPED = 128
"""The first byte of a frame with a stamp."""

STAMP_OVERHEAD_BYTES = 2
"""What a frame adds to its stamp."""

PLACE_BYTES = _PLACE.size
"""What a receipt needs for each piece."""

LENGTH_BYTES = _LENGTH.size
"""What a bundle adds to each message."""


def pack_refusal(reason: DropReason) -> bytes:
    """A datagram that tells a stranger why its own was dropped: shorter than any that it answers."""
    return bytes((VERSION, REFUSAL, REFUSED.index(reason)))


def unpack_refusal(datagram: bytes) -> DropReason | None:
    """The reason, or None for a datagram that is no refusal. Anybody can send one: to be shown, never acted on."""
    if len(datagram) != 3 or datagram[:2] != bytes((VERSION, REFUSAL)) or datagram[2] >= len(REFUSED):
        return None
    return REFUSED[datagram[2]]


def pack_frame(frame: Frame) -> bytes:
    sender = frame.sender.encode()
    head = bytes((len(sender),)) + sender
    if frame.pieces == 1:
        return head + bytes((WHOLE,)) + frame.content
    return head + bytes((PIECE,)) + _PIECE.pack(frame.number, frame.place, frame.pieces) + frame.content


def pack_bundle(bundle: Bundle) -> bytes:
    sender = bundle.sender.encode()
    parts = [part for message in bundle.messages for part in (_LENGTH.pack(len(message)), message)]
    return b"".join((bytes((len(sender),)), sender, bytes((BUNDLE,)), *parts))


def pack_receipt(receipt: Receipt) -> bytes:
    sender = receipt.sender.encode()
    return b"".join(
        (bytes((len(sender),)), sender, bytes((RECEIPT,)), *(_PLACE.pack(*piece) for piece in receipt.pieces))
    )


def pack_stamped(stamp: bytes, packed: bytes) -> bytes:
    """A packed frame with the sender's stamp; without one it stays as it is."""
    return bytes((STAMPED, len(stamp))) + stamp + packed if stamp else packed


def unpack_stamped(packed: bytes) -> tuple[bytes, bytes]:
    """The stamp, empty if there is none, and the packed frame.

    Raises:
        DroppedError: truncated.
    """
    if not packed or packed[0] != STAMPED:
        return b"", packed
    if len(packed) < STAMP_OVERHEAD_BYTES or len(packed) < STAMP_OVERHEAD_BYTES + packed[1]:
        raise DroppedError(DropReason.TRUNCATED)
    end = STAMP_OVERHEAD_BYTES + packed[1]
    return packed[STAMP_OVERHEAD_BYTES:end], packed[end:]


def unpack_frame(packed: bytes) -> Frame | Bundle | Receipt:
    """The frame.

    Raises:
        DroppedError: truncated or malformed.
    """
    if not packed or len(packed) < packed[0] + 2:
        raise DroppedError(DropReason.TRUNCATED)
    start = packed[0] + 1
    try:
        sender = packed[1:start].decode("ascii")
        parse_endpoint(sender)
    except (UnicodeDecodeError, EndpointError):
        raise DroppedError(DropReason.MALFORMED) from None
    kind = packed[start]
    if kind == WHOLE:
        return Frame(sender, 0, 0, 1, packed[start + 1 :])
    if kind == BUNDLE:
        return Bundle(sender, _unpack_messages(packed, start + 1))
    if kind == RECEIPT:
        if (len(packed) - start - 1) % PLACE_BYTES:
            raise DroppedError(DropReason.TRUNCATED)
        return Receipt(sender, tuple(_PLACE.iter_unpack(packed[start + 1 :])))
    if kind != PIECE:
        raise DroppedError(DropReason.MALFORMED)
    if len(packed) < start + 1 + _PIECE.size:
        raise DroppedError(DropReason.TRUNCATED)
    number, place, pieces = _PIECE.unpack_from(packed, start + 1)
    return Frame(sender, number, place, pieces, packed[start + 1 + _PIECE.size :])


def _unpack_messages(packed: bytes, start: int) -> tuple[bytes, ...]:
    messages = []
    while start < len(packed):
        if start + LENGTH_BYTES > len(packed):
            raise DroppedError(DropReason.TRUNCATED)
        (length,) = _LENGTH.unpack_from(packed, start)
        end = start + LENGTH_BYTES + length
        if end > len(packed):
            raise DroppedError(DropReason.TRUNCATED)
        messages.append(packed[start + LENGTH_BYTES : end])
        start = end
    return tuple(messages)


class Envelope:
    """Closes and opens datagrams for one process of one cluster.

    Args:
        label: the cluster's name.
        keyring: None for plain datagrams.
    """

    def __init__(self, label: str, keyring: Keyring | None) -> None:
        self.label = label
        self.keyring = keyring
        self._label_bytes = label.encode()
        self._label_tag = hashlib.blake2b(self._label_bytes, digest_size=4, person=b"coordfsm-label").digest()
        self._begin_session()
        self._windows = ReplayWindows()

    def _begin_session(self) -> None:
        self._process = os.getpid()
        self._session = secrets.token_bytes(SESSION_BYTES)
        self._sequence = 0

    @property
    def overhead_bytes(self) -> int:
        """What header and seal add to a frame."""
        return _CLEAR.size if self.keyring is None else _SEALED.size + _TAG_BYTES

    @staticmethod
    def frame_overhead_bytes(sender: Endpoint) -> int:
        """What a frame adds to its content at most."""
        return 2 + len(sender.encode()) + _PIECE.size

    def close(self, frame: bytes) -> bytes:
        """The datagram that carries the frame."""
        if self.keyring is None:
            return _CLEAR.pack(VERSION, PLAIN, self._label_tag) + frame
        if os.getpid() != self._process:
            # A child of a fork would seal other frames under the numbers of its parent, and give both away.
            self._begin_session()
        self._sequence += 1
        key = self.keyring.primary
        header = _SEALED.pack(VERSION, SEALED, self._label_tag, key, self._session, self._sequence)
        cipher = self.keyring.cipher(key, self._session)
        return header + cipher.encrypt(_nonce(self._sequence), frame, header + self._label_bytes)

    def open(self, datagram: bytes) -> bytes:
        """The frame of an authentic, new datagram of this cluster.

        Raises:
            DroppedError: with the reason.
        """
        if not datagram:
            raise DroppedError(DropReason.TRUNCATED)
        if datagram[0] != VERSION:
            raise DroppedError(DropReason.VERSION)
        if len(datagram) < _CLEAR.size:
            raise DroppedError(DropReason.TRUNCATED)
        _, form, label_tag = _CLEAR.unpack_from(datagram)
        if form not in (PLAIN, SEALED):
            raise DroppedError(DropReason.MALFORMED)
        if label_tag != self._label_tag:
            raise DroppedError(DropReason.OTHER_CLUSTER)
        if self.keyring is None:
            if form == SEALED:
                raise DroppedError(DropReason.UNKNOWN_KEY)
            return datagram[_CLEAR.size :]
        if form == PLAIN:
            raise DroppedError(DropReason.NOT_SEALED)
        return self._unseal(datagram, self.keyring)

    def _unseal(self, datagram: bytes, keyring: Keyring) -> bytes:
        if len(datagram) < _SEALED.size + _TAG_BYTES:
            raise DroppedError(DropReason.TRUNCATED)
        _, _, _, key, session, sequence = _SEALED.unpack_from(datagram)
        if not keyring.knows(key):
            raise DroppedError(DropReason.UNKNOWN_KEY)
        if self._windows.seen(session, sequence):
            raise DroppedError(DropReason.REPLAYED)
        header, sealed = datagram[: _SEALED.size], datagram[_SEALED.size :]
        try:
            frame = keyring.cipher(key, session).decrypt(_nonce(sequence), sealed, header + self._label_bytes)
        except InvalidTag:
            raise DroppedError(DropReason.FORGED) from None
        self._windows.mark(session, sequence)
        return frame


def _nonce(sequence: int) -> bytes:
    return sequence.to_bytes(12, "big")
