"""Puts the parts of a node together: store, socket, machines, clock, and a trace if it is asked for."""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import Any

from coordfsm.kernel import Decoder, Value, encode
from coordfsm.protocols.node import NodeSettings
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import ConfigurationError
from coordfsm_runtime.host.controller import RealTime
from coordfsm_runtime.host.driver import Driver
from coordfsm_runtime.host.observer import Observer
from coordfsm_runtime.host.recorder import TraceRecorder
from coordfsm_runtime.host.store_gate import StoreGate
from coordfsm_runtime.machines import MACHINE, MESSAGES, PROMPT, RECORDS, initial_data, node_settings
from coordfsm_runtime.plain import to_plain
from coordfsm_runtime.storage.store import SqliteStore, Store
from coordfsm_runtime.wire.transport import Transport

STORE_FILE = "node.db"


class Assembly:
    """A node's parts, opened; `start` sets them going.

    Args:
        config: of the node.
        store: where durable records live; None for SQLite in the node's directory. Closed with the rest.
        tell: called with each event that the machines tell.
        fail: called when the node stops by itself.
        counters: what to count in.

    Attributes:
        transport: its socket.
        driver: runs its machines.
        gate: knows whether the store is the newest of its name.
        observer: counts what they do.

    Raises:
        ConfigurationError: the address cannot be bound, or the directory or trace not be made.
        StoreError: the store cannot be opened.
    """

    def __init__(
        self,
        config: NodeConfig,
        store: Store | None,
        tell: Callable[[Value], None],
        fail: Callable[[Exception], None],
        counters: Counters,
    ) -> None:
        with contextlib.ExitStack() as stack:
            _make_directory(config)
            kept = store or SqliteStore(config.data / STORE_FILE, RECORDS, f"{config.label}/{config.name}")
            stack.callback(kept.close)
            self.transport = Transport.open(config.transport, Decoder(union_of(MESSAGES)), counters)
            stack.callback(self.transport.close)
            settings = node_settings(config, self.transport.endpoint)
            recorder = self._recorder(config, settings)
            if recorder is not None:
                stack.callback(recorder.close)
            self.observer = Observer(counters, recorder)
            data = initial_data(settings)
            self.driver = Driver(MACHINE, data, kept, self.transport, tell, counters, self.observer, PROMPT)
            self.driver.on_failure = fail
            stack.callback(self.driver.stop)
            self.gate = StoreGate(config.name, kept, self.transport, self.driver, self._stop_later)
            stack.callback(self.gate.close)
            self._controller = RealTime(self._alarm)
            stack.callback(self._controller.close)
            self._cleanup = stack.pop_all()

    async def start(self) -> None:
        """Have the others say that the store is no stale copy, then recover from it.

        Whatever is told before this returns is told to `tell`.

        Raises:
            StaleStoreError: the store is older than what another member saw of it.
            StoreError: the store cannot be read or written.
        """
        try:
            self.transport.start(self.gate.deliver)
            await self.gate.open()
            self.driver.start(self._controller)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop at once, as a crash would. Closing twice does nothing."""
        self._cleanup.close()

    def _stop_later(self, error: Exception) -> None:
        # After this turn: a datagram is being read.
        asyncio.get_running_loop().call_soon(self.driver.give_up, error)

    def _alarm(self) -> None:
        # What has arrived is read before the timer that is due: see the driver's order.
        self.transport.poll()
        self.driver.wake()

    def _recorder(self, config: NodeConfig, settings: NodeSettings) -> TraceRecorder | None:
        if config.trace is None:
            return None
        packed = base64.b64encode(encode(settings)).decode()
        plain = {"settings": to_plain(settings), "bytes": packed}
        try:
            return TraceRecorder(config.trace, config.name, plain, config.trace_max_bytes)
        except OSError as error:
            expected = f"a file that can be written ({error.strerror})"
            raise ConfigurationError("configuration", "node.trace", str(config.trace), expected) from error


def _make_directory(config: NodeConfig) -> None:
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        expected = f"a directory that can be made ({error.strerror})"
        raise ConfigurationError("configuration", "node.data", str(config.data), expected) from error


def union_of(kinds: tuple[type[Value], ...]) -> Any:
    """The type that holds values of all these types."""
    union: Any = kinds[0]
    for kind in kinds[1:]:
        union |= kind
    return union
