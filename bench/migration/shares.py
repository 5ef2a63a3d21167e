"""Where a node's time goes: what stands at the borders of its parts is wrapped with clocks."""

import threading
import time
from collections.abc import Callable
from typing import Any

from coordfsm.kernel import Decoder
from coordfsm_runtime.machines import MACHINE
from coordfsm_runtime.storage import store
from coordfsm_runtime.wire import datagram, transport

BORDERS: tuple[tuple[Any, str, str], ...] = (
    (MACHINE, "step", "machine"),
    (store.SqliteStore, "stage", "store"),
    (store.SqliteStore, "sync", "store"),
    (Decoder, "decode", "codec"),
    (transport, "encode", "codec"),
    (datagram.Envelope, "close", "seal"),
    (datagram.Envelope, "open", "seal"),
)
"""Owner, name, and the part that the processor time counts for. A call within another counts for the inner one only."""


class Shares:
    """Seconds by part. Once enabled, every call across a border costs about a microsecond more.

    Attributes:
        seconds: of processor time by part; of wall-clock time for ``fsync``, the wait for the disk in its thread.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._local = threading.local()  # the store waits for the disk in a thread of its own
        if enabled:
            for owner, name, part in BORDERS:
                setattr(owner, name, self._timed(getattr(owner, name), part))
            self._watch_disk()

    def _watch_disk(self) -> None:
        sync = store.SqliteStore._sync  # noqa: SLF001  (the border between the store and the disk)

        def watched(kept: store.SqliteStore) -> None:
            began = time.perf_counter()
            sync(kept)
            self._add("fsync", time.perf_counter() - began)

        setattr(store.SqliteStore, "_sync", watched)  # noqa: B010  (a method is replaced on purpose)

    def _add(self, part: str, seconds: float) -> None:
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def _timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        local = self._local

        def timed(*given: Any, **named: Any) -> Any:
            before = getattr(local, "inner", 0.0)
            local.inner = 0.0
            began = time.thread_time()
            try:
                return function(*given, **named)
            finally:
                spent = time.thread_time() - began
                self._add(part, spent - local.inner)
                local.inner = before + spent

        return timed
