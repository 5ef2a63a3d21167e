"""A node that runs in the event loop: started and stopped, its state read, commands handed to its machines.

What an application asks of it is built on these few calls: see `node`.

Longer than most files here: the calls of one class, most of them short, each with what it raises.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

from coordfsm.kernel import Command, Decoder, EncodingError, Value, encode, out_of_range
from coordfsm.protocols.coordinator.registry import Registry
from coordfsm.protocols.membership.events import (
    CommandRefused,
    Found,
    FoundingRefused,
    Join,
    JoinRefused,
    Leave,
    MemberWedged,
    ViewChanged,
)
from coordfsm.protocols.membership.founding.rules import SILENT
from coordfsm.protocols.migration.messages import (
    CommitDecided,
    EntityArrived,
    EntityFrozen,
    EntityLeft,
    EntityThawed,
    MigrationEnded,
)
from coordfsm.protocols.node import NodeData
from coordfsm.protocols.view import View, coordinator
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import CommandRefusedError, ConfigurationError, NodeStoppedError
from coordfsm_runtime.events import EventStream, Listener
from coordfsm_runtime.host.assembly import Assembly
from coordfsm_runtime.host.confirmations import Confirmations
from coordfsm_runtime.host.disk_watch import DiskWatch
from coordfsm_runtime.host.driver import Driver
from coordfsm_runtime.plain import summarize
from coordfsm_runtime.storage.store import Store
from coordfsm_runtime.wire.transport import Transport

HISTORY = 50
"""Views remembered for people to look at."""

FREQUENT = frozenset({EntityFrozen, EntityThawed, EntityArrived, EntityLeft, CommitDecided, MigrationEnded})
"""Told so often that they are logged at level debug only."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class RunningNode:
    """One member of a cluster, in the running event loop. An asynchronous context manager.

    Args:
        config: of the node.
        store: where durable records live; None for SQLite in the node's directory.

    Attributes:
        config: of the node.
        counters: everything that the node counts.
        history: the views installed since the start, newest last, with the wall-clock time of each.
        wedged: who was missing when the node last found itself without a majority.
        join_refused: why a member last refused to let the node in; None once it is in.
    """

    def __init__(self, config: NodeConfig, store: Store | None = None) -> None:
        self.config = config
        self.counters = Counters()
        self.history: deque[tuple[View, float]] = deque(maxlen=HISTORY)
        self.wedged: MemberWedged | None = None
        self.join_refused: JoinRefused | None = None
        self._given_store = store
        self._events = EventStream()
        self._confirmations = Confirmations(self._hand_over)
        self._waiters: set[asyncio.Future[None]] = set()  # for another event
        self._awaited: set[asyncio.Future[Any]] = set()  # all, to end when the node does
        self._closed = asyncio.Event()
        self._assembly: Assembly | None = None
        self._started = time.monotonic()
        self._listeners: list[Callable[[Value], None]] = []
        self._waking = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.failure is None:
            await self.leave()
        await self.close()

    # -- starting and stopping ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open socket and store, recover, and found or join the cluster, as configured.

        Raises:
            ConfigurationError: the address cannot be bound, or the directory not be made.
            StoreError: the store cannot be opened or read.
        """
        self._assembly = Assembly(self.config, self._given_store, self._tell, self._fail, self.counters)
        await self._assembly.start()
        logger.info("started", extra={"fields": {"endpoint": self.endpoint, "sealed": bool(self.config.keys)}})
        self._enter_cluster()

    def _enter_cluster(self) -> None:
        """Found or join, unless the store brought the node back into a view or into leaving."""
        config = self.config
        if self.state != "detached":
            return
        if config.bootstrap and not self._was_member():
            self._running.submit(Found(secrets.token_hex(16), config.seeds, confirmed=config.new_cluster))
        elif config.seeds:
            self._running.submit(Join(config.seeds, secrets.token_hex(16)))
        else:
            reason = "it was in a cluster before and does not found another" if config.bootstrap else "no seeds"
            logger.warning("in no cluster", extra={"fields": {"reason": reason, "expected": "node.seeds, or a join"}})

    def _refuse_to_found(self, refused: FoundingRefused) -> None:
        """Stop: whoever started this node takes it for the founder of a cluster, and it is not."""
        label, seeds = self.config.label, ", ".join(refused.seeds)
        if refused.reason == SILENT:
            expected = (
                f"seeds that answer, or node.new_cluster = true (--bootstrap --new-cluster): whether a cluster "
                f"{label!r} is alive cannot be told, since there is no answer from {seeds}"
            )
        else:
            expected = (
                f"false: {refused.reason} with the label {label!r} answers at {seeds}; without it this node joins"
            )
        error = ConfigurationError("configuration", "node.bootstrap", value=True, expected=expected)
        # After this turn: the driver is in the middle of telling.
        asyncio.get_running_loop().call_soon(self._running.give_up, error)

    def _was_member(self) -> bool:
        """Whether this node was ever in a cluster: then it must not found another one by itself."""
        return self.data.membership.lifecycle.incarnation > 0

    async def leave(self) -> None:
        """Leave the cluster gracefully; gives up after the configured time. The node handles nothing more after it."""
        if self._assembly is None or self._closed.is_set() or self.state == "left":
            return
        with contextlib.suppress(TimeoutError, NodeStoppedError):
            async with asyncio.timeout(self.config.leave_timeout_ms / 1000):
                await self.submit(Leave())
                await self.wait_until(lambda: self.state == "left")
        logger.info(
            "left" if self.state == "left" else "stopped without leaving", extra={"fields": {"state": self.state}}
        )

    async def close(self) -> None:
        """Stop at once, as a crash would: what was promised is on disk."""
        self._closed.set()
        if self._assembly is not None:
            self._assembly.close()
        self._events.close()
        self._stop_waiting()

    async def wait_closed(self) -> None:
        """Wait until the node is closed or fails."""
        await self._closed.wait()

    def _fail(self, error: Exception) -> None:
        logger.error("failed, the node stops", extra={"fields": {"reason": str(error)}})
        self._closed.set()
        self._events.close()
        self._stop_waiting()

    # -- what the node knows -----------------------------------------------------------------------------------------

    @property
    def _assembled(self) -> Assembly:
        if self._assembly is None:
            raise NodeStoppedError("the node has not started")
        return self._assembly

    @property
    def _running(self) -> Driver:
        return self._assembled.driver

    @property
    def data(self) -> NodeData:
        """All that the machines hold. Read it; it never changes under the reader."""
        data: NodeData = self._running.data
        return data

    @property
    def failure(self) -> Exception | None:
        """Why the node stopped by itself, or None."""
        return None if self._assembly is None else self._assembly.driver.failure

    @property
    def endpoint(self) -> str:
        """Where others reach this node."""
        return self.transport.endpoint

    @property
    def transport(self) -> Transport:
        return self._assembled.transport

    @property
    def state(self) -> str:
        """Where the process is on its way into the cluster and out of it.

        ``member`` when it acts in one; ``failed`` once it has stopped by itself (see `failure`).
        """
        return "failed" if self.failure is not None else self.data.membership.lifecycle.state

    @property
    def view(self) -> View | None:
        """The view in which this process acts as a member."""
        return self.data.coordination.monitor.view

    @property
    def coordinator(self) -> str | None:
        """The node that coordinates the view."""
        return coordinator(self.view).node if self.view is not None else None

    @property
    def registry(self) -> Registry:
        """Who hosts which bubbles, as of the newest topology."""
        return self.data.coordination.registrar.topology

    @property
    def entity_counts(self) -> dict[str, int]:
        """How many entities are in each state here."""
        return self._assembled.observer.entities.by_state()

    @property
    def disk(self) -> DiskWatch:
        """How long commits take."""
        return self._running.disk

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    # -- what the node is asked --------------------------------------------------------------------------------------

    async def submit(self, command: Command) -> tuple[Value, ...]:
        """Hand a command to the machines; the events of that step, once they are durable.

        Raises:
            CommandRefusedError: the machines refused it, with their reason.
            EncodingError: it holds what can neither travel nor rest (half a character, a field of another type, too
                large a number or a text).
            NodeStoppedError: the node has stopped.
        """
        # Found out here, at the caller's, and not when its record is read back or its message arrives.
        check_command(command)
        try:
            told = await self._running.submit(command)
        except asyncio.CancelledError:
            if self._closed.is_set():
                raise NodeStoppedError("the node has stopped") from None
            raise
        for event in told:
            if isinstance(event, CommandRefused):
                raise CommandRefusedError(f"{event.command} was refused: {event.reason}")
        return told

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is tried again after every event.

        Raises:
            NodeStoppedError: the node stopped first.
        """
        while not condition():
            if self._closed.is_set():
                raise NodeStoppedError("the node has stopped")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await self._unless_stopped(waiter)
            finally:
                self._waiters.discard(waiter)

    async def _unless_stopped(self, future: asyncio.Future[T]) -> T:
        """Wait for something that happens to this node.

        Raises:
            NodeStoppedError: the node stopped first.
        """
        if self._closed.is_set():
            raise NodeStoppedError("the node has stopped")
        self._awaited.add(future)
        try:
            return await future
        finally:
            self._awaited.discard(future)

    def _stop_waiting(self) -> None:
        for future in self._awaited:
            if not future.done():
                future.set_exception(NodeStoppedError("the node has stopped"))

    async def member(self) -> View:
        """Wait until the node is a member of a view; that view."""
        await self.wait_until(lambda: self.state == "member" and self.view is not None)
        assert self.view is not None
        return self.view

    def listen(self, listener: Callable[[Value], None]) -> None:
        """Have a function called with every event, at once and in order, for as long as the node exists.

        What it returns from, it has handled (see `events`).
        """
        self._listeners.append(listener)

    def events(self, *, serves: bool = True, confirms: bool = False) -> Listener:
        """Everything that the machines tell, from now on, until the node stops: an asynchronous iterator.

        Who takes the next event has handled the one before. An entity does not leave before each reader has handled its
        `EntityFrozen`: have it out of service before asking for the next event. A reader that does not come to that
        within `freeze_timeout_ms` keeps the entity here: the migration answers NOT_STOPPED. An entity that a fence took
        (`EntityLeft` with a `freeze`) stays where it is until each reader has handled that.

        Args:
            serves: whether the reader serves entities, and so is waited for; False for who only watches.
            confirms: the reader says with `confirm_stopped` that it has stopped; taking the next event says nothing.
        """
        if not serves:
            return self._events.listen()
        return self._events.listen(is_waited_for=True) if confirms else self._events.listen(self._confirmations.handled)

    async def confirm_stopped(self, entity: str, freeze: int = 0) -> None:
        """The application, all of it, serves an entity no longer: readers of `events` are not waited for.

        Args:
            entity: its id.
            freeze: as in the event that asks for the confirmation; 0: whichever is open.

        Raises:
            CommandRefusedError: no such confirmation is waited for: given already, or the entity is in service again.
            NodeStoppedError: the node has stopped.
        """
        confirmation = self._confirmations.opened(entity, freeze)
        if confirmation is None:
            number = f" {freeze}" if freeze else ""
            raise CommandRefusedError(f"no stop{number} of {entity!r} waits for a confirmation")
        self._confirmations.settle(confirmation)
        await self.submit(confirmation)

    @property
    def unconfirmed_stops_ms(self) -> list[float]:
        """For how long the application has been waited for, of each entity that it has to stop serving."""
        return self._confirmations.waited_ms()

    def _hand_over(self, command: Command) -> None:
        """Hand a command to the machines and wait for nothing; a node that has stopped needs none."""
        with contextlib.suppress(NodeStoppedError):
            self._running.submit(command)

    # -- what the machines tell --------------------------------------------------------------------------------------

    def _tell(self, event: Value) -> None:
        self.counters.add("events", type(event).__name__)
        if isinstance(event, ViewChanged):
            self.history.append((event.view, time.time()))
            self.join_refused = None
        elif isinstance(event, JoinRefused):
            self.join_refused = event
        elif isinstance(event, FoundingRefused):
            self._refuse_to_found(event)
        elif isinstance(event, MemberWedged):
            self.wedged = event
        level = logging.DEBUG if type(event) in FREQUENT else logging.INFO
        if logger.isEnabledFor(level):
            plain = summarize(event)
            number = self.view.number if self.view else 0
            logger.log(level, plain.pop("type"), extra={"fields": {"view": number} | plain})
        readers = self._events.publish(event)
        for listener in tuple(self._listeners):
            listener(event)
        self._confirmations.note(event, readers)
        self._wake_soon()

    def _wake_soon(self) -> None:
        """Have all conditions that are waited for tried again, once for all events of this turn."""
        if self._waiters and not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake_waiters)

    def _wake_waiters(self) -> None:
        self._waking = False
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


@cache
def _decoder(kind: type[Command]) -> Decoder:
    return Decoder(kind)


def check_command(command: Command) -> None:
    """Make sure that a command can be encoded, stored and read back.

    Raises:
        EncodingError: it cannot; the text names what is wrong.
    """
    kind = type(command)
    packed = encode(command)
    try:
        _decoder(kind).decode(packed)
    except EncodingError as error:
        raise EncodingError(f"{kind.__name__}: {_with_field(kind, str(error))}") from None
    wrong = out_of_range(command)
    if wrong is not None:
        raise EncodingError(f"{kind.__name__}: {wrong}")


def _with_field(kind: type[Command], text: str) -> str:
    """The decoder's text, with the field's name instead of its place (the type's name stands at 0)."""
    for place, name in enumerate(kind.__struct_fields__, 1):
        text = text.replace(f"`$[{place}]`", name)
    return text.removeprefix("cannot decode: ")
