"""Guards and actions of the destination: it prepares, and then does what the source decides, never anything else."""

from coordfsm.kernel import Notify, Raise, Received, Recover, Send, SetTimer, TimerFired
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    EntityArrived,
    InDoubt,
    InDoubtEnded,
    MigrationAck,
    MigrationDecision,
    MigrationInquiry,
    MigrationPrepare,
    MigrationVote,
    ResolveInDoubt,
)
from coordfsm.protocols.migration.rules import (
    Result,
    become,
    cancel,
    peer_address,
    persist,
    restored,
    timer,
)
from coordfsm.protocols.migration.service import EntityResides, EntityVacated

# -- guards --------------------------------------------------------------------------------------------------------


def prepare_in(given: Received) -> MigrationPrepare:
    """The offer that arrived."""
    assert isinstance(given.message, MigrationPrepare)
    return given.message


def decision_in(given: Received) -> MigrationDecision:
    """The decision that arrived."""
    assert isinstance(given.message, MigrationDecision)
    return given.message


def is_in_same_view(data: EntityData, given: Received, context: MigrationData) -> bool:
    """Both processes are in the view that the source prepared in, and this one is not wedged."""
    view = context.service.view
    return view is not None and view.id == prepare_in(given).view_id and context.service.state != "wedged"


def has_room(data: EntityData, given: Received, context: MigrationData) -> bool:
    """One entity more is allowed."""
    return context.service.resident < context.settings.capacity


def is_newer(data: EntityData, given: Received) -> bool:
    """The offered epoch is higher than any known here: not the echo of an earlier move."""
    return prepare_in(given).epoch > data.epoch


def is_commit(data: EntityData, given: Received) -> bool:
    """The source decided to commit."""
    return decision_in(given).commit


def is_done(data: EntityData, given: Received) -> bool:
    """The commit was done here: an epoch above the decided one is known."""
    decision = decision_in(given)
    return decision.commit and data.epoch > decision.epoch


# -- actions -------------------------------------------------------------------------------------------------------


def prepare(data: EntityData, given: Received, context: MigrationData) -> Result:
    """Hold the snapshot durably, then vote yes, and ask if no decision comes."""
    offer = prepare_in(given)
    after = become(
        data,
        "prepared",
        payload=offer.payload,
        transaction=offer.transaction,
        offered=offer.epoch,
        peer=offer.transaction.source,
        peer_endpoint=given.sender,
        tokens=offer.tokens,
        forgotten=offer.forgotten,
    )
    return after, (
        persist(after),
        Send(given.sender, MigrationVote(data.entity, offer.transaction, accepted=True)),
        SetTimer(timer("inquiry", data), context.settings.total_ms),
        Raise(EntityResides(data.entity)),
        Notify(InDoubt(data.entity, offer.transaction, offer.transaction.source)),
    )


def vote_again(data: EntityData, given: Received) -> Result:
    """The vote was lost: repeat it."""
    return data, (Send(given.sender, MigrationVote(data.entity, data.transaction, accepted=True)),)


def vote_no(data: EntityData, given: Received, context: MigrationData) -> Result:
    """Refuse, with the reason. Nothing is kept."""
    offer = prepare_in(given)
    if not is_in_same_view(data, given, context):
        reason = "the destination is in another view"
    elif data.state not in {"absent", "departed"}:
        reason = f"the entity is {data.state} at the destination"
    elif not is_newer(data, given):
        reason = f"epoch {offer.epoch} is not newer than {data.epoch}"
    else:
        reason = f"the destination is full ({context.settings.capacity} entities)"
    return data, (Send(given.sender, MigrationVote(data.entity, offer.transaction, accepted=False, reason=reason)),)


def activate(data: EntityData, given: Received) -> Result:
    """Into service with the next epoch, durably; then acknowledge."""
    after = become(data, "owned", epoch=data.offered + 1, offered=0, peer="", peer_endpoint="")
    return after, (
        persist(after),
        *cancel(data, "inquiry"),
        Notify(EntityArrived(data.entity, after.epoch, after.payload, data.transaction)),
        Notify(InDoubtEnded(data.entity, committed=True)),
        Send(given.sender, MigrationAck(data.entity, data.transaction)),
    )


def forget(data: EntityData, given: Received | ResolveInDoubt) -> Result:
    """The source keeps the entity: drop the snapshot. An entity known from before is now known to be there."""
    peer = data.peer if data.epoch else ""
    after = become(
        data,
        "absent",
        payload=b"",
        offered=0,
        transaction=NO_TRANSACTION,
        peer=peer,
        peer_endpoint="",
        tokens=(),
        forgotten=0,
    )
    return after, (
        persist(after),
        *cancel(data, "inquiry"),
        Raise(EntityVacated(data.entity)),
        Notify(InDoubtEnded(data.entity, committed=False)),
    )


def acknowledge(data: EntityData, given: Received) -> Result:
    """The commit is done already: say so again."""
    return data, (Send(given.sender, MigrationAck(data.entity, decision_in(given).transaction)),)


def inquire(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """In doubt: ask the source, and again."""
    return data, ask_source(data, context)


def ask_source(data: EntityData, context: MigrationData) -> tuple[Send, SetTimer]:
    """The question, and the timer that repeats it."""
    inquiry = MigrationInquiry(data.entity, data.transaction)
    return Send(peer_address(data, context), inquiry), SetTimer(timer("inquiry", data), context.settings.phase_ms)


def resume_in_doubt(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """The process crashed while prepared: ask at once."""
    after = restored(data, given)
    return after, (Notify(InDoubt(data.entity, after.transaction, after.peer)), *ask_source(after, context))
