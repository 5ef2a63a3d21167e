"""How much may move at once: migrations wait here, before their entity is frozen, until the path has room for them.

A migration has a time limit. More payload on the way than the path carries in that time would end all of it in
time-outs, so the bytes under way are bounded. The bound is learned: it grows with every commit and is halved by every
time-out.
"""

import asyncio
from collections import deque

from coordfsm_runtime.errors import BusyError

FIRST_LIMIT_BYTES = 1 << 20
LARGEST_LIMIT_BYTES = 32 << 20
SMALLEST_LIMIT_BYTES = 64 << 10

MAXIMUM_WAITING = 20_000
"""Migrations that may wait; one more is refused."""


class Admission:
    """A bound on the bytes of the entities that are under way, first come, first served.

    Attributes:
        limit_bytes: what may be under way; one entity always may, however large.
        moving_bytes: what is.
    """

    def __init__(self) -> None:
        self.limit_bytes = FIRST_LIMIT_BYTES
        self.moving_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def enter(self, size_bytes: int, *, wait: bool = True) -> asyncio.Future[None]:
        """Ask for an entity of this size to be let in.

        Args:
            size_bytes: of its payload.
            wait: False: now or not at all.

        Returns:
            A future that is done once it is; `give_up` who stops waiting for it.

        Raises:
            BusyError: too many wait already, or this one would have to and does not want to.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting and self._has_room(size_bytes):
            self.moving_bytes += size_bytes
            turn.set_result(None)
        elif not wait:
            raise BusyError(f"{self.moving_bytes:,} bytes are under way, and no room is left for {size_bytes:,} more")
        elif len(self._waiting) >= MAXIMUM_WAITING:
            raise BusyError(f"{len(self._waiting):,} migrations wait already, expected at most {MAXIMUM_WAITING:,}")
        else:
            self._waiting.append((size_bytes, turn))
        return turn

    def give_up(self, size_bytes: int, turn: asyncio.Future[None]) -> None:
        """Whoever asked waits no longer; it may have been let in meanwhile."""
        let_in = turn.done() and not turn.cancelled() and turn.exception() is None
        turn.cancel()
        if let_in:
            self._leave(size_bytes)

    def leave(self, size_bytes: int, *, in_time: bool) -> None:
        """A migration that was let in has ended.

        Args:
            size_bytes: as given to `enter`.
            in_time: whether it ended before its time limit.
        """
        if in_time:
            self.limit_bytes = min(LARGEST_LIMIT_BYTES, self.limit_bytes + size_bytes // 8)
        else:
            self.limit_bytes = max(SMALLEST_LIMIT_BYTES, self.limit_bytes // 2)
        self._leave(size_bytes)

    def _leave(self, size_bytes: int) -> None:
        self.moving_bytes -= size_bytes
        while self._waiting:
            size, turn = self._waiting[0]
            if turn.done():  # given up
                self._waiting.popleft()
            elif self._has_room(size):
                self._waiting.popleft()
                self.moving_bytes += size
                turn.set_result(None)
            else:
                return

    def _has_room(self, size_bytes: int) -> bool:
        return self.moving_bytes == 0 or self.moving_bytes + size_bytes <= self.limit_bytes
