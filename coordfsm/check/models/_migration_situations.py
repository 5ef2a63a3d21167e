"""The situations of an entity at a process, and the inputs that lead to each: `migration_answers` begins there."""

from collections.abc import Iterator
from itertools import product

from msgspec.structs import replace

from coordfsm.kernel import Command, Input, Message, Received, Recover, Timer, TimerFired, Write
from coordfsm.protocols.migration.messages import (
    ConfirmStopped,
    CreateEntity,
    EntityRecord,
    Migrate,
    MigrationAck,
    MigrationDecision,
    MigrationFence,
    MigrationFenced,
    MigrationInquiry,
    MigrationPrepare,
    MigrationVote,
    RemoveEntity,
    ResolveInDoubt,
    TransactionId,
    UpdateEntity,
    UsedToken,
    entity_key,
)
from coordfsm.protocols.migration.rules import REQUESTS_LIMIT
from coordfsm.protocols.migration.settings import MigrationSettings
from coordfsm.protocols.migration.tokens import digest_of
from coordfsm.protocols.view import Member, Shunned, Unwedged, View, ViewInstalled, ViewStable, ViewUnsettled, Wedged

ENTITY, OTHERS = "e1", ("e2", "e3")
ME, NEXT, LAST = "p1", "p2", "p3"
"""The process; one whose messages come out of place; and the one that the entity moves to and comes from."""

LAST_LATER = "p3 elsewhere"
"""Where the last process is reached once it has moved."""

PAYLOAD, CARGO, TOO_LARGE = b"own", b"cargo", b"too large"
SETTINGS = MigrationSettings(
    phase_ms=1,
    total_ms=2,
    freeze_timeout_ms=3,
    fence_ms=4,
    tokens_per_entity=2,
    capacity=2,
    maximum_payload_bytes=len(CARGO),
)

MEMBERS = tuple(Member(node, 1, node) for node in (ME, NEXT, LAST))
VIEW = View("model", 1, "", MEMBERS)
LATER = View("model", 2, VIEW.id, (*MEMBERS[:2], Member(LAST, 1, LAST_LATER)))
WITHOUT_LAST = View("model", 2, VIEW.id, MEMBERS[:2])

USED = tuple(UsedToken(digest_of(token), epoch) for token, epoch in (("first", 1), ("second", 2)))
USED_ELSEWHERE = UsedToken(digest_of("of another entity"), 1)
HORIZON, EPOCH = 1, 3
OWN, OWN_NEXT = TransactionId(ME, 1, 1), TransactionId(ME, 1, 2)
THEIRS, THEIRS_NEXT = TransactionId(LAST, 1, 1), TransactionId(LAST, 1, 2)
STRANGE = TransactionId(NEXT, 1, 9)

OWNED = EntityRecord("owned", EPOCH, payload=PAYLOAD, tokens=USED, forgotten=HORIZON)
OTHER = EntityRecord("owned", 1, payload=PAYLOAD, tokens=(USED_ELSEWHERE,))

Script = tuple[Input, ...]


def _stored(*entities: EntityRecord | None) -> Recover:
    held = zip((ENTITY, *OTHERS), entities, strict=False)
    return Recover(tuple(Write(entity_key(name), record) for name, record in held if record is not None))


def settled(view: View) -> Script:
    """The process is in this view, and it lasts."""
    return ViewInstalled(view), ViewStable(view.id)


def _from_last(message: MigrationVote | MigrationPrepare | MigrationDecision | MigrationAck | MigrationFence) -> Script:
    return (Received(LAST, message),)


def offer(transaction: TransactionId, epoch: int, view: View) -> MigrationPrepare:
    """The last process offers the entity."""
    return MigrationPrepare(ENTITY, transaction, epoch, CARGO, view.id, (UsedToken(digest_of("third"), epoch),), 2)


# -- steps on the way -----------------------------------------------------------------------------------------------

