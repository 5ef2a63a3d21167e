"""How things stand as an input comes, and what is right then, in pieces: `_migration_judge` puts them together."""

from typing import Any, NamedTuple

import xxhash
from msgspec.structs import replace

from coordfsm.check.models._migration_situations import ENTITY, SETTINGS
from coordfsm.kernel import Input, Message, Send
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    MigrationDecision,
    MigrationEnded,
    MigrationPrepare,
    UsedToken,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome as Outcome
from coordfsm.protocols.view import Member, Shunned, View, ViewInstalled, Wedged

RESIDENT = frozenset({"owned", "freezing", "frozen", "prepared"})
"""The states in which a process answers for an entity."""

UNDER_WAY = frozenset({"freezing", "frozen", "departing"})

Reason = tuple[str, str]
"""An outcome and what is told with it."""


class Scene(NamedTuple):
    """How things stand as the input comes.

    Attributes:
        held: the entity.
        view: the installed one.
        service: in which state the view is to the process.
        resident: entities that it answers for, counted.
        freeze: the number by which the application was asked to stop last.
    """

    held: EntityData
    view: View | None
    service: str
    resident: int
    freeze: int

    def member(self, node: str) -> Member | None:
        """The member of the view with this id."""
        members = () if self.view is None else self.view.members
        return next((member for member in members if member.node == node), None)


class Right(NamedTuple):
    """What is right.

    Attributes:
        held: the entity afterwards.
        sent: with no reason in a vote.
        reasons: that are true: of a refused command, or of a vote against. One of them is told.
        ended: what is told of requests, without outcome and reason; None: nothing.
        outcomes: that are true: one of them is told.
    """

    held: EntityData
    sent: tuple[Send, ...] = ()
    reasons: frozenset[str] = frozenset()
    ended: MigrationEnded | None = None
    outcomes: frozenset[Reason] = frozenset()


def scene_of(data: MigrationData, given: Input, freeze: int) -> Scene:
    """How things stand for an input: news of the view comes to the entities after the view itself has changed."""
    service = data.service
    resident = sum(held.state in RESIDENT for held in data.entities.values())
    view, state = service.view, service.state
    if isinstance(given, ViewInstalled):
        view, state = given.view, "unsettled"
    elif isinstance(given, Shunned):
        view, state = None, "outside"
    elif isinstance(given, Wedged):
        state = "wedged"
    entity = getattr(given, "entity", ENTITY)
    return Scene(data.entities.get(entity, EntityData(entity)), view, state, resident, freeze)


def become(held: EntityData, state: str, **changes: Any) -> EntityData:
    return replace(held, state=state, **changes)


def to_peer(scene: Scene, message: Message) -> tuple[Send, ...]:
    member = scene.member(scene.held.peer)
    return (Send(scene.held.peer_endpoint if member is None else member.endpoint, message),)


def kept(scene: Scene) -> EntityData:
    """As before the attempt."""
    return become(scene.held, "owned", token="", peer="", peer_endpoint="", requests=())


def marked(held: EntityData) -> tuple[tuple[UsedToken, ...], int]:
    """The tokens with that of the open attempt, the oldest left out, and the last epoch of those left out."""
    if not held.token:
        return held.tokens, held.forgotten
    tokens = [*held.tokens, UsedToken(xxhash.xxh3_128_hexdigest(held.token.encode()), held.epoch)]
    forgotten = held.forgotten
    while len(tokens) > SETTINGS.tokens_per_entity:
        forgotten = max(forgotten, tokens.pop(0).epoch)
    return tuple(tokens), forgotten


def departed(held: EntityData) -> EntityData:
    tokens, forgotten = marked(held)
    return become(held, "departed", payload=b"", token="", requests=(), tokens=tokens, forgotten=forgotten)


def ending(held: EntityData) -> MigrationEnded:
    """The answer to all who wait for the attempt that is open."""
    began = NO_TRANSACTION if held.state == "freezing" else held.transaction
    return MigrationEnded(ENTITY, held.peer, Outcome.COMMITTED, "", held.token, began, held.requests)


def words(outcome: Outcome, *reasons: str) -> frozenset[Reason]:
    return frozenset((outcome, reason) for reason in reasons or ("",))


def offering(scene: Scene, held: EntityData) -> MigrationPrepare:
    assert scene.view is not None
    tokens, forgotten = marked(held)
    return MigrationPrepare(ENTITY, held.transaction, held.epoch, held.payload, scene.view.id, tokens, forgotten)


def decision_on(held: EntityData, *, commit: bool) -> MigrationDecision:
    return MigrationDecision(ENTITY, held.transaction, commit, held.epoch)


def dropped(held: EntityData) -> EntityData:
    """Without the snapshot. Whoever had the entity before knows where it is."""
    first = EntityData(ENTITY, epoch=held.epoch, counter=held.counter, view_id=held.view_id)
    return replace(first, peer=held.peer if held.epoch else "", called_off=held.called_off)


def stays(scene: Scene, outcomes: frozenset[Reason]) -> Right:
    """The entity stays; who was asked for it is told once."""
    held = scene.held
    told = to_peer(scene, decision_on(held, commit=False)) if held.state == "frozen" else ()
    return Right(kept(scene), told, ended=ending(held), outcomes=outcomes)
