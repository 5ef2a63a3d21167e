"""Hands the events that the machines tell to everyone who listens, each through a bounded queue of its own."""

import asyncio
from collections.abc import AsyncIterator

from coordfsm.kernel import Value

QUEUE = 10_000


class EventStream:
    """A fan-out. A listener that is too slow loses its oldest events; the node never waits for it."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Value | None]] = set()
        self._closed = False

    def publish(self, event: Value) -> None:
        for queue in self._queues:
            self._put(queue, event)

    def close(self) -> None:
        """End every listener's iteration."""
        self._closed = True
        for queue in self._queues:
            self._put(queue, None)

    async def listen(self) -> AsyncIterator[Value]:
        """The events from the first step of the iteration on."""
        queue: asyncio.Queue[Value | None] = asyncio.Queue(QUEUE)
        self._queues.add(queue)
        try:
            while not self._closed or not queue.empty():
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            self._queues.discard(queue)

    @staticmethod
    def _put(queue: asyncio.Queue[Value | None], event: Value | None) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(event)
