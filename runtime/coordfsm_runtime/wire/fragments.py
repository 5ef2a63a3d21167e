"""Messages larger than a datagram: cut into pieces, put together again within bounds on memory, age and number.

A piece that is lost is sent again (`flow`). Bounds hold against a member that sends junk as well as against loss: an
unfinished message is given up when it is old, and no piece is taken that finds no room.

What was taken is kept until its message is finished or old: the sender was told that it need not send it again. So room
is never made by giving up what is there. The oldest message may always go on, else all could wait for each other.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from coordfsm.kernel import Endpoint
from coordfsm_runtime.errors import MessageTooLargeError

MAXIMUM_MESSAGE_BYTES = 1 << 20
"""The largest message that is sent or put together, bytes."""

MAXIMUM_PIECES = 4_096
MAXIMUM_AGE_MS = 5_000
MAXIMUM_UNFINISHED_PER_SENDER = 256
"""As many as a sender may have in the air, when each has two pieces."""

MAXIMUM_FINISHED = 4_096
"""Finished messages that are remembered: a piece that is sent again, since its receipt was lost, begins nothing."""

MAXIMUM_UNFINISHED_BYTES = 8 << 20
"""Of all senders; the oldest message may exceed it."""

MAXIMUM_UNFINISHED_BYTES_PER_SENDER = 2 << 20
"""A quarter: one sender cannot take the room of all others. Its oldest message may exceed it."""


class NoRoomError(Exception):
    """A piece that was not taken since too much is unfinished already. Sent again later it may be."""


def cut(message: bytes, piece_bytes: int) -> tuple[bytes, ...]:
    """The message in pieces of `piece_bytes`, the last one shorter.

    Raises:
        MessageTooLargeError: more than `MAXIMUM_MESSAGE_BYTES`.
    """
    if len(message) > MAXIMUM_MESSAGE_BYTES:
        raise MessageTooLargeError(
            f"a message of {len(message):,} bytes, over the limit of {MAXIMUM_MESSAGE_BYTES:,}; nothing was sent"
        )
    return tuple(message[start : start + piece_bytes] for start in range(0, len(message), piece_bytes))


@dataclass
class _Unfinished:
    count: int
    since_ms: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


@dataclass
class _Share:
    """What one sender has unfinished: the numbers of its messages, oldest first, and their bytes."""

    numbers: dict[int, None] = field(default_factory=dict)
    size: int = 0


_Key = tuple[Endpoint, int]
"""Sender, and number of the message."""


class Reassembler:
    """Unfinished messages by sender and message number.

    Attributes:
        given_up: messages that were dropped unfinished, so far.
        held_bytes: bytes of pieces held now.
    """

    def __init__(self) -> None:
        self._unfinished: OrderedDict[_Key, _Unfinished] = OrderedDict()
        self._per_sender: dict[Endpoint, _Share] = {}
        self._finished: OrderedDict[_Key, None] = OrderedDict()
        self.given_up = 0
        self.held_bytes = 0

    def add(self, sender: Endpoint, number: int, index: int, count: int, piece: bytes, now_ms: int) -> bytes | None:
        """Take one piece; the whole message when no other one is missing, else None.

        The whole message stays here, and is given again with any of its pieces, until it is said to be finished.

        Raises:
            ValueError: the piece contradicts itself or the pieces before it.
            NoRoomError: too much is unfinished already. Nothing was taken.
        """
        if not 2 <= count <= MAXIMUM_PIECES or index >= count or not piece:
            raise ValueError(f"piece {index} of {count} with {len(piece)} bytes")
        self._expire(now_ms)
        key = (sender, number)
        if key in self._finished:
            return None
        held = self._unfinished.get(key)
        if held is not None and held.count != count:
            raise ValueError(f"piece of {count}, its message has {held.count}")
        known = None if held is None else held.pieces.get(index)
        if known is None:
            held = self._take(key, index, count, piece, now_ms)
        elif known != piece:
            raise ValueError(f"piece {index} of {count} is another than before")
        assert held is not None
        return b"".join(held.pieces[place] for place in range(count)) if len(held.pieces) == count else None

    def finish(self, sender: Endpoint, number: int) -> None:
        """The whole message was taken: what still comes of it is known."""
        key = (sender, number)
        self._forget(key)
        self._finished[key] = None
        if len(self._finished) > MAXIMUM_FINISHED:
            self._finished.popitem(last=False)

    def _take(self, key: _Key, index: int, count: int, piece: bytes, now_ms: int) -> _Unfinished:
        held = self._unfinished.get(key)
        if held is not None and held.size + len(piece) > MAXIMUM_MESSAGE_BYTES:
            self._forget(key)
            raise ValueError(f"a message over {MAXIMUM_MESSAGE_BYTES} bytes")
        if not self._has_room(key, len(piece)):
            raise NoRoomError(f"piece {index} of {count} with {len(piece)} bytes")
        share = self._per_sender.setdefault(key[0], _Share())
        if held is None:
            held = self._unfinished[key] = _Unfinished(count, now_ms)
            share.numbers[key[1]] = None
        held.pieces[index] = piece
        held.size += len(piece)
        share.size += len(piece)
        self.held_bytes += len(piece)
        return held

    def _has_room(self, key: _Key, size: int) -> bool:
        sender, number = key
        share = self._per_sender.get(sender, _Share())
        if number not in share.numbers and len(share.numbers) >= MAXIMUM_UNFINISHED_PER_SENDER:
            return False
        first = next(iter(share.numbers), number) == number
        oldest = next(iter(self._unfinished), key) == key
        own = first or share.size + size <= MAXIMUM_UNFINISHED_BYTES_PER_SENDER
        return own and (oldest or self.held_bytes + size <= MAXIMUM_UNFINISHED_BYTES)

    def _expire(self, now_ms: int) -> None:
        while self._unfinished:
            oldest = next(iter(self._unfinished))
            if now_ms - self._unfinished[oldest].since_ms <= MAXIMUM_AGE_MS:
                return
            self.given_up += 1
            self._forget(oldest)

    def _forget(self, key: _Key) -> None:
        held = self._unfinished.pop(key)
        self.held_bytes -= held.size
        share = self._per_sender[key[0]]
        share.size -= held.size
        del share.numbers[key[1]]
        if not share.numbers:
            del self._per_sender[key[0]]
