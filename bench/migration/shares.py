"""Where a node's time goes: what stands at the borders of its parts is wrapped with clocks."""

import time
from collections.abc import Callable
from typing import Any

from coordfsm.kernel import Decoder
from coordfsm_runtime import datagram, store, transport
from coordfsm_runtime.machines import MACHINE

BORDERS: tuple[tuple[Any, str, str], ...] = (
    (MACHINE, "step", "machine"),
    (store.SqliteStore, "_sync", "fsync"),
    (store.SqliteStore, "commit", "store"),
    (Decoder, "decode", "codec"),
    (transport, "encode", "codec"),
    (datagram.Envelope, "close", "seal"),
    (datagram.Envelope, "open", "seal"),
)
"""Owner, name, and the part that the time counts for. A call within another counts for the inner one only."""


class Shares:
    """Seconds by part. Once enabled, every call across a border costs about a microsecond more.

    Attributes:
        seconds: by part.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]
        if enabled:
            for owner, name, part in BORDERS:
                setattr(owner, name, self._timed(getattr(owner, name), part))

    def clear(self) -> None:
        self.seconds.clear()

    def _timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return function(*given, **named)
            finally:
                spent = time.perf_counter() - began
                own = spent - self._inner.pop()
                self._inner[-1] += spent
                self.seconds[part] = self.seconds.get(part, 0.0) + own

        return timed
