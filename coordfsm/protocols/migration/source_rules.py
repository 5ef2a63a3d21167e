"""Guards and actions of the source: it owns the entity, manages the transaction and decides."""

import msgspec

from coordfsm.kernel import Command, Notify, Raise, Received, Recover, Send, SetTimer, TimerFired
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    CommitDecided,
    ConfirmStopped,
    EntityFrozen,
    EntityLeft,
    EntityThawed,
    Migrate,
    MigrationDecision,
    MigrationPrepare,
    MigrationVote,
    TransactionId,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.migration.rules import (
    Result,
    asking,
    back_in_service,
    become,
    cancel,
    departed,
    freeze_of,
    peer_address,
    persist,
    restored,
    timer,
    told_ended,
)
from coordfsm.protocols.migration.service import EntityVacated
from coordfsm.protocols.migration.tokens import is_used, with_used
from coordfsm.protocols.view import member_of

# -- guards --------------------------------------------------------------------------------------------------------


def is_settled(data: EntityData, given: Migrate, context: MigrationData) -> bool:
    """The view is stable and a majority of it within reach."""
    return context.service.state == "settled"


def is_movable(data: EntityData, given: Migrate, context: MigrationData) -> bool:
    """The request is new, the destination is another process, and no fence is open."""
    repeated = bool(given.token) and is_used(data, given.token)
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


def is_of_this_freeze(data: EntityData, given: ConfirmStopped) -> bool:
    """The application confirms the freeze that is open, not one that was called off."""
    return given.freeze == freeze_of(data)


# -- actions -------------------------------------------------------------------------------------------------------


def ask_to_stop(data: EntityData, given: Migrate, context: MigrationData) -> Result:
    """Have the application stop serving, for a bounded time. Nothing is logged and nothing is sent before it has."""
    view = context.service.view
    assert view is not None
    destination = member_of(view, given.destination)
    assert destination is not None
    after = become(
        data,
        "freezing",
        token=given.token,
        requests=asking(given),
        peer=destination.node,
        peer_endpoint=destination.endpoint,
        view_id=view.id,
    )
    return after, (
        SetTimer(timer("freeze", data), context.settings.freeze_timeout_ms),
        Notify(EntityFrozen(data.entity, next_transaction(data, context), data.payload, freeze_of(data))),
    )


def next_transaction(data: EntityData, context: MigrationData) -> TransactionId:
    """The attempt that PREPARE begins. The view cannot change before: that calls the freeze off."""
    view = context.service.view
    assert view is not None
    source = member_of(view, context.node)
    assert source is not None
    return TransactionId(context.node, source.incarnation, data.counter + 1)


def freeze(data: EntityData, given: ConfirmStopped, context: MigrationData) -> Result:
    """The application has stopped: log PREPARE with the snapshot, then ask the destination."""
    transaction = next_transaction(data, context)
    after = become(data, "frozen", counter=transaction.counter, transaction=transaction)
    return after, (
        *cancel(data, "freeze"),
        persist(after),
        send_prepare(after, context),
        SetTimer(timer("vote", data), context.settings.phase_ms),
        SetTimer(timer("migration", data), context.settings.total_ms),
    )


def call_off(data: EntityData, outcome: MigrationOutcome, reason: str = "") -> Result:
    """In service again: nothing was logged or sent, so nobody else is told. No attempt has begun."""
    after = msgspec.structs.replace(back_in_service(data), called_off=data.called_off + 1)
    return after, (
        *cancel(data, "freeze"),
        Notify(EntityThawed(data.entity, data.epoch, data.payload)),
        told_ended(data, outcome, reason),
    )


def call_off_late(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The application did not confirm in time: it may serve the entity still, so it keeps it."""
    waited = f"the application did not confirm within {context.settings.freeze_timeout_ms} ms that it has stopped"
    return call_off(data, MigrationOutcome.NOT_STOPPED, waited)


def call_off_changed(data: EntityData, given: Command) -> Result:
    """The view changed, or this process is no longer in one."""
    return call_off(data, MigrationOutcome.VIEW_CHANGED)


def call_off_wedged(data: EntityData, given: Command) -> Result:
    """No majority is within reach."""
    return call_off(data, MigrationOutcome.WEDGED)


def send_prepare(data: EntityData, context: MigrationData) -> Send:
    """Ask the destination to hold the entity ready."""
    tokens, forgotten = with_used(data, context)
    prepare = MigrationPrepare(data.entity, data.transaction, data.epoch, data.payload, data.view_id, tokens, forgotten)
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
    return after, (
        persist(after),
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


def abort(data: EntityData, context: MigrationData, outcome: MigrationOutcome, reason: str = "") -> Result:
    """Logged and back in service in one transaction; the destination is told once, and asks if it does not hear."""
    after = back_in_service(data)
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
    return abort(data, context, MigrationOutcome.REJECTED, given.message.reason)


def abort_late(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """No vote came in time."""
    return abort(data, context, MigrationOutcome.TIMEOUT)


def abort_changed(data: EntityData, given: Command, context: MigrationData) -> Result:
    """The view changed, or this process is no longer in one."""
    return abort(data, context, MigrationOutcome.VIEW_CHANGED)


def abort_wedged(data: EntityData, given: Command, context: MigrationData) -> Result:
    """No majority is within reach."""
    return abort(data, context, MigrationOutcome.WEDGED)


def abort_recovered(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """The process crashed before it decided: abort."""
    return abort(restored(data, given), context, MigrationOutcome.TIMEOUT, "the process restarted before the decision")


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
    after = departed(data, context)
    return after, (told_ended(data, MigrationOutcome.COMMITTED), persist(after), *cancel(data, "decision"))


def answer_committed(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The transaction in doubt was committed."""
    return data, (Send(given.sender, MigrationDecision(data.entity, data.transaction, commit=True, epoch=data.epoch)),)


def answer_aborted(data: EntityData, given: Received) -> Result:
    """Nothing is known of the transaction in doubt: it was not committed (presumed abort)."""
    transaction: TransactionId = given.message.transaction  # type: ignore[attr-defined]
    return data, (Send(given.sender, MigrationDecision(data.entity, transaction, commit=False, epoch=data.epoch)),)
