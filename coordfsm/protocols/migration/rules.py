"""Guards and actions of migration, shared by both roles: what is durable, whom to address, how requests are refused."""

import msgspec

from coordfsm.kernel import CancelTimer, Effect, Endpoint, Notify, Persist, Raise, Recover, SetTimer, Timer, Write
from coordfsm.protocols.identifier import EXPECTED, is_identifier
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    ENTITY_PREFIX,
    NO_TRANSACTION,
    CreateEntity,
    EntityArrived,
    EntityLeft,
    EntityRecord,
    EntityRefused,
    EntityThawed,
    Migrate,
    MigrationEnded,
    RemoveEntity,
    UpdateEntity,
    entity_key,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.migration.service import EntityResides, EntityVacated
from coordfsm.protocols.migration.tokens import is_not_expired, is_used, with_used
from coordfsm.protocols.view import member_of

Result = tuple[EntityData, tuple[Effect, ...]]

REQUESTS_LIMIT = 64
"""Requests with one token that may wait for one migration; further ones are told that it is under way."""


# -- what every action needs ---------------------------------------------------------------------------------------


def timer(kind: str, data: EntityData) -> Timer:
    """A timer of this entity."""
    return Timer(kind, data.entity)


def cancel(data: EntityData, *kinds: str) -> tuple[Effect, ...]:
    """These timers of the entity will not fire."""
    return tuple(CancelTimer(timer(kind, data)) for kind in kinds)


def back_in_service(data: EntityData) -> EntityData:
    """The entity without the attempt to move it."""
    return become(data, "owned", token="", peer="", peer_endpoint="", view_id="", requests=())


def record_of(data: EntityData) -> EntityRecord | None:
    """What must survive a crash; None when there is nothing worth keeping."""
    if data.state == "freezing":
        data = back_in_service(data)  # nothing is logged before the application has stopped
    if data.state == "yielding":
        data = become(data, "departed")  # an application that has to stop ends with its process
    if data.state == "absent" and data.epoch == 0 and data.counter == 0:
        return None
    return EntityRecord(
        data.state,
        data.epoch,
        data.counter,
        data.payload,
        data.transaction,
        data.offered,
        data.token,
        data.peer,
        data.peer_endpoint,
        data.fencing,
        data.tokens,
        data.forgotten,
    )


def freeze_of(data: EntityData) -> int:
    """Names the freeze that is open, or would be next: distinct from all before it in this run of the process."""
    return data.counter + data.called_off + 1


def persist(data: EntityData) -> Persist:
    """The transaction that makes the entity as it now is durable."""
    return Persist((Write(entity_key(data.entity), record_of(data)),))


def become(data: EntityData, state: str, **changes: object) -> EntityData:
    """The entity in another state: set here, too, because the record is written within the action."""
    return msgspec.structs.replace(data, state=state, **changes)


def departed(data: EntityData, context: MigrationData) -> EntityData:
    """The entity once its departure has ended: a forward pointer, its epoch and its used tokens stay."""
    tokens, forgotten = with_used(data, context)
    return become(data, "departed", payload=b"", token="", requests=(), tokens=tokens, forgotten=forgotten)


def peer_address(data: EntityData, context: MigrationData) -> Endpoint:
    """Where the other process is reached: by the current view, else as it was when the transaction began."""
    view = context.service.view
    member = None if view is None else member_of(view, data.peer)
    return data.peer_endpoint if member is None else member.endpoint


# -- commands of the application -----------------------------------------------------------------------------------


def is_creatable(data: EntityData, given: CreateEntity, context: MigrationData) -> bool:
    """Nothing is known of the entity elsewhere, its id is one, and it is not too large."""
    return not data.peer and is_identifier(data.entity) and fits(data, given, context)


def fits(data: EntityData, given: CreateEntity | UpdateEntity, context: MigrationData) -> bool:
    """The payload is not too large to travel."""
    return len(given.payload) <= context.settings.maximum_payload_bytes


def create(data: EntityData, given: CreateEntity, context: MigrationData) -> Result:
    """Put a new entity into service, in an epoch above any known of its id."""
    after = become(data, "owned", epoch=data.epoch + 1, payload=given.payload)
    arrived = EntityArrived(data.entity, after.epoch, given.payload)
    return after, (persist(after), Raise(EntityResides(data.entity)), Notify(arrived))


def update(data: EntityData, given: UpdateEntity) -> Result:
    """Replace the payload."""
    after = become(data, "owned", payload=given.payload)
    return after, (persist(after),)


def remove(data: EntityData, given: RemoveEntity) -> Result:
    """Take the entity out of service; its epoch stays known."""
    after = become(data, "absent", payload=b"")
    return after, (persist(after), Raise(EntityVacated(data.entity)), Notify(EntityLeft(data.entity, data.epoch)))


def refuse_command(
    data: EntityData, given: CreateEntity | UpdateEntity | RemoveEntity, context: MigrationData
) -> Result:
    """Tell the application why nothing changed."""
    limit = context.settings.maximum_payload_bytes
    payload = b"" if isinstance(given, RemoveEntity) else given.payload
    if len(payload) > limit:
        reason = f"payload of {len(payload)} bytes, expected at most {limit}"
    elif not is_identifier(data.entity):
        reason = f"not an id, expected {EXPECTED}"
    elif data.fencing and isinstance(given, RemoveEntity):
        reason = f"the former owner {data.peer} is still being fenced"
    elif data.state in {"owned", "freezing", "frozen", "departing"}:
        reason = f"the entity is {data.state} here"
    else:
        reason = f"the entity is at {data.peer}" if data.peer else "the entity is not here"
    return data, (Notify(EntityRefused(data.entity, type(given).__name__, reason)),)


# -- requests to migrate -------------------------------------------------------------------------------------------


