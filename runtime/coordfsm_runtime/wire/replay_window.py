"""Refuses a sealed datagram that was seen before, within bounded memory (the sliding window of RFC 4303)."""

from collections import OrderedDict

WINDOW = 1_024
"""How far behind the highest sequence number of its session a datagram may arrive: reordering within a burst."""

MAXIMUM_SESSIONS = 4_096
"""Sessions remembered. A session pushed out is forgotten: its datagrams would be taken once more, as duplicates,
which the protocols tolerate."""


class ReplayWindows:
    """The sequence numbers seen, for each session."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[bytes, tuple[int, int]] = OrderedDict()

    def seen(self, session: bytes, sequence: int) -> bool:
        """Whether the number was seen, or is too old to tell. Changes nothing: the datagram is not yet authentic."""
        window = self._sessions.get(session)
        if window is None:
            return False
        highest, bits = window
        behind = highest - sequence
        return behind >= 0 and (behind >= WINDOW or bool(bits >> behind & 1))

    def mark(self, session: bytes, sequence: int) -> None:
        """Remember the number of a datagram that was authentic."""
        highest, bits = self._sessions.get(session, (sequence, 0))
        if sequence > highest:
            shift = sequence - highest
            bits = bits << shift if shift < WINDOW else 0
            highest = sequence
        bits = (bits | 1 << highest - sequence) & ((1 << WINDOW) - 1)
        self._sessions[session] = (highest, bits)
        self._sessions.move_to_end(session)
        if len(self._sessions) > MAXIMUM_SESSIONS:
            self._sessions.popitem(last=False)
