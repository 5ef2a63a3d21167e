"""A node for embedding: the machines, a socket, a clock and a store, behind awaitable calls and a stream of events.

::

    async with ClusterNode(NodeConfig(name="n1", data=Path("n1"), bootstrap=True)) as node:
        await node.member()
        await node.create("ship-1", b"state")
        outcome = await node.migrate("ship-1", "n2")

The node decides nothing: each call becomes an input of the machines, and what it returns is what they tell.
"""

import asyncio
import base64
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from coordfsm.kernel import Command, Decoder, Value, encode
from coordfsm.protocols.coordinator.messages import BubblesRefused, RegisterBubbles, UnregisterBubbles
from coordfsm.protocols.coordinator.registry import BubbleConflict, InvalidBubble, Registry, TooManyBubbles
from coordfsm.protocols.membership.events import Bootstrap, CommandRefused, Join, Leave, MemberWedged, ViewChanged
from coordfsm.protocols.migration.messages import (
    CreateEntity,
    EntityRefused,
    Migrate,
    MigrationEnded,
    RemoveEntity,
    ResolveInDoubt,
    UpdateEntity,
)
from coordfsm.protocols.node import NodeData
from coordfsm.protocols.view import View, coordinator
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.controller import RealTime
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.driver import Driver
from coordfsm_runtime.errors import CommandRefusedError, ConfigurationError, NodeStoppedError
from coordfsm_runtime.events import EventStream, Listener
from coordfsm_runtime.machines import MACHINE, MESSAGES, RECORDS, initial_data, node_settings
from coordfsm_runtime.plain import summarize, to_plain
from coordfsm_runtime.store import SqliteStore, Store
from coordfsm_runtime.trace import TraceRecorder
from coordfsm_runtime.transport import Transport