def is_repeated(data: EntityData, given: Migrate) -> bool:
    """A request with this token was committed; without a token: the last move from here went just there."""
    if given.token:
        return is_used(data, given.token)
    return data.state == "departed" and data.peer == given.destination


def is_running(data: EntityData, given: Migrate) -> bool:
    """A migration of the entity is under way here."""
    return data.state in {"freezing", "frozen", "departing"}


def refuse_request(data: EntityData, given: Migrate, context: MigrationData) -> Result:
    """Answer a request that begins nothing with the reason."""
    outcome, reason = _refusal(data, given, context)
    ended = MigrationEnded(data.entity, given.destination, outcome, reason, given.token, requests=asking(given))
    return data, (Notify(ended),)


def asking(given: Migrate) -> tuple[int, ...]:
    """The id of the request, if somebody waits for its answer."""
    return (given.request,) if given.request else ()


def joins_running(data: EntityData, given: Migrate) -> bool:
    """The request that is being carried out has this token: both get its outcome."""
    same = bool(given.token) and given.token == data.token and given.destination == data.peer
    return same and len(data.requests) < REQUESTS_LIMIT


def join_running(data: EntityData, given: Migrate) -> Result:
    """Answered when the migration ends."""
    return msgspec.structs.replace(data, requests=(*data.requests, *asking(given))), ()


def told_ended(data: EntityData, outcome: MigrationOutcome, reason: str = "") -> Notify:
    """What became of the open attempt, for all requests that wait for it."""
    began = NO_TRANSACTION if data.state == "freezing" else data.transaction
    return Notify(MigrationEnded(data.entity, data.peer, outcome, reason, data.token, began, data.requests))


def _refusal(  # noqa: PLR0911  (one each)
    data: EntityData, given: Migrate, context: MigrationData
) -> tuple[MigrationOutcome, str]:
    if is_repeated(data, given):
        return MigrationOutcome.ALREADY_APPLIED, ""
    if is_running(data, given):
        return MigrationOutcome.ALREADY_MIGRATING, f"to {data.peer}"
    if data.state != "owned":
        return MigrationOutcome.NOT_OWNER, f"at {data.peer}" if data.peer else ""
    if given.destination == context.node:
        return MigrationOutcome.REJECTED, "the destination is this process"
    if not is_not_expired(data, given):
        reason = f"made in epoch {given.since}, and uses up to epoch {data.forgotten} are forgotten"
        return MigrationOutcome.TOKEN_EXPIRED, reason
    if data.fencing:
        return MigrationOutcome.REJECTED, "the former owner is still being fenced"
    if context.service.state == "wedged":
        return MigrationOutcome.WEDGED, ""
    view = context.service.view
    if view is None or member_of(view, given.destination) is None or member_of(view, context.node) is None:
        return MigrationOutcome.NOT_IN_VIEW, "this process" if view is None else given.destination
    return MigrationOutcome.VIEW_UNSTABLE, ""


# -- recovery ------------------------------------------------------------------------------------------------------


def recovered(entity: str, given: Recover) -> EntityRecord | None:
    """The entity's record in the store. It is the first of the entity's share (`by_entity`), if there is one."""
    key = entity_key(entity)
    for write in given.records:
        if write.key == key:
            assert isinstance(write.value, EntityRecord)
            return write.value
    return None


def by_entity(given: Recover) -> dict[str, Recover]:
    """Every entity that the store knows something of, with what it knows."""
    records = (write for write in given.records if write.key.startswith(ENTITY_PREFIX))
    return {write.key.removeprefix(ENTITY_PREFIX): Recover((write,)) for write in records}


def restored(data: EntityData, given: Recover) -> EntityData:
    """The entity as its record says."""
    record = recovered(data.entity, given)
    if record is None:
        return data
    return EntityData(
        data.entity,
        record.state,
        record.epoch,
        record.counter,
        record.payload,
        record.transaction,
        record.offered,
        record.token,
        record.peer,
        record.peer_endpoint,
        record.fencing,
        record.tokens,
        record.forgotten,
    )


def is_recorded_as(state: str, data: EntityData, given: Recover) -> bool:
    """Whether the entity's record is in this state."""
    record = recovered(data.entity, given)
    return record is not None and record.state == state


def was_owned(data: EntityData, given: Recover) -> bool:
    """The record says: in service."""
    return is_recorded_as("owned", data, given)


def was_frozen(data: EntityData, given: Recover) -> bool:
    """The record says: PREPARE without a decision."""
    return is_recorded_as("frozen", data, given)


def was_departing(data: EntityData, given: Recover) -> bool:
    """The record says: COMMIT without an acknowledgement."""
    return is_recorded_as("departing", data, given)


def was_departed(data: EntityData, given: Recover) -> bool:
    """The record says: gone, with a forward pointer."""
    return is_recorded_as("departed", data, given)


def was_prepared(data: EntityData, given: Recover) -> bool:
    """The record says: in doubt."""
    return is_recorded_as("prepared", data, given)


def restore(data: EntityData, given: Recover) -> Result:
    """Nothing was under way."""
    return restored(data, given), ()


def restore_service(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """The entity was in service and is again; a fence that was not acknowledged is sent again soon."""
    after = restored(data, given)
    from_store = Notify(EntityThawed(data.entity, after.epoch, after.payload))
    return after, (from_store, *resumed_fence(after, context))


def resumed_fence(data: EntityData, context: MigrationData) -> tuple[Effect, ...]:
    """The timer that sends an unacknowledged fence."""
    return (set_fence(data, context),) if data.fencing else ()


def set_fence(data: EntityData, context: MigrationData) -> Effect:
    """Send the fence after a moment: nobody waits for it, and it may be for ever."""
    return SetTimer(timer("fence", data), context.settings.fence_ms)
