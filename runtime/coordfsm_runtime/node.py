"""A node for embedding: the machines, a socket, a clock and a store, behind awaitable calls and a stream of events.

::

    async with ClusterNode(NodeConfig(name="n1", data=Path("n1"), bootstrap=True)) as node:
        await node.member()
        await node.create("ship-1", b"state")
        outcome = await node.migrate("ship-1", "n2")

The node decides nothing: each call becomes an input of the machines, and what it returns is what they tell.
"""

import asyncio
import itertools
import time

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
from coordfsm_runtime.admission import Admission
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.errors import CommandRefusedError
from coordfsm_runtime.running import RunningNode
from coordfsm_runtime.store import Store


class ClusterNode(RunningNode):
    """One member of a cluster, with what an application asks of it: to host bubbles, to keep and move entities."""

    def __init__(self, config: NodeConfig, store: Store | None = None) -> None:
        super().__init__(config, store)
        self._requests = itertools.count(1)
        self._migrating: dict[int, asyncio.Future[MigrationEnded]] = {}
        self._admission = Admission()
        self._listeners.append(self._note_ended)

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

    async def migrate(self, entity: str, destination: str, token: str = "") -> MigrationEnded:
        """Move an entity in service here to another member; what became of it.

        Large entities wait their turn, in service, while others fill the path (see `admission`).

        Args:
            entity: its id.
            destination: node id.
            token: the caller's idempotency token; empty: derived from (entity, epoch, destination). Whoever calls with
                the token of a migration that is under way gets its outcome.

        Raises:
            EncodingError: an argument is of another type, too long or not printable.
            BusyError: too many migrations wait already.
            NodeStoppedError: the node stopped first. The outcome is then not known here: the entity is where its
                store says.
        """
        began = time.monotonic()
        held = self.data.migration.entities.get(entity)
        size = 0 if held is None else len(held.payload)
        turn = self._admission.enter(size)
        try:
            await self._unless_stopped(turn)
        except BaseException:
            self._admission.give_up(size, turn)
            raise
        answer = None
        try:
            answer = await self._migrate(entity, destination, token)
        finally:
            self._admission.leave(size, in_time=answer is None or answer.outcome != "TIMEOUT")
        self.counters.add("migrations", answer.outcome)
        self.counters.observe("migration", (time.monotonic() - began) * 1000)
        return answer

    async def _migrate(self, entity: str, destination: str, token: str) -> MigrationEnded:
        request = next(self._requests)
        ended: asyncio.Future[MigrationEnded] = asyncio.get_running_loop().create_future()
        self._migrating[request] = ended
        try:
            await self.submit(Migrate(entity, destination, token, request))
            return await self._unless_stopped(ended)
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
