"""Guards and actions of the source: it owns the entity, manages the transaction and decides."""

import msgspec

from coordfsm.kernel import Command, Notify, Raise, Received, Recover, Send, SetTimer, TimerFired, Write
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    CommitDecided,
    EntityFrozen,
    EntityLeft,
    EntityThawed,
    Migrate,
    MigrationDecision,
    MigrationPrepare,
    MigrationVote,
    TokenRecord,
    TransactionId,
    token_key,
)
from coordfsm.protocols.migration.rules import (
    Result,
    asking,
    become,
    cancel,
    peer_address,
    persist,
    restored,
    timer,
    told_ended,
)
from coordfsm.protocols.migration.service import EntityVacated
from coordfsm.protocols.view import member_of

# -- guards --------------------------------------------------------------------------------------------------------


def is_settled(data: EntityData, given: Migrate, context: MigrationData) -> bool:
    """The view is stable and a majority of it within reach."""
    return context.service.state == "settled"


def is_movable(data: EntityData, given: Migrate, context: MigrationData) -> bool:
    """The request is new, the destination is another process, and no fence is open."""
    repeated = bool(given.token) and given.token in data.completed
    return not repeated and given.destination != context.node and not data.fencing


def knows_destination(data: EntityData, given: Migrate, context: MigrationData) -> bool:
    """Destination and source are members of the view."""
    view = context.service.view
    return (
        view is not None
        and member_of(view, given.destination) is not None
        and member_of(view, context.node) is not None
    )


def is_of_open_transaction(data: EntityData, given: Received) -> bool:
    """The message is about exactly the transaction that is open (or ended last) here."""
    transaction: TransactionId = given.message.transaction  # type: ignore[attr-defined]
    return transaction == data.transaction


def is_yes(data: EntityData, given: Received) -> bool:
    """The destination is prepared."""
    assert isinstance(given.message, MigrationVote)
    return given.message.accepted


# -- actions -------------------------------------------------------------------------------------------------------


def freeze(data: EntityData, given: Migrate, context: MigrationData) -> Result:
    """Phase one: out of service and logged in one transaction, then asked for."""
    view = context.service.view
    assert view is not None
    destination, source = member_of(view, given.destination), member_of(view, context.node)
    assert destination is not None
    assert source is not None
    after = become(
        data,
        "frozen",
        counter=data.counter + 1,
        transaction=TransactionId(context.node, source.incarnation, data.counter + 1),
        token=given.token,
        requests=asking(given),
        peer=destination.node,
        peer_endpoint=destination.endpoint,
        view_id=view.id,
    )
    return after, (
        persist(after),
        Notify(EntityFrozen(data.entity, after.transaction, after.payload)),
        send_prepare(after, context),
        SetTimer(timer("vote", data), context.settings.phase_ms),
        SetTimer(timer("migration", data), context.settings.total_ms),
    )


def send_prepare(data: EntityData, context: MigrationData) -> Send:
    """Ask the destination to hold the entity ready."""
    prepare = MigrationPrepare(data.entity, data.transaction, data.epoch, data.payload, data.view_id)
    return Send(peer_address(data, context), prepare)


def prepare_again(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The vote is late: ask again."""
    return data, (send_prepare(data, context), SetTimer(timer("vote", data), context.settings.phase_ms))


def commit(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The decision point: ownership is given up durably before the destination can take it."""
    after = become(data, "departing")
    view = context.service.view
    decided = CommitDecided(
        data.entity,
        data.transaction,
        data.peer,
        data.view_id,
        "" if view is None else view.id,
        view is not None and member_of(view, data.peer) is not None,
        context.service.state,
    )
    tokens: tuple[Write, ...] = ()
    if data.token:
        after = msgspec.structs.replace(after, completed=data.completed.set(data.token, data.peer))
        tokens = (Write(token_key(data.entity, data.token), TokenRecord(data.peer, data.epoch)),)
    return after, (
        persist(after, *tokens),
        Notify(decided),
        send_decision(after, context, committed=True),
        *cancel(data, "vote", "migration"),
        SetTimer(timer("decision", data), context.settings.phase_ms),
        Raise(EntityVacated(data.entity)),
        Notify(EntityLeft(data.entity, data.epoch)),
    )


def send_decision(data: EntityData, context: MigrationData, *, committed: bool) -> Send:
    """Tell the destination what was decided."""
    decision = MigrationDecision(data.entity, data.transaction, committed, data.epoch)
    return Send(peer_address(data, context), decision)


def decide_again(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The acknowledgement is late: repeat the decision."""
    repeat = SetTimer(timer("decision", data), context.settings.phase_ms)
    return data, (send_decision(data, context, committed=True), repeat)


def abort(data: EntityData, context: MigrationData, outcome: str, reason: str = "") -> Result:
    """Logged and back in service in one transaction; the destination is told once, and asks if it does not hear."""
    after = become(data, "owned", token="", peer="", peer_endpoint="", view_id="", requests=())
    return after, (
        persist(after),
        *cancel(data, "vote", "migration"),
        Notify(EntityThawed(data.entity, data.epoch, after.payload)),
        told_ended(data, outcome, reason),
        send_decision(data, context, committed=False),
    )


def abort_refused(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The destination said no."""
    assert isinstance(given.message, MigrationVote)
    return abort(data, context, "REJECTED", given.message.reason)


def abort_late(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """No vote came in time."""
    return abort(data, context, "TIMEOUT")


def abort_changed(data: EntityData, given: Command, context: MigrationData) -> Result:
    """The view changed, or this process is no longer in one."""
    return abort(data, context, "VIEW_CHANGED")


def abort_wedged(data: EntityData, given: Command, context: MigrationData) -> Result:
    """No majority is within reach."""
    return abort(data, context, "WEDGED")


def abort_recovered(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """The process crashed before it decided: abort."""
    return abort(restored(data, given), context, "TIMEOUT", "the process restarted before the decision")


def resume_departing(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """The process crashed after its decision: repeat it until it is acknowledged."""
    after = restored(data, given)
    repeat = SetTimer(timer("decision", data), context.settings.phase_ms)
    return after, (send_decision(after, context, committed=True), repeat)


def finish(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The destination has it: drop the snapshot, keep the forward pointer and the epoch.

    That is told first. It holds whether or not the record is kept: without it the decision is repeated, and
    acknowledged again.
    """
    after = become(data, "departed", payload=b"", token="", requests=())
    return after, (told_ended(data, "COMMITTED"), persist(after), *cancel(data, "decision"))


def answer_committed(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The transaction in doubt was committed."""
    return data, (Send(given.sender, MigrationDecision(data.entity, data.transaction, commit=True, epoch=data.epoch)),)


def answer_aborted(data: EntityData, given: Received) -> Result:
    """Nothing is known of the transaction in doubt: it was not committed (presumed abort)."""
    transaction: TransactionId = given.message.transaction  # type: ignore[attr-defined]
    return data, (Send(given.sender, MigrationDecision(data.entity, transaction, commit=False, epoch=data.epoch)),)
