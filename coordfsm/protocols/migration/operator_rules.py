"""Guards and actions of the operator's word: who is gone for good is decided for, and fenced should it come back.

The word is about the world, not about messages: no process can know that another is gone for good. So it is taken
only while the other process is outside a settled view, it raises the epoch above any that the lost side can reach by
itself, and the fence is durable until the lost side acknowledges it: once its application has confirmed that it serves
its copy no longer, however long that takes.
"""

from coordfsm.kernel import Effect, Notify, Raise, Received, Send, SetTimer, TimerFired
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    ConfirmStopped,
    EntityArrived,
    EntityLeft,
    EntityRefused,
    InDoubtEnded,
    MigrationFence,
    MigrationFenced,
    ResolveInDoubt,
    StopUnconfirmed,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.migration.rules import (
    Result,
    become,
    cancel,
    departed,
    freeze_of,
    peer_address,
    persist,
    set_fence,
    timer,
    told_ended,
)
from coordfsm.protocols.migration.service import EntityResides, EntityVacated
from coordfsm.protocols.view import member_of

RESOLVED = "resolved by the operator"

# -- guards --------------------------------------------------------------------------------------------------------


def may_resolve(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> bool:
    """The process is in a stable view that the other process is not a member of."""
    view = context.service.view
    return context.service.state == "settled" and view is not None and member_of(view, data.peer) is None


def says_commit(data: EntityData, given: ResolveInDoubt) -> bool:
    """The operator wants the entity to change hands."""
    return given.commit


def is_fencing(data: EntityData, given: object) -> bool:
    """A fence is open: the lost side has not acknowledged it."""
    return data.fencing


def answers_fence(data: EntityData, given: Received) -> bool:
    """The acknowledgement is of the fence that is open."""
    assert isinstance(given.message, MigrationFenced)
    return data.fencing and given.message.epoch == data.epoch


def is_older_than_fence(data: EntityData, given: Received) -> bool:
    """The copy here is of an epoch before the fenced one."""
    return data.epoch < fence_in(given).epoch


def is_behind_fence(data: EntityData, given: Received) -> bool:
    """No copy is here, and an offer from before the fence would still look new."""
    return data.epoch < fence_in(given).epoch - 1


def is_offered_before_fence(data: EntityData, given: Received) -> bool:
    """The prepared snapshot is of an epoch before the fenced one."""
    return data.offered < fence_in(given).epoch


# -- the word ------------------------------------------------------------------------------------------------------


def resolve_into_service(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Prepared, and the source is lost: into service; the source is fenced by the epoch until it acknowledges."""
    after = become(data, "owned", epoch=data.offered + 1, offered=0, fencing=True, forgotten=data.offered)
    return after, (
        persist(after),
        *cancel(data, "inquiry"),
        Notify(EntityArrived(data.entity, after.epoch, after.payload, data.transaction)),
        Notify(InDoubtEnded(data.entity, committed=True)),
        set_fence(after, context),
    )


def take_back(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Departing, and the destination is lost: into service again, in an epoch above the one it would have there."""
    after = become(
        data,
        "owned",
        epoch=data.epoch + 2,
        transaction=NO_TRANSACTION,
        token="",
        requests=(),
        fencing=True,
        # The lost side may have moved it by tokens that nobody knows here.
        forgotten=data.epoch + 1,
    )
    ended = told_ended(data, MigrationOutcome.REJECTED, RESOLVED)
    return after, (
        persist(after),
        *cancel(data, "decision"),
        Raise(EntityResides(data.entity)),
        Notify(EntityArrived(data.entity, after.epoch, after.payload)),
        ended,
        set_fence(after, context),
    )


def give_up(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Departing, and the destination is lost with the entity: end the transaction; an inquiry still hears commit."""
    after = departed(data, context)
    ended = told_ended(data, MigrationOutcome.COMMITTED, RESOLVED)
    return after, (persist(after), *cancel(data, "decision"), ended)


def refuse_resolution(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Nothing is in doubt, or the other process may still answer."""
    if data.state not in {"prepared", "departing"}:
        reason = f"nothing is in doubt: the entity is {data.state} here"
    elif context.service.state != "settled":
        reason = f"the view is {context.service.state}, expected settled"
    else:
        role = "source" if data.state == "prepared" else "destination"
        reason = f"the {role} {data.peer} is a member of the view and will answer"
    return data, (Notify(EntityRefused(data.entity, "ResolveInDoubt", reason)),)


# -- the fence, at the side that was kept --------------------------------------------------------------------------


def fence_again(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """Tell the lost side, should it come back."""
    fence = MigrationFence(data.entity, data.epoch, context.node)
    return data, (Send(peer_address(data, context), fence), set_fence(data, context))


def end_fencing(data: EntityData, given: Received) -> Result:
    """The lost side has nothing left: the entity may move again."""
    after = become(data, "owned", fencing=False, peer="", peer_endpoint="")
    return after, (persist(after), *cancel(data, "fence"))


# -- the fence, at the side that was lost --------------------------------------------------------------------------


def fence_in(given: Received) -> MigrationFence:
    """The fence that arrived."""
    assert isinstance(given.message, MigrationFence)
    return given.message


def _given_up(data: EntityData, given: Received, state: str) -> tuple[EntityData, tuple[Effect, ...]]:
    """Durably remember who has the entity.

    What is remembered is the epoch before the fenced: an offer of the fenced epoch itself is the next, real move.
    """
    fence = fence_in(given)
    after = become(
        data,
        state,
        epoch=fence.epoch - 1,
        payload=b"",
        transaction=NO_TRANSACTION,
        offered=0,
        token="",
        requests=(),
        peer=fence.owner,
        peer_endpoint=given.sender,
        fencing=False,
        # The owner's tokens count; of its own, this process cannot say which moved the entity that is left.
        tokens=(),
        forgotten=0,
    )
    return after, (persist(after), *cancel(data, "freeze", "vote", "migration", "decision", "inquiry", "fence"))


def _heed(data: EntityData, given: Received, *told: Effect) -> Result:
    """Durably remember who has the entity, then acknowledge: no application serves it here."""
    after, effects = _given_up(data, given, "departed")
    return after, (*effects, *told, Send(given.sender, MigrationFenced(data.entity, fence_in(given).epoch)))


def yield_to_fence(data: EntityData, given: Received, context: MigrationData) -> Result:
    """A newer copy entered service while this process was thought lost: give up this one and have it stopped."""
    after, effects = _given_up(data, given, "yielding")
    ended = told_ended(data, MigrationOutcome.REJECTED, RESOLVED)
    return after, (
        *effects,
        Raise(EntityVacated(data.entity)),
        Notify(EntityLeft(data.entity, data.epoch, freeze_of(data))),
        *((ended,) if data.state == "freezing" else ()),
        SetTimer(timer("freeze", data), context.settings.freeze_timeout_ms),
    )


def end_yielding(data: EntityData, given: ConfirmStopped, context: MigrationData) -> Result:
    """The application has stopped: acknowledge the fence. The next request to stop has another number."""
    after = become(data, "departed", called_off=data.called_off + 1)
    fenced = MigrationFenced(data.entity, data.epoch + 1)
    return after, (*cancel(data, "freeze"), Send(peer_address(data, context), fenced))


def tell_unconfirmed(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The application did not confirm in time. That does not mean that it has stopped: it is waited for still."""
    waited = context.settings.freeze_timeout_ms
    return data, (Notify(StopUnconfirmed(data.entity, freeze_of(data), waited)),)


def give_up_frozen(data: EntityData, given: Received) -> Result:
    """As `yield_to_fence`, of an entity that the application has stopped serving already."""
    ended = told_ended(data, MigrationOutcome.REJECTED, RESOLVED)
    return _heed(data, given, Raise(EntityVacated(data.entity)), Notify(EntityLeft(data.entity, data.epoch)), ended)


def drop_for_fence(data: EntityData, given: Received) -> Result:
    """The source took the entity back while this process was thought lost: drop the snapshot."""
    return _heed(data, given, Raise(EntityVacated(data.entity)), Notify(InDoubtEnded(data.entity, committed=False)))


def end_for_fence(data: EntityData, given: Received) -> Result:
    """The commit that was not acknowledged has been resolved at the destination: it is done."""
    ended = told_ended(data, MigrationOutcome.COMMITTED, RESOLVED)
    return _heed(data, given, ended)


def heed_fence(data: EntityData, given: Received) -> Result:
    """Nothing is here to give up; the epoch and the pointer are remembered, so that no old offer is taken."""
    return _heed(data, given)


def acknowledge_fence(data: EntityData, given: Received) -> Result:
    """Nothing older is left here."""
    return data, (Send(given.sender, MigrationFenced(data.entity, fence_in(given).epoch)),)
