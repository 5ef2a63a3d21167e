"""What happens when, in virtual time: a heap of (time, order of appointment), so that every run is the same run."""

import heapq
from typing import Any, NamedTuple


class Appointment(NamedTuple):
    """Something due.

    Attributes:
        at_ms: virtual time.
        sequence: order of appointment: of two at the same time, the one made first comes first.
        what: the thing itself.
    """

    at_ms: int
    sequence: int
    what: Any


class Agenda:
    """Appointments in order of time. The clock moves only when the next one is taken."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._heap: list[tuple[int, int, Any]] = []
        self._sequence = 0

    def add(self, after_ms: int, what: Any) -> Appointment:
        """Make an appointment `after_ms` from now.

        Raises:
            ValueError: it would lie in the past.
        """
        if after_ms < 0:
            raise ValueError(f"an appointment must lie in the future, not {after_ms} ms from now")
        self._sequence += 1
        made = Appointment(self.now_ms + after_ms, self._sequence, what)
        heapq.heappush(self._heap, made)
        return made

    def next_ms(self) -> int | None:
        """When the next appointment is due, or None."""
        return self._heap[0][0] if self._heap else None

    def take(self) -> Appointment:
        """The next appointment; the clock moves to it.

        Raises:
            IndexError: there is none.
        """
        taken = Appointment(*heapq.heappop(self._heap))
        self.now_ms = taken.at_ms
        return taken

    def advance(self, to_ms: int) -> None:
        """Move the clock over a time without appointments.

        Raises:
            ValueError: an appointment is due before, or the time lies in the past.
        """
        due = self.next_ms()
        if to_ms < self.now_ms or (due is not None and due < to_ms):
            raise ValueError(f"cannot move from {self.now_ms} to {to_ms} ms: next appointment at {due}")
        self.now_ms = to_ms
