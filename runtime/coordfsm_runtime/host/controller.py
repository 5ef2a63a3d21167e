"""Time for the machines: which timer is due, and one armed alarm for the earliest.

The interface is what a process needs of time; real time implements it here. A timer is never early, may be late by
any amount, and one that was cancelled or set again never fires as it was.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol

from coordfsm.kernel import Timer

_SLACK_ENTRIES = 64


class Controller(Protocol):
    """A process's clock and timers."""

    def now_ms(self) -> int:
        """Monotonic milliseconds."""
        ...

    def set_timer(self, timer: Timer, after_ms: int) -> None:
        """Make the timer due once, `after_ms` from now; replaces a pending one of the same identity."""
        ...

    def cancel_timer(self, timer: Timer) -> None:
        """The timer will not become due. Cancelling one that is not set does nothing."""
        ...

    def take_due(self) -> Timer | None:
        """The timer that is due longest, taken; None when none is due."""
        ...

    def stand_still(self) -> None:
        """Time does not pass for timers until `go_on`: none becomes due, and those that are due are not taken."""
        ...

    def go_on(self) -> None:
        """Time passes again, from where it stood still."""
        ...


class RealTime:
    """Timers on the monotonic clock of the event loop.

    Args:
        wake: called from the event loop when a timer is due; the owner then takes what is due.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, Timer]] = []
        self._live: dict[Timer, int] = {}
        self._count = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._closed = False
        self._lost = 0.0  # how long time stood still
        self._stopped_at: float | None = None

    def now_ms(self) -> int:
        return int(time.monotonic() * 1000)

    def set_timer(self, timer: Timer, after_ms: int) -> None:
        self._count += 1
        self._live[timer] = self._count
        heapq.heappush(self._due, (self._now() + after_ms / 1000, self._count, timer))
        if len(self._due) > 2 * len(self._live) + _SLACK_ENTRIES:
            self._due = [entry for entry in self._due if self._live.get(entry[2]) == entry[1]]
            heapq.heapify(self._due)
        self._arm()

    def cancel_timer(self, timer: Timer) -> None:
        self._live.pop(timer, None)

    def take_due(self) -> Timer | None:
        self._drop_stale()
        if self._stopped_at is not None or not self._due or self._due[0][0] > self._now():
            self._arm()
            return None
        _, _, timer = heapq.heappop(self._due)
        del self._live[timer]
        return timer

    def stand_still(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = self._now()

    def go_on(self) -> None:
        if self._stopped_at is not None:
            stopped_at, self._stopped_at = self._stopped_at, None
            self._lost += self._now() - stopped_at
            self._arm()

    def _now(self) -> float:
        """The clock of the timers, in seconds."""
        return time.monotonic() - self._lost if self._stopped_at is None else self._stopped_at

    def pending(self) -> int:
        """How many timers are set."""
        return len(self._live)

    def close(self) -> None:
        """No timer fires any more."""
        self._closed = True
        self._live.clear()
        self._due.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _drop_stale(self) -> None:
        while self._due and self._live.get(self._due[0][2]) != self._due[0][1]:
            heapq.heappop(self._due)

    def _arm(self) -> None:
        self._drop_stale()
        if self._closed or not self._due or self._stopped_at is not None:
            return
        due = self._due[0][0]
        if self._alarm is not None:
            if self._alarm_at <= due + self._lost:
                return
            self._alarm.cancel()
        # By delay, not by moment: the loop's clock need not be the one that is read here.
        self._alarm = self._loop.call_later(max(0.0, due - self._now()), self._ring)
        self._alarm_at = due + self._lost

    def _ring(self) -> None:
        self._alarm = None
        self._wake()
