"""A node for embedding: the machines, a socket, a clock and a store, behind awaitable calls and a stream of events.

::

    async with ClusterNode(NodeConfig(name="n1", data=Path("n1"), bootstrap=True)) as node:
        await node.member()
        await node.create("ship-1", b"state")
        ended = await node.migrate("ship-1", "n2")
        assert ended.outcome is MigrationOutcome.COMMITTED, ended.reason

The node decides nothing: each call becomes an input of the machines, and what it returns is what they tell.
"""

import asyncio
import itertools
import time

import msgspec

from coordfsm.kernel import Value
from coordfsm.protocols.coordinator.messages import BubblesRefused, RegisterBubbles, UnregisterBubbles
from coordfsm.protocols.coordinator.registry import BubbleConflict, InvalidBubble, TooManyBubbles
from coordfsm.protocols.migration.messages import (
    CreateEntity,
    EntityRefused,
    Migrate,
    MigrationEnded,
    RemoveEntity,
    ResolveInDoubt,
    UpdateEntity,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import BusyError, CommandRefusedError, UnconfirmedError
from coordfsm_runtime.host.admission import MAXIMUM_WAITING, Admission
from coordfsm_runtime.host.running import RunningNode, check_command
from coordfsm_runtime.storage.store import Store
from coordfsm_runtime.update_outcome import UpdateOutcome

ANSWER_TIMEOUT_S = 10.0
"""How long a call waits for another process to confirm what is durable here, or for a stable view."""

STABLE_LOOK_S = 0.01
"""That a view has become stable is not told, so who waits for it looks this often."""


class ClusterNode(RunningNode):
    """One member of a cluster, with what an application asks of it: to host bubbles, to keep and move entities."""

    def __init__(self, config: NodeConfig, store: Store | None = None) -> None:
        super().__init__(config, store)
        self._requests = itertools.count(1)
        self._migrating: dict[int, asyncio.Future[MigrationEnded]] = {}
        self._calls: dict[tuple[str, str, str], list[asyncio.Future[MigrationEnded | None]]] = {}  # those that wait
        self._admission = Admission()
        self._listeners.append(self._note_ended)

    async def register(self, *bubbles: str) -> tuple[str, ...]:
        """Host these bubbles from now on; all that the node hosts, once a topology says so.

        Raises:
            CommandRefusedError: an id is malformed, there are too many, or another process hosts one.
            UnconfirmedError: no topology said so in 10 s: there is no coordinator within reach.
            NodeStoppedError: the node stopped first.
        """
        return await self._change_bubbles(RegisterBubbles(bubbles))

    async def unregister(self, *bubbles: str) -> tuple[str, ...]:
        """Host these bubbles no longer; all that the node still hosts, once a topology says so.

        Raises:
            UnconfirmedError: no topology said so in 10 s: there is no coordinator within reach.
            NodeStoppedError: the node stopped first.
        """
        return await self._change_bubbles(UnregisterBubbles(bubbles))

    async def _change_bubbles(self, command: RegisterBubbles | UnregisterBubbles) -> tuple[str, ...]:
        asked = set(command.bubbles) if isinstance(command, RegisterBubbles) else set()
        told = await self.submit(command)
        # Not awaited between: what is told from here on came after this very command.
        version = self.data.coordination.registrar.hosted.version
        refused = [event for event in told if isinstance(event, BubblesRefused)]

        def note(event: Value) -> None:
            # A set that no process may host is refused in the step of who asked for it: that is another caller's.
            if not isinstance(event, BubblesRefused) or not isinstance(event.refusal, BubbleConflict):
                return
            if asked.intersection(event.bubbles):
                refused.append(event)

        def known() -> bool:
            return bool(refused) or self._published_version() >= version

        self._listeners.append(note)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self.wait_until(known)
        except TimeoutError:
            reason = "no topology says so yet; it is durable here, and told to every coordinator until one does"
            raise UnconfirmedError(f"the bubbles of {self.config.name} have changed, and {reason}") from None
        finally:
            self._listeners.remove(note)
        if refused:
            raise CommandRefusedError(_refusal_text(refused[0]))
        return self.registry.processes[self.config.name].bubbles

    def _published_version(self) -> int:
        """The version of this node's registration that the newest topology holds; -1 for none."""
        entry = self.registry.processes.get(self.config.name)
        return -1 if entry is None else entry.version

    # -- entities ----------------------------------------------------------------------------------------------------

    async def create(self, entity: str, payload: bytes = b"") -> None:
        """Put a new entity into service here, durably. Its id must be unique in the cluster: the caller's duty.

        Raises:
            CommandRefusedError: it exists here, or it is too large.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(CreateEntity(entity, payload))

    async def update(self, entity: str, payload: bytes) -> UpdateOutcome:
        """Replace the payload of an entity in service here, durably.

        Returns:
            ``DURABLE``, or ``MAY_BE_LOST`` if this process had no majority when it was asked, or has none by now.

        Raises:
            CommandRefusedError: it is not in service here, or it is too large.
            NodeStoppedError: the node has stopped.
        """
        acted = self._acts_in_a_view()
        await self._change_entity(UpdateEntity(entity, payload))
        return UpdateOutcome.DURABLE if acted and self._acts_in_a_view() else UpdateOutcome.MAY_BE_LOST

    def _acts_in_a_view(self) -> bool:
        """Whether this process is a member that knows of no lost majority."""
        return self.data.migration.service.state in {"unsettled", "settled"}

    async def remove(self, entity: str) -> None:
        """Take an entity out of service for good, durably.

        Raises:
            CommandRefusedError: it is not in service here.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(RemoveEntity(entity))

    async def resolve(self, entity: str, *, commit: bool) -> None:
        """The operator's word for an entity in doubt here whose other process is lost for good, and stays so.

        Args:
            entity: its id; prepared here (the source is lost) or departing from here (the destination is).
            commit: it changes hands: a prepared one enters service here, a departing one is at the destination.
                False: it stays: a prepared one is forgotten, a departing one is taken back into service here.

        Raises:
            CommandRefusedError: it is not in doubt here, the other process is a member of the view, or the view is
                not settled.
            NodeStoppedError: the node has stopped.
        """
        await self._change_entity(ResolveInDoubt(entity, commit))

    async def _change_entity(self, command: CreateEntity | UpdateEntity | RemoveEntity | ResolveInDoubt) -> None:
        for event in await self.submit(command):
            if isinstance(event, EntityRefused):
                raise CommandRefusedError(f"{event.command} of {event.entity!r} was refused: {event.reason}")

    async def migrate(
        self, entity: str, destination: str, token: str = "", *, since: int = 0, wait: bool = True
    ) -> MigrationEnded:
        """Move an entity in service here to another member; what became of it.

        A migration begins in a stable view only, and when the path has room for it (see `admission`). Until then the
        entity waits in service.

        Args:
            entity: its id.
            destination: node id.
            token: the caller's idempotency token; empty: derived from (entity, epoch, destination). Whoever calls with
                the token of a migration that is under way gets its outcome. A used token is kept with the entity, at
                whichever member it is, until it has moved by `tokens_per_entity` later ones (16 by default).
            since: the entity's epoch as known when the token was made (`EntityArrived.epoch`, or as `coordfsm entities`
                tells it). With it no token moves the entity twice, however old: one that may have been forgotten is
                answered ``TOKEN_EXPIRED``. 0: not stated; a forgotten token is taken for a new one.
            wait: for a stable view, 10 s at most (then the outcome is ``VIEW_UNSTABLE``, or ``NOT_IN_VIEW`` if this
                process is in no view), and for room on the path. False: what cannot begin at once is refused.

        Returns:
            The answer. Its `outcome` says whether the entity moved, its `reason` why not.

        Raises:
            EncodingError: an argument is of another type, too long or not printable.
            BusyError: too many migrations, or calls with this token, wait already; without `wait`: the path is full.
            UnconfirmedError: the entity was given up, and its destination has not acknowledged it for 10 s. It is in
                service there as soon as it can be (`in-doubt` lists it).
            NodeStoppedError: the node stopped first. The outcome is then not known here: the entity is where its
                store says.
        """
        asked = Migrate(entity, destination, token, since=since)
        check_command(asked)
        began = time.monotonic()
        answer = await self._migrate_in_time(asked, wait=wait)
        self.counters.add("migrations", answer.outcome)
        self.counters.observe("migration", (time.monotonic() - began) * 1000)
        return answer

    async def _migrate_in_time(self, asked: Migrate, *, wait: bool) -> MigrationEnded:
        """Begin in a stable view if that is waited for. It may have changed again when the request is handled."""
        until = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            while (  # noqa: ASYNC110  (stability is not told)
                wait and self._is_unsettled_for(asked.entity) and time.monotonic() < until and not self._closed.is_set()
            ):
                await asyncio.sleep(STABLE_LOOK_S)
            answer = await self._migrate_once(asked, wait=wait)
            if not wait or answer.outcome is not MigrationOutcome.VIEW_UNSTABLE or time.monotonic() >= until:
                return answer

    def _is_unsettled_for(self, entity: str) -> bool:
        """Whether an entity in service here could not begin to move yet. Without a majority that may last: no wait."""
        migration = self.data.migration
        held = migration.entities.get(entity)
        return held is not None and held.state == "owned" and migration.service.state in {"outside", "unsettled"}

    async def _migrate_once(self, asked: Migrate, *, wait: bool) -> MigrationEnded:
        """The outcome of the call with this token that is under way, or of this one."""
        call = (asked.entity, asked.destination, asked.token)
        while asked.token and call in self._calls:
            if len(self._calls[call]) >= MAXIMUM_WAITING:
                raise BusyError(f"{len(self._calls[call]):,} calls wait for the outcome of this token already")
            waiter: asyncio.Future[MigrationEnded | None] = asyncio.get_running_loop().create_future()
            self._calls[call].append(waiter)
            answer = await self._unless_stopped(waiter)
            if answer is not None:
                return answer
            # The first call was given up by its caller before it was answered: this one asks by itself.
        followers = self._calls.setdefault(call, []) if asked.token else []
        answer = None
        try:
            answer = await self._migrate_admitted(asked, wait=wait)
            return answer
        finally:
            self._calls.pop(call, None)
            for follower in followers:
                if not follower.done():
                    follower.set_result(answer)

    async def _migrate_admitted(self, asked: Migrate, *, wait: bool) -> MigrationEnded:
        held = self.data.migration.entities.get(asked.entity)
        size = 0 if held is None else len(held.payload)
        turn = self._admission.enter(size, wait=wait)
        try:
            await self._unless_stopped(turn)
        except BaseException:
            self._admission.give_up(size, turn)
            raise
        answer = None
        try:
            answer = await self._migrate(asked)
        finally:
            self._admission.leave(size, in_time=answer is None or answer.outcome != MigrationOutcome.TIMEOUT)
        return answer

    async def _migrate(self, asked: Migrate) -> MigrationEnded:
        request = next(self._requests)
        ended: asyncio.Future[MigrationEnded] = asyncio.get_running_loop().create_future()
        self._migrating[request] = ended
        limit_s = ANSWER_TIMEOUT_S + self.data.migration.settings.total_ms / 1000
        try:
            await self.submit(msgspec.structs.replace(asked, request=request))
            async with asyncio.timeout(limit_s):
                return await self._unless_stopped(ended)
        except TimeoutError:
            # Whoever is undecided is told in time: this entity was given up, and its destination is silent.
            reason = f"{asked.destination} has not acknowledged it yet; it is told until it does"
            raise UnconfirmedError(f"{asked.entity!r} has left {self.config.name} for good, and {reason}") from None
        finally:
            del self._migrating[request]

    def _note_ended(self, event: Value) -> None:
        if isinstance(event, MigrationEnded):
            for request in event.requests:
                ended = self._migrating.get(request)
                if ended is not None and not ended.done():
                    ended.set_result(event)


def _refusal_text(refused: BubblesRefused) -> str:
    refusal = refused.refusal
    if isinstance(refusal, BubbleConflict):
        return "; ".join(f"bubble {bubble!r} is hosted by {holder}" for bubble, holder in refusal.conflicts)
    if isinstance(refusal, InvalidBubble):
        return f"bubble {refusal.bubble!r} is not valid, expected {refusal.expected}"
    if isinstance(refusal, TooManyBubbles):
        return f"{refusal.count} bubbles, at most {refusal.limit} fit one process"
    return f"{refusal.process} is not a member of view {refusal.view_number}"
