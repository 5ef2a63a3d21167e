"""Hands the events that the machines tell to everyone who listens, each through a bounded queue of its own.

A listener that is too slow loses its oldest events, and is told how many: it finds `EventsMissed` in their place and
can ask the node for its state (`ClusterNode.data`).

Whoever takes the next event has handled the one before: that is how an application confirms what it was told.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self
from weakref import ref

from coordfsm.kernel import Value

QUEUE = 10_000
"""Events that wait for one listener at most."""

QUEUE_BYTES = 16 << 20
"""What the payloads of the events that wait for one listener may take, bytes."""


class EventsMissed(Value):
    """The listener was too slow: this many events are missing here.

    Attributes:
        count: events that were dropped, at least 1.
    """

    count: int


class Listener:
    """The events from its creation on, as an asynchronous iterator that ends when the node stops or fails.

    Args:
        handled: called with each event once the next one is asked for; None if nobody waits for that.
        is_waited_for: whether somebody waits for what its reader has to say of events, here or by another way.

    Attributes:
        ended: whether the node has stopped and all events were taken.
        missed: events that were dropped so far because the listener was too slow.
    """

    def __init__(self, handled: Callable[[Value], None] | None = None, *, is_waited_for: bool = False) -> None:
        self._handled = handled
        self._is_waited_for = is_waited_for or handled is not None
        self._handed: list[Value] = []  # to the reader, who has not asked for more yet
        self._queue: deque[Value] = deque()
        self._bytes = 0
        self._untold = 0  # dropped since the listener was last told
        self._closed = False
        self._filled = asyncio.Event()
        self.ended = False
        self.missed = 0

    def __aiter__(self) -> Self:
        return self

    @property
    def is_waited_for(self) -> bool:
        """Whether it counts what the reader has to say of an event."""
        return self._is_waited_for and not self._closed

    async def __anext__(self) -> Value:
        self._note_handled()
        while not self._queue and not self._untold and not self._closed:
            self._filled.clear()
            await self._filled.wait()
        event = self._take()
        if event is None:
            self.ended = True
            raise StopAsyncIteration
        return event

    def drain(self) -> list[Value]:
        """The events that wait, without waiting for more."""
        self._note_handled()
        taken = []
        while (event := self._take()) is not None:
            taken.append(event)
        self.ended = self.ended or self._closed
        return taken

    def put(self, event: Value) -> None:
        """Add an event. When the queue is full, the oldest events are dropped and counted."""
        if self._closed:
            return
        self._queue.append(event)
        self._bytes += _size(event)
        while len(self._queue) > QUEUE or (self._bytes > QUEUE_BYTES and len(self._queue) > 1):
            self._bytes -= _size(self._queue.popleft())
            self._untold += 1
            self.missed += 1
        self._filled.set()

    def close(self) -> None:
        """Nothing comes any more: the iteration ends once what waits was taken."""
        self._closed = True
        self._filled.set()

    def _take(self) -> Value | None:
        if self._untold:  # what is missing is older than all that waits
            told, self._untold = EventsMissed(self._untold), 0
            return told
        if not self._queue:
            return None
        event = self._queue.popleft()
        self._bytes -= _size(event)
        if self._handled is not None:
            self._handed.append(event)
        return event

    def _note_handled(self) -> None:
        handed, self._handed = self._handed, []
        for event in handed:
            assert self._handled is not None
            self._handled(event)


class EventStream:
    """A fan-out. A listener that is too slow loses its oldest events; the node never waits for it."""

    def __init__(self) -> None:
        # Weak: whoever forgets a listener stops listening.
        self._listeners: list[ref[Listener]] = []
        self._closed = False

    def publish(self, event: Value) -> int:
        """Hand an event to everyone; how many of them are waited for until they have handled it."""
        living = self._living()
        waited_for = sum(listener.is_waited_for for listener in living)
        for listener in living:
            listener.put(event)
        return waited_for

    def close(self) -> None:
        """End every listener's iteration, also that of later ones."""
        self._closed = True
        for listener in self._living():
            listener.close()

    def listen(self, handled: Callable[[Value], None] | None = None, *, is_waited_for: bool = False) -> Listener:
        listener = Listener(handled, is_waited_for=is_waited_for)
        if self._closed:
            listener.close()
        self._listeners.append(ref(listener, self._listeners.remove))
        return listener

    def _living(self) -> list[Listener]:
        return [listener for known in self._listeners if (listener := known()) is not None]


def _size(event: Value) -> int:
    """What an event keeps in memory beyond a small constant: its payload, if it has one."""
    return len(getattr(event, "payload", b""))
