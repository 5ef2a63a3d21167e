"""Hands the events that the machines tell to everyone who listens, each through a bounded queue of its own."""

import asyncio
from collections import deque
from typing import Self
from weakref import ref

from coordfsm.kernel import Value

QUEUE = 10_000


class Listener:
    """The events from its creation on, as an asynchronous iterator that ends when the node stops.

    Attributes:
        ended: whether the node has stopped and all events were taken.
    """

    def __init__(self) -> None:
        self._queue: deque[Value | None] = deque(maxlen=QUEUE)
        self._filled = asyncio.Event()
        self.ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Value:
        while not self._queue and not self.ended:
            self._filled.clear()
            await self._filled.wait()
        event = None if self.ended else self._queue.popleft()
        if event is None:
            self.ended = True
            raise StopAsyncIteration
        return event

    def drain(self) -> list[Value]:
        """The events that wait, without waiting for more."""
        taken = [event for event in self._queue if event is not None]
        self.ended = self.ended or None in self._queue
        self._queue.clear()
        return taken

    def put(self, event: Value | None) -> None:
        """Add an event, or None for the end. When the queue is full, the oldest event is lost."""
        self._queue.append(event)
        if not self._filled.is_set():
            self._filled.set()


class EventStream:
    """A fan-out. A listener that is too slow loses its oldest events; the node never waits for it."""

    def __init__(self) -> None:
        # Weak: whoever forgets a listener stops listening.
        self._listeners: list[ref[Listener]] = []
        self._closed = False

    def publish(self, event: Value) -> None:
        for listener in self._living():
            listener.put(event)

    def close(self) -> None:
        """End every listener's iteration, also that of later ones."""
        self._closed = True
        for listener in self._living():
            listener.put(None)

    def listen(self) -> Listener:
        listener = Listener()
        if self._closed:
            listener.put(None)
        self._listeners.append(ref(listener, self._listeners.remove))
        return listener

    def _living(self) -> list[Listener]:
        return [listener for known in self._listeners if (listener := known()) is not None]
