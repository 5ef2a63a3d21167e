"""Stands between network, store and machines: lets the machines begin once the store is known to be no stale copy.

The decisions are the machine `Identity`'s. Here its effects are carried out, stamps are packed into datagrams and read
out of them, and what was seen of others is written with the next commit of the machines.
"""

import asyncio
import logging
import secrets
import struct
from collections.abc import Callable

from coordfsm.kernel import Endpoint, Input, Map, Message, Persist, Received, Send, SetTimer, TimerFired, Write
from coordfsm.protocols.identity.data import IdentityData, Standing
from coordfsm.protocols.identity.machine import IDENTITY
from coordfsm.protocols.identity.messages import (
    MESSAGES,
    SEEN_PREFIX,
    OtherProcessFound,
    Sighting,
    StaleCopyFound,
    Stamp,
    StampSeen,
    StoreConfirmed,
    StoreOpened,
)
from coordfsm.protocols.membership.data import EXCLUDED_KEY, IDENTITY_KEY, VIEW_KEY, IdentityRecord, MembershipData
from coordfsm.protocols.view import View, member_of
from coordfsm_runtime.errors import StaleStoreError, StoreError
from coordfsm_runtime.host.driver import Driver
from coordfsm_runtime.storage.store import CountingStore, Store
from coordfsm_runtime.wire.transport import Transport

PROCESS_BYTES = 8
"""Chance that tells two processes apart that began with copies of one store."""

_NUMBERS = struct.Struct(f">QQQQ{PROCESS_BYTES}s")

logger = logging.getLogger(__name__)


