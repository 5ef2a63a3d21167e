"""What the live pages are told: made once for all of them, and never more of it than the event loop can spare.

A page gets the status whenever it changed and at rest, and migrations as they end. While at least one page is open, one
task looks for changes and makes one line of them; every page sends that line. A page that reads slowly misses lines in
between, never the newest, so nothing is kept for it.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from coordfsm.kernel import Value
from coordfsm.protocols.migration.messages import EntityArrived, MigrationEnded
from coordfsm_runtime.admin.status import history_of, members_of, status_of
from coordfsm_runtime.events import Listener
from coordfsm_runtime.host.running import HISTORY
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.plain import to_line

PAUSE_S = 0.2
"""Events are collected this long before the pages hear of them."""

LOOK_S = 0.5
"""Without events, what the node thinks of the others is looked at this often."""

REST_S = 5.0
"""Without any change, the pages hear the status this often."""

SHARE = 0.05
"""Of the event loop's time, what making the lines may take."""

BYTES_PER_S = 8 << 20
"""What all pages together are sent; with large views and many pages they hear of changes later."""


class LivePages:
    """The lines for the pages of one node.

    Args:
        node: that they show.
    """

    def __init__(self, node: ClusterNode) -> None:
        self._node = node
        self._migrations: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self._ended = 0  # migrations so far
        self._status = b""
        self._made = 0  # statuses so far
        self._news = asyncio.Event()  # another one each time
        self._looking: asyncio.Task[None] | None = None
        self._open = 0
        node.listen(self._note_migration)

    @property
    def last_migrations(self) -> list[dict[str, Any]]:
        """The last migrations from or to this node, oldest first."""
        return list(self._migrations)

    async def lines(self) -> AsyncIterator[bytes]:
        """The status and the last migrations now, then what changes, until the node stops."""
        self._open += 1
        try:
            looking = self._look_for_changes()
            told, ended = self._made, self._ended
            yield self._status
            for migration in self.last_migrations:
                yield to_line({"migration": migration, "past": True})
            while told != self._made or not looking.done():
                if told == self._made:
                    await self._news.wait()
                fresh, ended = self._ended_since(ended), self._ended
                for migration in fresh:
                    yield to_line({"migration": migration})
                if told != self._made:
                    told = self._made
                    yield self._status
        finally:
            self._open -= 1
            if not self._open and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def _look_for_changes(self) -> asyncio.Task[None]:
        """The task that looks, begun with the first page; what it has made last is at hand."""
        if self._looking is None or self._looking.done():
            self._make_status()
            self._looking = asyncio.ensure_future(self._look())
        return self._looking

    async def _look(self) -> None:
        listener = self._node.events(serves=False)
        judged, told_at, pause_s = self._judgements(), time.monotonic(), PAUSE_S
        try:
            while not listener.ended:
                changed = await _has_changed(listener, pause_s)
                before, judged = judged, self._judgements()
                # What a node thinks of others changes without an event.
                if changed or judged != before or time.monotonic() - told_at > REST_S:
                    told_at = time.monotonic()
                    self._make_status()
                    took_s = time.monotonic() - told_at
                    pause_s = max(PAUSE_S, took_s / SHARE, self._open * len(self._status) / BYTES_PER_S)
                    self._tell()
        finally:
            self._tell()

    def _tell(self) -> None:
        """Have every page send what is new."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _make_status(self) -> None:
        self._status = to_line({"status": status_of(self._node) | {"history": history_of(self._node)}})
        self._made += 1

    def _judgements(self) -> list[Any]:
        return [member["state"] for member in members_of(self._node)]

    def _ended_since(self, ended: int) -> list[dict[str, Any]]:
        """The migrations that ended after the first so many; of more than are remembered, the last."""
        return self.last_migrations[-(self._ended - ended) :] if self._ended > ended else []

    def _note_migration(self, event: Value) -> None:
        migration = self._migration_in(event)
        if migration is not None:
            self._migrations.append(migration)
            self._ended += 1

    def _migration_in(self, event: Value) -> dict[str, Any] | None:
        """A migration from or to this node that an event tells of, and when it was told."""
        here = self._node.config.name
        if isinstance(event, MigrationEnded):
            source, destination, outcome = here, event.destination, str(event.outcome)
        elif isinstance(event, EntityArrived) and event.transaction.source:
            source, destination, outcome = event.transaction.source, here, "ARRIVED"
        else:
            return None
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"entity": event.entity, "source": source, "destination": destination, "outcome": outcome, "at": at}


async def _has_changed(listener: Listener, pause_s: float) -> bool:
    """Whether anything is told; what comes in a moment after it is taken together."""
    try:
        async with asyncio.timeout(LOOK_S):
            await anext(listener)
    except (TimeoutError, StopAsyncIteration):
        return False
    await asyncio.sleep(pause_s)
    listener.drain()
    return True