EMPTY: Script = (_stored(), *settled(VIEW))
OWNER: Script = (_stored(OWNED), *settled(VIEW))
ASKED: Script = (*OWNER, Migrate(ENTITY, LAST, "open", 1))
CALLED_OFF: Script = (*ASKED, TimerFired(Timer("freeze", ENTITY)))
SENT: Script = (*ASKED, ConfirmStopped(ENTITY, 1))
GIVEN: Script = (*SENT, *_from_last(MigrationVote(ENTITY, OWN, accepted=True)))
GONE: Script = (*GIVEN, *_from_last(MigrationAck(ENTITY, OWN)))
OFFERED: Script = (*EMPTY, *_from_last(offer(THEIRS, EPOCH, VIEW)))
RETURNING: Script = (*GONE, *_from_last(offer(THEIRS, EPOCH + 1, VIEW)))
FENCED_OFF: Script = (*OWNER, *_from_last(MigrationFence(ENTITY, EPOCH + 2, LAST)))
YIELDED: Script = (*FENCED_OFF, ConfirmStopped(ENTITY, 1))

ENTITIES: dict[str, Script] = {
    "unknown": EMPTY,
    "removed": (*OWNER, RemoveEntity(ENTITY)),
    "owned": OWNER,
    "owned, beside another": (_stored(OWNED, OTHER), *settled(VIEW)),
    "unknown, one place free": (_stored(None, OTHER), *settled(VIEW)),
    "unknown, no place free": (_stored(None, OTHER, OTHER), *settled(VIEW)),
    "freezing": ASKED,
    "freezing without a token": (*OWNER, Migrate(ENTITY, LAST, request=1)),
    "owned, a freeze called off": CALLED_OFF,
    "freezing again": (*CALLED_OFF, Migrate(ENTITY, LAST, "open", 1)),
    "frozen": SENT,
    "departing": GIVEN,
    "departed": GONE,
    "prepared": OFFERED,
    "prepared to have it back": RETURNING,
    "arrived": (*OFFERED, *_from_last(MigrationDecision(ENTITY, THEIRS, commit=True, epoch=EPOCH))),
    "back": (*RETURNING, *_from_last(MigrationDecision(ENTITY, THEIRS, commit=True, epoch=EPOCH + 1))),
    "not taken": (*OFFERED, *_from_last(MigrationDecision(ENTITY, THEIRS, commit=False, epoch=EPOCH))),
    "not taken back": (*RETURNING, *_from_last(MigrationDecision(ENTITY, THEIRS, commit=False, epoch=EPOCH + 1))),
    "yielding": FENCED_OFF,
    "yielding, not confirmed in time": (*FENCED_OFF, TimerFired(Timer("freeze", ENTITY))),
    "fenced off": YIELDED,
    "back after a fence": (
        *YIELDED,
        *_from_last(offer(THEIRS, EPOCH + 2, VIEW)),
        *_from_last(MigrationDecision(ENTITY, THEIRS, commit=True, epoch=EPOCH + 2)),
    ),
}
"""By a word that tells it, the inputs that lead there, in a settled view."""

SURROUNDINGS: dict[str, Script] = {
    "": (),
    ", the view in doubt": (ViewUnsettled(VIEW.id),),
    ", wedged": (Wedged((), 1),),
    ", shunned": (Shunned(),),
    ", in a later view": settled(LATER),
    ", in a later view that is new": settled(LATER)[:1],
    ", without the last": settled(WITHOUT_LAST),
    ", without the last, unsettled": settled(WITHOUT_LAST)[:1],
    ", without the last, wedged": (*settled(WITHOUT_LAST), Wedged((), 1)),
}
"""What becomes of the view then."""

RESOLVED: dict[str, Script] = {
    "taken by the operator's word": (*OFFERED, *settled(WITHOUT_LAST), ResolveInDoubt(ENTITY, commit=True)),
    "taken back by the operator's word": (*GIVEN, *settled(WITHOUT_LAST), ResolveInDoubt(ENTITY, commit=False)),
    "given up by the operator's word": (*GIVEN, *settled(WITHOUT_LAST), ResolveInDoubt(ENTITY, commit=True)),
    "dropped by the operator's word": (*OFFERED, *settled(WITHOUT_LAST), ResolveInDoubt(ENTITY, commit=False)),
}