class StoreGate:
    """The identity of one process's store.

    Args:
        node: whose store it is.
        store: opened; nothing is written to it by others before `confirmed` is done.
        transport: not started yet.
        driver: of the machines, not started yet.
        fail: called when the process must stop although its machines run already.
    """

    def __init__(
        self, node: str, store: Store, transport: Transport, driver: Driver, fail: Callable[[Exception], None]
    ) -> None:
        self.data = IdentityData(node)
        self._store = store
        self._transport = transport
        self._driver = driver
        self._fail = fail
        self._saved: Map[str, Sighting] = Map()
        self._recovered = Standing()
        self._since = 0
        self._acting = False
        self._confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._process = secrets.token_hex(PROCESS_BYTES)
        self._last: tuple[Endpoint, bytes] = ("", b"")
        driver.also_written = self.changed
        transport.stamp_datagrams(self.stamp, _NUMBERS.size + len(node.encode()), self.admit)

    async def open(self) -> None:
        """Count this start, and wait until the machines may begin.

        Raises:
            StaleStoreError: they must not: others saw more of this store than is in it.
            StoreError: the store cannot be read or written.
        """
        records = self._store.records()
        self._recovered = _standing(self.data.node, records)
        found = self._store.sequence if isinstance(self._store, CountingStore) else 0
        self._handle(StoreOpened(self._process, found, records))
        # All that earlier boots committed: what this start itself wrote is in no copy that began with them.
        self._since = found
        self._saved = self.data.seen
        await self._confirmed
        self._acting = True

    def close(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._confirmed.done():
            self._confirmed.cancel()

    # -- messages and stamps -----------------------------------------------------------------------------------------

    def deliver(self, sender: Endpoint, message: Message) -> bool:
        """Take a message from the network; False before the machines have begun, as if they were down yet."""
        if isinstance(message, MESSAGES):
            self._handle(Received(sender, message))
            return True
        return self._acting and self._driver.deliver(sender, message)

    def stamp(self) -> bytes:
        """What this process's datagrams say: nothing before it acts as a member."""
        standing = self._standing()
        if not self._acting or standing.view is None:
            return b""
        commit = self._store.sequence if isinstance(self._store, CountingStore) else 0
        process = bytes.fromhex(self._process)
        packed = _NUMBERS.pack(standing.incarnation, self.data.boot, self._since, commit, process)
        return packed + self.data.node.encode()

    def admit(self, sender: Endpoint, packed: bytes) -> bool:
        """Hear what a datagram says of its sender's store; False for one of a copy."""
        if (sender, packed) == self._last:
            return True
        try:
            stamp = _unpacked(packed)
        except (struct.error, UnicodeDecodeError):
            return False
        effects = self._handle(StampSeen(sender, stamp))
        if effects:
            return False
        self._last = (sender, packed)
        return True

    def changed(self) -> tuple[Write, ...]:
        """What was seen of others since the last commit."""
        before, now = self._saved, self.data.seen
        self._saved = now
        if before is now:
            return ()
        gone = tuple(Write(SEEN_PREFIX + node, None) for node in before if node not in now)
        return (*gone, *(Write(SEEN_PREFIX + node, seen) for node, seen in now.items() if before.get(node) != seen))

    # -- the machine -------------------------------------------------------------------------------------------------

    def _standing(self) -> Standing:
        if not self._acting:
            return self._recovered
        membership: MembershipData = self._driver.data.membership
        view, incarnation = membership.view_change.view, membership.lifecycle.incarnation
        member = None if view is None else member_of(view, self.data.node)
        is_member = member is not None and member.incarnation == incarnation
        return Standing(incarnation, view if is_member else None)

    def _handle(self, given: Input) -> bool:
        """Step the machine and carry its effects out; whether there were any."""
        before = self.data.outcome
        step = IDENTITY.step(self.data, given, self._standing())
        self.data = step.data
        for effect in step.effects:
            if isinstance(effect, Persist):
                self._store.commit(effect.writes)
            elif isinstance(effect, Send):
                self._transport.send(effect.to, effect.message)
            elif isinstance(effect, SetTimer):
                fired = TimerFired(effect.timer)
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(effect.after_ms / 1000, self._handle, fired)
        if self.data.outcome is not None and self.data.outcome != before:
            self._tell(self.data.outcome)
        return bool(step.effects)

    def _tell(self, event: StoreConfirmed | StaleCopyFound | OtherProcessFound) -> None:
        if isinstance(event, StoreConfirmed):
            if event.unheard:
                logger.warning("store not confirmed by all", extra={"fields": {"unheard": ",".join(event.unheard)}})
            if not self._confirmed.done():
                self._confirmed.set_result(None)
            return
        error = _explained(self.data.node, event)
        if self._confirmed.done():
            self._fail(error)
        else:
            self._confirmed.set_exception(error)


def _explained(node: str, event: StaleCopyFound | OtherProcessFound) -> StoreError:
    remedy = (
        "start the node with the newest files that it had; if they are gone, with an empty directory, "
        "as a new member without entities"
    )
    if isinstance(event, StaleCopyFound):
        seen, found = (
            f"incarnation {numbers[0]}, boot {numbers[1]}, commit {numbers[2]}" for numbers in (event.seen, event.found)
        )
        return StaleStoreError(
            f"the store of {node} is a stale copy: {event.by} saw {seen} of it, and it ends with {found}; {remedy}"
        )
    return StaleStoreError(
        f"another process acts, or acted, as {node}: {event.by} saw boot {event.seen[0]}, commit {event.seen[1]} of "
        f"its store, and this process is boot {event.own[0]}, which began with commit {event.own[1]}; "
        f"one of the two has a copy: stop both, then {remedy}"
    )


def _standing(node: str, records: tuple[Write, ...]) -> Standing:
    """Where the store says that its process stood."""
    kept = {record.key: record.value for record in records}
    identity, view = kept.get(IDENTITY_KEY), kept.get(VIEW_KEY)
    incarnation = identity.incarnation if isinstance(identity, IdentityRecord) else 0
    member = member_of(view, node) if isinstance(view, View) else None
    if EXCLUDED_KEY in kept or member is None or member.incarnation != incarnation or not isinstance(view, View):
        return Standing(incarnation)
    return Standing(incarnation, view)


def _unpacked(packed: bytes) -> Stamp:
    incarnation, boot, since, commit, process = _NUMBERS.unpack_from(packed)
    return Stamp(packed[_NUMBERS.size :].decode(), incarnation, boot, since, commit, process.hex())
