"""Flow control of large messages: no more pieces are in the air than the receiver keeps up with.

Each address has a window of pieces that are sent and not yet acknowledged. It grows with every acknowledgement and is
halved when pieces are lost, as congestion windows are (RFC 5681); lost pieces are sent again, not whole messages. What
does not fit waits its turn. A message that is sent again while its pieces are still under way adds nothing.

Pure: time comes in, pieces to send come out.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import xxhash

from coordfsm_runtime.wire.datagram import Frame
from coordfsm_runtime.wire.endpoint import Address

FIRST_WINDOW = 32
SMALLEST_WINDOW = 8
LARGEST_WINDOW = 192
"""Pieces in the air to one address; a socket's usual buffer holds about twice as many."""

FIRST_TIMEOUT_S = 0.2
SHORTEST_TIMEOUT_S = 0.05
LONGEST_TIMEOUT_S = 1.0

OVERTAKEN = 3
"""A piece is lost when the receipt of one sent so much later has come (RFC 5681: three duplicates)."""

LONGEST_UNDER_WAY_S = 5.0
"""A message that is not acknowledged in this time is given up, as the receiver gives up its pieces."""

MAXIMUM_WAITING_BYTES = 64 << 20
"""Content of all messages that are under way or wait; a message that does not fit is refused."""

_Piece = tuple[int, int]
"""Number of the message, place of the piece."""


class _Sent(NamedTuple):
    at_s: float
    order: int  # counts all sendings on the path


class _Message:
    def __init__(self, frames: tuple[Frame, ...], digest: bytes) -> None:
        self.frames = frames
        self.digest = digest
        self.size = sum(len(frame.content) for frame in frames)
        self.unsent = deque(range(len(frames)))
        self.unacknowledged = set(range(len(frames)))
        self.began_s: float | None = None


class _Path:
    """The messages to one address."""

    def __init__(self) -> None:
        self.messages: OrderedDict[int, _Message] = OrderedDict()
        self.digests: dict[bytes, int] = {}
        self.air: OrderedDict[_Piece, _Sent] = OrderedDict()  # oldest first
        self.sendings = 0
        self.repeated = 0
        self.again: deque[_Piece] = deque()
        self.window = float(FIRST_WINDOW)
        self.threshold = float(LARGEST_WINDOW)  # above it the window grows by one a round trip, below by one a piece
        self.round_trip_s = 0.0
        self.silent = 0  # time-outs since the last acknowledgement
        self.narrowed_s = 0.0

    @property
    def timeout_s(self) -> float:
        base = max(SHORTEST_TIMEOUT_S, 3 * self.round_trip_s) if self.round_trip_s else FIRST_TIMEOUT_S
        return min(base * (1 << self.silent), LONGEST_TIMEOUT_S)

    def expire(self, now_s: float) -> None:
        """Have pieces that were not acknowledged in time sent again."""
        timeout_s = self.timeout_s
        if self._lose(now_s, lambda sent: now_s - sent.at_s >= timeout_s):
            self.silent = min(self.silent + 1, 5)

    def _lose(self, now_s: float, is_lost: Callable[[_Sent], bool]) -> bool:
        """Take the oldest pieces that are lost out of the air; whether the window was narrowed for it."""
        lost = False
        while self.air and is_lost(next(iter(self.air.values()))):
            piece, _ = self.air.popitem(last=False)
            self.again.append(piece)
            self.repeated += 1
            lost = True
        if not lost or now_s - self.narrowed_s < max(self.round_trip_s, 0.001):  # once for all that one moment lost
            return False
        self.window = self.threshold = max(SMALLEST_WINDOW, self.window / 2)
        self.narrowed_s = now_s
        return True

    def _sent(self, number: int, place: int, now_s: float) -> None:
        self.sendings += 1
        self.air[number, place] = _Sent(now_s, self.sendings)

    def next_piece(self, now_s: float) -> Frame | None:
        """The next piece to send, if the window has room."""
        if len(self.air) >= self.window:
            return None
        while self.again:
            number, place = self.again.popleft()
            message = self.messages.get(number)
            if message is not None and place in message.unacknowledged:
                self._sent(number, place, now_s)
                return message.frames[place]
        for number, message in self.messages.items():
            if message.unsent:
                message.began_s = now_s if message.began_s is None else message.began_s
                place = message.unsent.popleft()
                self._sent(number, place, now_s)
                return message.frames[place]
        return None

    def acknowledge(self, number: int, place: int, now_s: float) -> bool:
        """The receiver has this piece; whether it has the whole message now."""
        sent = self.air.pop((number, place), None)
        if sent is not None:
            self._lose(now_s, lambda other: other.order + OVERTAKEN < sent.order)
        message = self.messages[number]
        if place not in message.unacknowledged:
            return False
        message.unacknowledged.discard(place)
        self.silent = 0
        self.window = min(LARGEST_WINDOW, self.window + (1 if self.window < self.threshold else 1 / self.window))
        if sent is not None:
            measured = now_s - sent.at_s
            self.round_trip_s = measured if not self.round_trip_s else 0.875 * self.round_trip_s + 0.125 * measured
        return not message.unacknowledged

    def drop(self, number: int) -> _Message:
        message = self.messages.pop(number)
        self.digests.pop(message.digest, None)
        for place in message.unacknowledged:
            self.air.pop((number, place), None)
        return message


