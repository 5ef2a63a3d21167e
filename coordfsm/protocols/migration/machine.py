"""MIGRATION: one entity at one process, in either role.

Two-phase commit, remove then commit. As the source: OWNED, FREEZING (the application is asked to stop; nothing is
logged), FROZEN (it has stopped; PREPARE logged), DEPARTING (COMMIT logged: the point of no return), DEPARTED
(acknowledged; a forward pointer stays). As the destination: ABSENT, PREPARED (in doubt), OWNED. Fenced off: YIELDING
(given up durably; the application is asked to stop), DEPARTED.

One machine has both roles, because an entity that arrived may leave again: its state says at every moment who answers
for it, and its one durable record is ownership and log at once, so that they cannot disagree.

Rules that everything rests on:

1. Only the durable COMMIT record of the source gives the entity up, and it does so before anyone can take it.
2. Until then the source may abort alone; from then on it only repeats its decision.
3. A prepared destination never decides alone.
4. Epochs tell an echo of an earlier move from a new one.
5. PREPARE leaves, and a fence is acknowledged, only after the application has confirmed that it serves the entity no
   longer.
"""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.migration.destination_rules import (
    acknowledge,
    activate,
    forget,
    has_room,
    inquire,
    is_commit,
    is_done,
    is_in_same_view,
    is_newer,
    prepare,
    resume_in_doubt,
    vote_again,
    vote_no,
)
from coordfsm.protocols.migration.operator_rules import (
    acknowledge_fence,
    answers_fence,
    drop_for_fence,
    end_fencing,
    end_for_fence,
    end_yielding,
    fence_again,
    give_up,
    give_up_frozen,
    heed_fence,
    is_behind_fence,
    is_fencing,
    is_offered_before_fence,
    is_older_than_fence,
    may_resolve,
    refuse_resolution,
    resolve_into_service,
    says_commit,
    take_back,
    tell_unconfirmed,
    yield_to_fence,
)
from coordfsm.protocols.migration.rules import (
    create,
    fits,
    is_creatable,
    join_running,
    joins_running,
    refuse_command,
    refuse_request,
    remove,
    restore,
    restore_service,
    update,
    was_departed,
    was_departing,
    was_frozen,
    was_owned,
    was_prepared,
)
from coordfsm.protocols.migration.source_rules import (
    abort_changed,
    abort_late,
    abort_recovered,
    abort_refused,
    abort_wedged,
    answer_aborted,
    answer_committed,
    ask_to_stop,
    call_off_changed,
    call_off_late,
    call_off_wedged,
    commit,
    decide_again,
    finish,
    freeze,
    is_movable,
    is_of_open_transaction,
    is_of_this_freeze,
    is_settled,
    is_yes,
    knows_destination,
    prepare_again,
    resume_departing,
)
from coordfsm.protocols.migration.tokens import is_not_expired


