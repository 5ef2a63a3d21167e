"""Messages larger than a datagram: cut into pieces, put together again within bounds on memory, age and number.

A piece that is lost is sent again (`flow`). Bounds hold against a member that sends junk as well
as against loss: an unfinished message is given up when it is old, or when its sender or all senders together have
too many.
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


class Reassembler:
    """Unfinished messages by sender and message number.

    Attributes:
        given_up: messages that were dropped unfinished, so far.
        held_bytes: bytes of pieces held now.
    """

    def __init__(self) -> None:
        self._unfinished: OrderedDict[tuple[Endpoint, int], _Unfinished] = OrderedDict()
        self._per_sender: dict[Endpoint, int] = {}
        self._finished: OrderedDict[tuple[Endpoint, int], None] = OrderedDict()
        self.given_up = 0
        self.held_bytes = 0

    def add(self, sender: Endpoint, number: int, index: int, count: int, piece: bytes, now_ms: int) -> bytes | None:
        """Take one piece; the whole message when it was the last one missing, else None.

        Raises:
            ValueError: the piece contradicts itself or the pieces before it.
        """
        if not 2 <= count <= MAXIMUM_PIECES or index >= count or not piece:
            raise ValueError(f"piece {index} of {count} with {len(piece)} bytes")
        self._expire(now_ms)
        key = (sender, number)
        if key in self._finished:
            return None
        held = self._unfinished.get(key)
        if held is None:
            held = self._begin(key, count, now_ms)
        if held.count != count:
            raise ValueError(f"piece of {count}, its message has {held.count}")
        if index not in held.pieces:
            held.pieces[index] = piece
            held.size += len(piece)
            self.held_bytes += len(piece)
        if held.size > MAXIMUM_MESSAGE_BYTES:
            self._forget(key)
            raise ValueError(f"a message over {MAXIMUM_MESSAGE_BYTES} bytes")
        if len(held.pieces) == count:
            self._forget(key)
            self._finished[key] = None
            if len(self._finished) > MAXIMUM_FINISHED:
                self._finished.popitem(last=False)
            return b"".join(held.pieces[place] for place in range(count))
        self._make_room()
        return None

    def _begin(self, key: tuple[Endpoint, int], count: int, now_ms: int) -> _Unfinished:
        sender = key[0]
        if self._per_sender.get(sender, 0) >= MAXIMUM_UNFINISHED_PER_SENDER:
            self._give_up(next(other for other in self._unfinished if other[0] == sender))
        held = self._unfinished[key] = _Unfinished(count, now_ms)
        self._per_sender[sender] = self._per_sender.get(sender, 0) + 1
        return held

    def _expire(self, now_ms: int) -> None:
        while self._unfinished:
            oldest = next(iter(self._unfinished))
            if now_ms - self._unfinished[oldest].since_ms <= MAXIMUM_AGE_MS:
                return
            self._give_up(oldest)

    def _make_room(self) -> None:
        while self.held_bytes > MAXIMUM_UNFINISHED_BYTES:
            self._give_up(next(iter(self._unfinished)))

    def _give_up(self, key: tuple[Endpoint, int]) -> None:
        self.given_up += 1
        self._forget(key)

    def _forget(self, key: tuple[Endpoint, int]) -> None:
        held = self._unfinished.pop(key)
        self.held_bytes -= held.size
        left = self._per_sender[key[0]] - 1
        if left:
            self._per_sender[key[0]] = left
        else:
            del self._per_sender[key[0]]