class Flow:
    """Large messages on their way to all addresses.

    Attributes:
        waiting_bytes: content of all messages that are under way or wait.
        repeated: pieces that were sent again, so far.
        given_up: messages that were given up, so far.
    """

    def __init__(self) -> None:
        self._paths: OrderedDict[Address, _Path] = OrderedDict()
        self._addresses: dict[int, Address] = {}
        self.waiting_bytes = 0
        self.repeated = 0
        self.given_up = 0

    def __len__(self) -> int:
        """Messages under way or waiting."""
        return len(self._addresses)

    def is_under_way(self, content: bytes, address: Address) -> bool:
        """Whether a message with this content waits for this address already."""
        path = self._paths.get(address)
        return path is not None and _digest(content) in path.digests

    def add(self, content: bytes, frames: tuple[Frame, ...], address: Address) -> bool:
        """Take a message; False when there is no room for it.

        Args:
            content: the whole message.
            frames: its pieces, all of one number that was not used before.
            address: where it goes.
        """
        message = _Message(frames, _digest(content))
        if self.waiting_bytes + message.size > MAXIMUM_WAITING_BYTES:
            return False
        path = self._paths.setdefault(address, _Path())
        number = frames[0].number
        path.messages[number] = message
        path.digests[message.digest] = number
        self._addresses[number] = address
        self.waiting_bytes += message.size
        return True

    def acknowledge(self, pieces: Iterable[_Piece], now_s: float) -> None:
        """Take an acknowledgement: the receiver has these pieces. Unknown ones are ignored."""
        for number, place in pieces:
            address = self._addresses.get(number)
            if address is None:
                continue
            path = self._paths[address]
            complete = path.acknowledge(number, place, now_s)
            self.repeated, path.repeated = self.repeated + path.repeated, 0
            if complete:
                self._forget(number)

    def take(self, limit: int, now_s: float) -> list[tuple[Frame, Address]]:
        """Pieces to send now, at most `limit`; the addresses take turns."""
        self._expire(now_s)
        taken: list[tuple[Frame, Address]] = []
        if self._paths:
            self._paths.move_to_end(next(iter(self._paths)))  # who was first is last this time
        found = True
        while found:
            found = False
            for address, path in self._paths.items():
                frame = path.next_piece(now_s) if len(taken) < limit else None
                if frame is not None:
                    taken.append((frame, address))
                    found = True
        return taken

    def due_s(self, now_s: float) -> float | None:
        """When to look again for pieces that were lost, seconds from now; None when nothing is in the air."""
        times = [
            next(iter(path.air.values())).at_s + path.timeout_s - now_s for path in self._paths.values() if path.air
        ]
        return max(min(times), 0.001) if times else None

    def clear(self) -> None:
        """Forget everything."""
        self._paths.clear()
        self._addresses.clear()
        self.waiting_bytes = 0

    def _expire(self, now_s: float) -> None:
        for path in tuple(self._paths.values()):
            path.expire(now_s)
            self.repeated, path.repeated = self.repeated + path.repeated, 0
            late = [
                number
                for number, message in path.messages.items()
                if message.began_s is not None and now_s - message.began_s > LONGEST_UNDER_WAY_S
            ]
            for number in late:
                self.given_up += 1
                self._forget(number)

    def _forget(self, number: int) -> None:
        address = self._addresses.pop(number)
        path = self._paths[address]
        self.waiting_bytes -= path.drop(number).size
        if not path.messages:
            # The window is learned anew when there is something to send again: paths change.
            del self._paths[address]


def _digest(content: bytes) -> bytes:
    return xxhash.xxh3_128_digest(content)