class Migration(Machine):
    """One entity at one process: ABSENT, PREPARED, OWNED, FREEZING, FROZEN, DEPARTING, YIELDING, DEPARTED."""

    absent = State(initial=True)
    prepared = State()
    owned = State()
    freezing = State()
    frozen = State()
    departing = State()
    yielding = State()
    departed = State()

    # A process starts: what was under way is aborted, repeated or asked for.
    local_recover = (
        absent.to(owned, cond=was_owned, on=restore_service)
        | absent.to(owned, cond=was_frozen, on=abort_recovered)
        | absent.to(departing, cond=was_departing, on=resume_departing)
        | absent.to(departed, cond=was_departed, on=restore)
        | absent.to(prepared, cond=was_prepared, on=resume_in_doubt)
        | absent.to(absent, internal=True, on=restore)
    )

    # The application.
    local_create_entity = (
        absent.to(owned, cond=is_creatable, on=create)
        | absent.to(absent, internal=True, on=refuse_command)
        | prepared.to(prepared, internal=True, on=refuse_command)
        | owned.to(owned, internal=True, on=refuse_command)
        | freezing.to(freezing, internal=True, on=refuse_command)
        | frozen.to(frozen, internal=True, on=refuse_command)
        | departing.to(departing, internal=True, on=refuse_command)
        | yielding.to(yielding, internal=True, on=refuse_command)
        | departed.to(departed, internal=True, on=refuse_command)
    )
    local_update_entity = (
        owned.to(owned, internal=True, cond=fits, on=update)
        | owned.to(owned, internal=True, on=refuse_command)
        | absent.to(absent, internal=True, on=refuse_command)
        | prepared.to(prepared, internal=True, on=refuse_command)
        | freezing.to(freezing, internal=True, on=refuse_command)
        | frozen.to(frozen, internal=True, on=refuse_command)
        | departing.to(departing, internal=True, on=refuse_command)
        | yielding.to(yielding, internal=True, on=refuse_command)
        | departed.to(departed, internal=True, on=refuse_command)
    )
    local_remove_entity = (
        owned.to(absent, unless=is_fencing, on=remove)
        | owned.to(owned, internal=True, on=refuse_command)
        | absent.to(absent, internal=True, on=refuse_command)
        | prepared.to(prepared, internal=True, on=refuse_command)
        | freezing.to(freezing, internal=True, on=refuse_command)
        | frozen.to(frozen, internal=True, on=refuse_command)
        | departing.to(departing, internal=True, on=refuse_command)
        | yielding.to(yielding, internal=True, on=refuse_command)
        | departed.to(departed, internal=True, on=refuse_command)
    )

    # The source.
    local_migrate = (
        owned.to(freezing, cond=[is_movable, is_not_expired, is_settled, knows_destination], on=ask_to_stop)
        | owned.to(owned, internal=True, on=refuse_request)
        | absent.to(absent, internal=True, on=refuse_request)
        | prepared.to(prepared, internal=True, on=refuse_request)
        | freezing.to(freezing, internal=True, cond=joins_running, on=join_running)
        | freezing.to(freezing, internal=True, on=refuse_request)
        | frozen.to(frozen, internal=True, cond=joins_running, on=join_running)
        | frozen.to(frozen, internal=True, on=refuse_request)
        | departing.to(departing, internal=True, cond=joins_running, on=join_running)
        | departing.to(departing, internal=True, on=refuse_request)
        | yielding.to(yielding, internal=True, on=refuse_request)
        | departed.to(departed, internal=True, on=refuse_request)
    )
    local_confirm_stopped = freezing.to(frozen, cond=is_of_this_freeze, on=freeze) | yielding.to(
        departed, cond=is_of_this_freeze, on=end_yielding
    )
    timeout_freeze = freezing.to(owned, on=call_off_late) | yielding.to(yielding, internal=True, on=tell_unconfirmed)
    recv_migration_vote = frozen.to(departing, cond=[is_of_open_transaction, is_yes], on=commit) | frozen.to(
        owned, cond=is_of_open_transaction, on=abort_refused
    )
    timeout_vote = frozen.to(frozen, internal=True, on=prepare_again)
    timeout_migration = frozen.to(owned, on=abort_late)
    # X6: whatever would forbid the commit aborts at once, so an entity that is still frozen may be committed.
    local_view_installed = frozen.to(owned, on=abort_changed) | freezing.to(owned, on=call_off_changed)
    local_wedged = frozen.to(owned, on=abort_wedged) | freezing.to(owned, on=call_off_wedged)
    local_shunned = frozen.to(owned, on=abort_changed) | freezing.to(owned, on=call_off_changed)
    timeout_decision = departing.to(departing, internal=True, on=decide_again)
    recv_migration_ack = departing.to(departed, cond=is_of_open_transaction, on=finish)
    recv_migration_inquiry = (
        departing.to(departing, internal=True, cond=is_of_open_transaction, on=answer_committed)
        | departing.to(departing, internal=True, on=answer_aborted)
        | departed.to(departed, internal=True, cond=is_of_open_transaction, on=answer_committed)
        | departed.to(departed, internal=True, on=answer_aborted)
        | frozen.to(frozen, internal=True, unless=is_of_open_transaction, on=answer_aborted)
        | owned.to(owned, internal=True, on=answer_aborted)
        | freezing.to(freezing, internal=True, on=answer_aborted)
        | absent.to(absent, internal=True, on=answer_aborted)
        | prepared.to(prepared, internal=True, on=answer_aborted)
        | yielding.to(yielding, internal=True, on=answer_aborted)
    )

    # The destination.
    recv_migration_prepare = (
        absent.to(prepared, cond=[is_in_same_view, is_newer, has_room], on=prepare)
        | absent.to(absent, internal=True, on=vote_no)
        | departed.to(prepared, cond=[is_in_same_view, is_newer, has_room], on=prepare)
        | departed.to(departed, internal=True, on=vote_no)
        | prepared.to(prepared, internal=True, cond=is_of_open_transaction, on=vote_again)
        | prepared.to(prepared, internal=True, on=vote_no)
        | owned.to(owned, internal=True, on=vote_no)
        | freezing.to(freezing, internal=True, on=vote_no)
        | frozen.to(frozen, internal=True, on=vote_no)
        | departing.to(departing, internal=True, on=vote_no)
        | yielding.to(yielding, internal=True, on=vote_no)
    )
    recv_migration_decision = (
        prepared.to(owned, cond=[is_of_open_transaction, is_commit], on=activate)
        | prepared.to(absent, cond=is_of_open_transaction, on=forget)
        | prepared.to(prepared, internal=True, cond=is_done, on=acknowledge)
        | owned.to(owned, internal=True, cond=is_done, on=acknowledge)
        | freezing.to(freezing, internal=True, cond=is_done, on=acknowledge)
        | frozen.to(frozen, internal=True, cond=is_done, on=acknowledge)
        | departing.to(departing, internal=True, cond=is_done, on=acknowledge)
        | yielding.to(yielding, internal=True, cond=is_done, on=acknowledge)
        | departed.to(departed, internal=True, cond=is_done, on=acknowledge)
        | absent.to(absent, internal=True, cond=is_done, on=acknowledge)
    )
    timeout_inquiry = prepared.to(prepared, internal=True, on=inquire)

    # The operator: the other process is gone for good. Fencing: should it come back after all.
    local_resolve_in_doubt = (
        prepared.to(owned, cond=[may_resolve, says_commit], on=resolve_into_service)
        | prepared.to(absent, cond=may_resolve, on=forget)
        | prepared.to(prepared, internal=True, on=refuse_resolution)
        | departing.to(departed, cond=[may_resolve, says_commit], on=give_up)
        | departing.to(owned, cond=may_resolve, on=take_back)
        | departing.to(departing, internal=True, on=refuse_resolution)
        | absent.to(absent, internal=True, on=refuse_resolution)
        | owned.to(owned, internal=True, on=refuse_resolution)
        | freezing.to(freezing, internal=True, on=refuse_resolution)
        | frozen.to(frozen, internal=True, on=refuse_resolution)
        | yielding.to(yielding, internal=True, on=refuse_resolution)
        | departed.to(departed, internal=True, on=refuse_resolution)
    )
    timeout_fence = owned.to(owned, internal=True, cond=is_fencing, on=fence_again)
    recv_migration_fence = (
        owned.to(yielding, cond=is_older_than_fence, on=yield_to_fence)
        | owned.to(owned, internal=True, on=acknowledge_fence)
        | freezing.to(yielding, cond=is_older_than_fence, on=yield_to_fence)
        | freezing.to(freezing, internal=True, on=acknowledge_fence)
        | frozen.to(departed, cond=is_older_than_fence, on=give_up_frozen)
        | frozen.to(frozen, internal=True, on=acknowledge_fence)
        | prepared.to(departed, cond=is_offered_before_fence, on=drop_for_fence)
        | prepared.to(prepared, internal=True, on=acknowledge_fence)
        | departing.to(departed, cond=is_older_than_fence, on=end_for_fence)
        | departing.to(departing, internal=True, on=acknowledge_fence)
        | absent.to(departed, cond=is_behind_fence, on=heed_fence)
        | absent.to(absent, internal=True, on=acknowledge_fence)
        | departed.to(departed, internal=True, on=acknowledge_fence)
    )
    recv_migration_fenced = owned.to(owned, internal=True, cond=answers_fence, on=end_fencing)

    ignored = {
        ("*", "local_recover"): "the first input of a process only",
        ("*", "recv_migration_vote"): "the transaction is not open: decided, aborted, or of an earlier attempt",
        ("*", "local_confirm_stopped"): "no freeze waits for it, or another one does",
        ("*", "timeout_freeze"): "confirmed in time, or called off",
        ("yielding", "recv_migration_fence"): "acknowledged once the application has confirmed that it stopped",
        ("*", "timeout_vote"): "no vote is waited for",
        ("*", "timeout_migration"): "decided in time",
        ("*", "local_view_installed"): "nothing is undecided: after a COMMIT record only the decision is repeated",
        ("*", "local_wedged"): "nothing is undecided here",
        ("*", "local_shunned"): "nothing is undecided here",
        ("*", "timeout_decision"): "acknowledged",
        ("*", "recv_migration_ack"): "acknowledged already, or of an earlier attempt",
        ("frozen", "recv_migration_inquiry"): "not decided yet: the destination asks again",
        ("*", "recv_migration_decision"): "nothing is known of this transaction, and nothing is owed",
        ("*", "timeout_inquiry"): "no longer in doubt",
        ("*", "timeout_fence"): "no fence is open",
        ("*", "recv_migration_fenced"): "no fence is open",
    }


MIGRATION = compile_machine(Migration)