_WAITING = tuple(Migrate(ENTITY, LAST, "open", request) for request in range(2, REQUESTS_LIMIT + 1))
CROWDED: dict[str, Script] = {
    "as many requests wait as may": (*SENT, *_WAITING),
    "one fewer waits": (*SENT, *_WAITING[:-1]),
}

SITUATIONS: dict[str, Script] = {
    "stopped": (),
    **{word + more: (*way, *after) for word, way in ENTITIES.items() for more, after in SURROUNDINGS.items()},
    **RESOLVED,
    **CROWDED,
    **{f"{word}, {LAST} back": (*way, ViewInstalled(replace(VIEW, number=3))) for word, way in RESOLVED.items()},
}
"""By a word that tells it, the inputs that lead there."""

_OPEN = replace(OWNED, counter=1, transaction=OWN, token="open", peer=LAST, peer_endpoint=LAST)  # noqa: S106  (no secret)
_IN_DOUBT = replace(OWNED, state="prepared", transaction=THEIRS, offered=EPOCH, peer=LAST, peer_endpoint=LAST)
RESTARTS = tuple(
    _stored(record, OTHER)
    for record in (
        None,
        OWNED,
        replace(OWNED, state="absent", payload=b""),
        replace(_OPEN, state="frozen"),
        replace(_OPEN, state="departing"),
        replace(_OPEN, state="departed", payload=b"", token=""),
        replace(_IN_DOUBT, epoch=0, payload=CARGO),
        replace(_IN_DOUBT, state="owned", epoch=EPOCH + 1, offered=0, fencing=True),
    )
)
"""What the store of a process may hold when it starts."""

# -- what can be told -----------------------------------------------------------------------------------------------

UNNAMED = "two words"
TRANSACTIONS = (OWN, OWN_NEXT, THEIRS, STRANGE)
EPOCHS = tuple(range(EPOCH - 1, EPOCH + 4))


def _requests() -> Iterator[Command]:
    for entity, payload in product((ENTITY, UNNAMED), (b"new", CARGO, TOO_LARGE)):
        yield CreateEntity(entity, payload)
        yield UpdateEntity(entity, payload)
    yield from (RemoveEntity(ENTITY), RemoveEntity(UNNAMED))
    yield from (ConfirmStopped(ENTITY, freeze) for freeze in (1, 2, 3))
    yield from (ResolveInDoubt(ENTITY, commit) for commit in (True, False))
    for destination in (ME, NEXT, LAST, "nobody"):
        yield Migrate(ENTITY, destination, request=70)
    for token, since in product(("first", "second", "open", "of another entity"), (0, 1, 2)):
        yield Migrate(ENTITY, LAST, token, 70, since)
    yield from (Migrate(ENTITY, NEXT, "open", 70), Migrate(ENTITY, LAST, "open"))


def _news() -> Iterator[Command]:
    yield from (ViewInstalled(view) for view in (VIEW, LATER, WITHOUT_LAST))
    for view in (VIEW, LATER, WITHOUT_LAST):
        yield from (ViewStable(view.id), ViewUnsettled(view.id))
    yield from (Wedged((), 1), Unwedged(), Shunned())


def _messages() -> Iterator[Message]:
    for transaction in TRANSACTIONS:
        yield from (MigrationVote(ENTITY, transaction, accepted, "why") for accepted in (True, False))
        yield MigrationAck(ENTITY, transaction)
        yield MigrationInquiry(ENTITY, transaction)
        yield from (MigrationDecision(ENTITY, transaction, commit=False, epoch=epoch) for epoch in EPOCHS[:2])
        yield from (MigrationDecision(ENTITY, transaction, commit=True, epoch=epoch) for epoch in EPOCHS)
    for transaction, view in product((THEIRS, THEIRS_NEXT), (VIEW, LATER, WITHOUT_LAST)):
        yield from (offer(transaction, epoch, view) for epoch in EPOCHS)
    for epoch in (*EPOCHS, EPOCHS[-1] + 1):
        yield MigrationFence(ENTITY, epoch, NEXT)
        yield MigrationFenced(ENTITY, epoch)


INPUTS: tuple[Input, ...] = (*_requests(), *_news(), *(Received(NEXT, message) for message in _messages()))
"""What the process can be told at any time."""