STORE_FILE = "node.db"
HISTORY = 50
"""Views remembered for people to look at."""

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ClusterNode:
    """One member of a cluster, in the running event loop. An asynchronous context manager.

    Args:
        config: of the node.
        store: where durable records live; None for SQLite in the node's directory.

    Attributes:
        config: of the node.
        counters: everything that the node counts.
        history: the views installed since the start, newest last, with the wall-clock time of each.
        wedged: who was missing when the node last found itself without a majority.
    """

    def __init__(self, config: NodeConfig, store: Store | None = None) -> None:
        self.config = config
        self.counters = Counters()
        self.history: deque[tuple[View, float]] = deque(maxlen=HISTORY)
        self.wedged: MemberWedged | None = None
        self._given_store = store
        self._events = EventStream()
        self._changed = asyncio.Condition()
        self._closed = asyncio.Event()
        self._cleanup = contextlib.ExitStack()
        self._transport: Transport | None = None
        self._driver: Driver | None = None
        self._started = time.monotonic()
        self._listeners: list[Callable[[Value], None]] = []
        self._wakes: set[asyncio.Task[None]] = set()

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
        try:
            self._open()
        except BaseException:
            self._cleanup.close()
            raise
        self._enter_cluster()

    def _open(self) -> None:
        config, keep = self.config, self._cleanup
        _make_directory(config)
        store = self._given_store or SqliteStore(config.data / STORE_FILE, RECORDS, f"{config.label}/{config.name}")
        keep.callback(store.close)
        transport = Transport.open(config.transport, Decoder(_union(MESSAGES)), self.counters)
        keep.callback(transport.close)
        settings = node_settings(config, transport.endpoint)
        recorder = None
        if config.trace is not None:
            packed = base64.b64encode(encode(settings)).decode()
            recorder = TraceRecorder(config.trace, config.name, {"settings": to_plain(settings), "bytes": packed})
            keep.callback(recorder.close)
        driver = Driver(MACHINE, initial_data(settings), store, transport, self._tell, self.counters, recorder)
        driver.on_failure = self._fail
        keep.callback(driver.stop)

        def alarm() -> None:
            # What has arrived is read before the timer that is due: see the driver's order.
            transport.poll()
            driver.wake()

        controller = RealTime(alarm)
        keep.callback(controller.close)
        self._transport, self._driver = transport, driver
        driver.start(controller)
        transport.start(driver.deliver)
        logger.info("started", extra={"fields": {"endpoint": transport.endpoint, "sealed": bool(config.keys)}})

    def _enter_cluster(self) -> None:
        """Found or join, unless the store brought the node back into a view or into leaving."""
        config = self.config
        if self.state != "detached":
            return
        if config.bootstrap and not self._was_member():
            self._running.submit(Bootstrap(secrets.token_hex(16)))
        elif config.seeds:
            self._running.submit(Join(config.seeds))
        else:
            reason = "it was in a cluster before and does not found another" if config.bootstrap else "no seeds"
            logger.warning("in no cluster", extra={"fields": {"reason": reason, "expected": "node.seeds, or a join"}})

    def _was_member(self) -> bool:
        """Whether this node was ever in a cluster: then it must not found another one by itself."""
        return self.data.membership.lifecycle.incarnation > 0

    async def leave(self) -> None:
        """Leave the cluster gracefully; gives up after the configured time. The node handles nothing more after it."""
        if self._driver is None or self._closed.is_set() or self.state == "left":
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
        self._cleanup.close()
        self._events.close()
        await self._wake_waiters()

    async def wait_closed(self) -> None:
        """Wait until the node is closed or fails."""
        await self._closed.wait()

    def _fail(self, error: Exception) -> None:
        logger.error("failed, the node stops", extra={"fields": {"reason": str(error)}})
        self._closed.set()
        self._wake_soon()

    # -- what the node knows -----------------------------------------------------------------------------------------

    @property
    def _running(self) -> Driver:
        if self._driver is None:
            raise NodeStoppedError("the node has not started")
        return self._driver

    @property
    def data(self) -> NodeData:
        """All that the machines hold. Read it; it never changes under the reader."""
        data: NodeData = self._running.data
        return data

    @property
    def failure(self) -> Exception | None:
        """Why the node stopped by itself, or None."""
        return None if self._driver is None else self._driver.failure

    @property
    def endpoint(self) -> str:
        """Where others reach this node."""
        if self._transport is None:
            raise NodeStoppedError("the node has not started")
        return self._transport.endpoint

    @property
    def transport(self) -> Transport:
        if self._transport is None:
            raise NodeStoppedError("the node has not started")
        return self._transport

    @property
    def state(self) -> str:
        """Where the process is on its way into the cluster and out of it: ``member`` when it acts in one."""
        return self.data.membership.lifecycle.state

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
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    # -- what the node is asked --------------------------------------------------------------------------------------

    async def submit(self, command: Command) -> tuple[Value, ...]:
        """Hand a command to the machines; the events of that step, once they are durable.

        Raises:
            CommandRefusedError: the machines refused it, with their reason.
            EncodingError: it holds what can neither travel nor rest (half a character, say).
            NodeStoppedError: the node has stopped.
        """
        # Found out here, at the caller's, and not when its record is written or its message sent.
        encode(command)
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
        async with self._changed:
            while not condition():
                if self._closed.is_set():
                    raise NodeStoppedError("the node has stopped")
                await self._changed.wait()

    async def member(self) -> View:
        """Wait until the node is a member of a view; that view."""
        await self.wait_until(lambda: self.state == "member" and self.view is not None)
        assert self.view is not None
        return self.view

    async def register(self, *bubbles: str) -> tuple[str, ...]:
        """Host these bubbles from now on; all that the node hosts, once a topology says so.

        Raises:
            CommandRefusedError: an id is malformed, there are too many, or another process hosts one.
            NodeStoppedError: the node stopped first.
        """
        return await self._change_bubbles(RegisterBubbles(bubbles))

    async def unregister(self, *bubbles: str) -> tuple[str, ...]:
        """Host these bubbles no longer; all that the node still hosts, once a topology says so.

        Raises:
            NodeStoppedError: the node stopped first.
        """
        return await self._change_bubbles(UnregisterBubbles(bubbles))

    async def _change_bubbles(self, command: RegisterBubbles | UnregisterBubbles) -> tuple[str, ...]:
        refused: list[BubblesRefused] = []

        def note(event: Value) -> None:
            if isinstance(event, BubblesRefused) and set(event.bubbles) & set(command.bubbles):
                refused.append(event)

        def known() -> bool:
            registrar = self.data.coordination.registrar
            entry = registrar.topology.processes.get(self.config.name)
            return bool(refused) or (entry is not None and entry.bubbles == registrar.hosted.bubbles)

        self._listeners.append(note)
        try:
            await self.submit(command)
            await self.wait_until(known)
        finally:
            self._listeners.remove(note)
        if refused:
            raise CommandRefusedError(_refusal_text(refused[0]))
        return self.data.coordination.registrar.hosted.bubbles

    # -- entities ----------------------------------------------------------------------------------------------------

    async def create(self, entity: str, payload: bytes = b"") -> None:
        """Put a new entity into service here, durably. Its id must be unique in the cluster: the caller's duty.

        Raises:
            CommandRefusedError: it exists here, or it is too large.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(CreateEntity(entity, payload))

    async def update(self, entity: str, payload: bytes) -> None:
        """Replace the payload of an entity in service here, durably.

        Raises:
            CommandRefusedError: it is not in service here, or it is too large.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(UpdateEntity(entity, payload))

    async def remove(self, entity: str) -> None:
        """Take an entity out of service for good, durably.

        Raises:
            CommandRefusedError: it is not in service here.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(RemoveEntity(entity))

    async def resolve(self, entity: str, *, commit: bool) -> None:
        """The operator's word for an entity in doubt whose source is lost for good.

        Raises:
            CommandRefusedError: it is not in doubt here.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(ResolveInDoubt(entity, commit))

    async def _change_entity(self, command: CreateEntity | UpdateEntity | RemoveEntity | ResolveInDoubt) -> None:
        for event in await self.submit(command):
            if isinstance(event, EntityRefused):
                raise CommandRefusedError(f"{event.command} of {event.entity!r} was refused: {event.reason}")

    async def migrate(self, entity: str, destination: str, token: str = "") -> MigrationEnded:
        """Move an entity in service here to another member; what became of it.

        Args:
            entity: its id.
            destination: node id.
            token: the caller's idempotency token; empty: derived from (entity, epoch, destination).

        Raises:
            NodeStoppedError: the node stopped first. The outcome is then not known here: the entity is where its
                store says.
        """
        ended: list[MigrationEnded] = []

        def note(event: Value) -> None:
            if isinstance(event, MigrationEnded) and (event.entity, event.destination, event.token) == key:
                ended.append(event)

        key, began = (entity, destination, token), time.monotonic()
        self._listeners.append(note)
        try:
            told = await self.submit(Migrate(entity, destination, token))
            # Told in the same step: this very request was answered, whatever other requests are running.
            answers = [event for event in told if isinstance(event, MigrationEnded)]
            if not answers:
                await self.wait_until(lambda: bool(ended))
        finally:
            self._listeners.remove(note)
        answer = (answers or ended)[0]
        self.counters.add("migrations", answer.outcome)
        self.counters.observe("migration", (time.monotonic() - began) * 1000)
        return answer

    def events(self) -> Listener:
        """Everything that the machines tell, from now on, until the node stops: an asynchronous iterator."""
        return self._events.listen()

    # -- what the machines tell --------------------------------------------------------------------------------------

    def _tell(self, event: Value) -> None:
        self.counters.add("events", type(event).__name__)
        if isinstance(event, ViewChanged):
            self.history.append((event.view, time.time()))
        elif isinstance(event, MemberWedged):
            self.wedged = event
        plain = summarize(event)
        logger.info(plain.pop("type"), extra={"fields": {"view": self.view.number if self.view else 0} | plain})
        self._events.publish(event)
        for listener in tuple(self._listeners):
            listener(event)
        self._wake_soon()

    def _wake_soon(self) -> None:
        task = asyncio.ensure_future(self._wake_waiters())
        self._wakes.add(task)
        task.add_done_callback(self._wakes.discard)

    async def _wake_waiters(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _make_directory(config: NodeConfig) -> None:
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        expected = f"a directory that can be made ({error.strerror})"
        raise ConfigurationError("configuration", "node.data", str(config.data), expected) from error


def _refusal_text(refused: BubblesRefused) -> str:
    refusal = refused.refusal
    if isinstance(refusal, BubbleConflict):
        return "; ".join(f"bubble {bubble!r} is hosted by {holder}" for bubble, holder in refusal.conflicts)
    if isinstance(refusal, InvalidBubble):
        return f"bubble {refusal.bubble!r} is not valid, expected {refusal.expected}"
    if isinstance(refusal, TooManyBubbles):
        return f"{refusal.count} bubbles, at most {refusal.limit} fit one process"
    return f"{refusal.process} is not a member of view {refusal.view_number}"


def _union(kinds: tuple[type[Value], ...]) -> Any:
    union: Any = kinds[0]
    for kind in kinds[1:]:
        union |= kind
    return union
