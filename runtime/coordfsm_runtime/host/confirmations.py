"""Which requests to stop the application has still to answer: the machines hear of it when all readers handled one.

A request to stop is an `EntityFrozen`, or an `EntityLeft` that asks for a confirmation.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from coordfsm.kernel import Value
from coordfsm.protocols.migration.messages import ConfirmStopped, EntityLeft, EntityThawed, confirmation_of


@dataclass
class OpenStop:
    """A request to stop that waits for its confirmation.

    Attributes:
        event: that asks for it.
        confirmation: what answers it.
        readers: who have still to handle it.
        since: when it was asked, on the monotonic clock, seconds.
    """

    event: Value
    confirmation: ConfirmStopped
    readers: int
    since: float


class Confirmations:
    """The handshake by which an entity ends its service, on the side of the application.

    Args:
        confirm: hands the confirmation to the machines.
    """

    def __init__(self, confirm: Callable[[ConfirmStopped], None]) -> None:
        self._confirm = confirm
        self._open: dict[str, OpenStop] = {}

    def note(self, event: Value, readers: int) -> None:
        """What the machines told to so many readers who are waited for."""
        confirmation = confirmation_of(event)
        if confirmation is not None:
            self._open[confirmation.entity] = OpenStop(event, confirmation, readers, time.monotonic())
            self._confirm_handled(confirmation.entity)
        elif isinstance(event, EntityThawed | EntityLeft):
            self._open.pop(event.entity, None)

    def handled(self, event: Value) -> None:
        """One reader has handled an event."""
        confirmation = confirmation_of(event)
        waiting = None if confirmation is None else self._open.get(confirmation.entity)
        if waiting is not None and waiting.event is event:
            waiting.readers -= 1
            self._confirm_handled(waiting.confirmation.entity)

    def opened(self, entity: str, freeze: int = 0) -> ConfirmStopped | None:
        """What answers the request to stop with this number, 0 for any; None if no such request is open."""
        waiting = self._open.get(entity)
        if waiting is None or freeze not in (0, waiting.confirmation.freeze):
            return None
        return waiting.confirmation

    def settle(self, confirmation: ConfirmStopped) -> None:
        """The application has answered by itself: its readers are waited for no longer."""
        if self.opened(confirmation.entity, confirmation.freeze) is not None:
            del self._open[confirmation.entity]

    def waited_ms(self) -> list[float]:
        """For how long each request that is open has been waiting."""
        now = time.monotonic()
        return [(now - waiting.since) * 1000 for waiting in self._open.values()]

    def _confirm_handled(self, entity: str) -> None:
        if self._open[entity].readers <= 0:
            self._confirm(self._open.pop(entity).confirmation)
