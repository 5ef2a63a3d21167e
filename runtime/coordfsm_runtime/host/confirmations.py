"""Which freezes the readers of events have still to handle: the machines hear of it when all have."""

from collections.abc import Callable

from coordfsm.kernel import Value
from coordfsm.protocols.migration.messages import ConfirmStopped, EntityFrozen, EntityLeft, EntityThawed


class Confirmations:
    """The handshake of a freeze, on the side of the application.

    Args:
        confirm: hands the confirmation to the machines.
    """

    def __init__(self, confirm: Callable[[ConfirmStopped], None]) -> None:
        self._confirm = confirm
        self._waiting: dict[
            str, tuple[int, int]
        ] = {}  # entity to the freeze that is open and how many readers it awaits

    def note(self, event: Value, readers: int) -> None:
        """What the machines told to so many readers who are waited for."""
        if isinstance(event, EntityFrozen):
            self._waiting[event.entity] = (event.freeze, readers)
            self._confirm_handled(event)
        elif isinstance(event, EntityThawed | EntityLeft):
            self._waiting.pop(event.entity, None)

    def handled(self, event: Value) -> None:
        """One reader has handled an event."""
        if not isinstance(event, EntityFrozen):
            return
        freeze, readers = self._waiting.get(event.entity, (0, 0))
        if freeze == event.freeze:
            self._waiting[event.entity] = (freeze, readers - 1)
            self._confirm_handled(event)

    def _confirm_handled(self, event: EntityFrozen) -> None:
        _, readers = self._waiting[event.entity]
        if readers <= 0:
            del self._waiting[event.entity]
            self._confirm(ConfirmStopped(event.entity, event.freeze))
