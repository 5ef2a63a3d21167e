"""Broken migrations: the flaws read in the system that this replaces, and one for each guard and order of effects.

Longer than most files here: a catalogue, one entry a flaw.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from coordfsm.kernel import (
    Notify,
    Persist,
    Raise,
    Received,
    Recover,
    Send,
    SetTimer,
    TimerFired,
    TransitionTable,
    Write,
)
from coordfsm.protocols.migration import destination_rules, source_rules
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    ConfirmStopped,
    EntityThawed,
    MigrationAck,
    MigrationDecision,
    entity_key,
)
from coordfsm.protocols.migration.rules import Result, become, cancel, persist, restore_service, restored, timer
from coordfsm.protocols.migration.service import EntityResides, EntityVacated
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import substitute, with_rule

ONE = {"requests": 1, "crash": 0, "live": False}
CRASH = {"requests": 1, "crash": 1, "live": False}
LIVE = {"requests": 1, "crash": 1}


# -- the source ----------------------------------------------------------------------------------------------------


def lose_on_timeout(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The entity was removed at prepare; the timeout ends the transaction and restores nothing."""
    after, effects = source_rules.abort_late(data, given, context)
    gone = Persist((Write(entity_key(data.entity), None),))
    return after, tuple(gone if isinstance(effect, Persist) else effect for effect in effects)


def take_back(data: EntityData, given: object, context: MigrationData) -> Result:
    """Put the snapshot into service again."""
    after = become(data, "owned", peer="", peer_endpoint="")
    thawed = Notify(EntityThawed(data.entity, data.epoch, data.payload))
    return after, (persist(after), *cancel(data, "decision"), thawed, Raise(EntityResides(data.entity)))


def restore_on_commit_timeout(table: TransitionTable) -> TransitionTable:
    """Commit is not acknowledged in time: take the entity back."""
    return with_rule(table, "departing", "timeout_decision", "owned", on=take_back)


def take_lost_vote_for_no(table: TransitionTable) -> TransitionTable:
    """A repeated vote while departing means that the first was not applied: take the entity back."""
    return with_rule(table, "departing", "recv_migration_vote", "owned", on=take_back)


def restore_on_view_change(table: TransitionTable) -> TransitionTable:
    """A view change rolls every migration back, also a committed one."""
    return with_rule(table, "departing", "local_view_installed", "owned", on=take_back)


def commit_in_any_view(table: TransitionTable) -> TransitionTable:
    """A migration that has begun goes on, whatever becomes of the view."""
    return with_rule(table, "frozen", "local_view_installed", "frozen")


def assume_arrived(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """A logged COMMIT must have arrived."""
    after = become(restored(data, given), "departed", payload=b"")
    return after, (persist(after),)


def commit_in_memory(data: EntityData, given: Received, context: MigrationData) -> Result:
    """Decide now, log when the destination has acknowledged (the acknowledgement persists the record)."""
    after, effects = source_rules.commit(data, given, context)
    return after, tuple(effect for effect in effects if not isinstance(effect, Persist))


def remove_before_prepare(data: EntityData, given: ConfirmStopped, context: MigrationData) -> Result:
    """Take the entity out of the store first, log PREPARE after."""
    after, effects = source_rules.freeze(data, given, context)
    return after, (Persist((Write(entity_key(data.entity), None),)), *effects)


def ask_to_abort(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """Commit is not acknowledged in time: roll back at the destination."""
    repeat = SetTimer(timer("decision", data), context.settings.phase_ms)
    return data, (source_rules.send_decision(data, context, committed=False), repeat)


def answer_rolled_back(data: EntityData, given: Received) -> Result:
    """Whatever is asked to be rolled back is said to be."""
    decision = given.message
    assert isinstance(decision, MigrationDecision)
    return data, (Send(given.sender, MigrationAck(data.entity, decision.transaction)),)


def believe_rollback(table: TransitionTable) -> TransitionTable:
    """A second abort after the commit is acknowledged, and the source takes the entity back."""
    table = substitute(table, {"decide_again": ask_to_abort})
    table = with_rule(table, "owned", "recv_migration_decision", "owned", on=answer_rolled_back)
    return with_rule(table, "departing", "recv_migration_ack", "owned", on=take_back)


def restore_without_tokens(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """Duplicates are known in memory only."""
    after, effects = restore_service(data, given, context)
    return msgspec.structs.replace(after, tokens=()), effects


def always(data: EntityData, given: Received) -> bool:
    """True."""
    return True


def never(data: EntityData, given: object) -> bool:
    """False."""
    return False


def always_in(data: EntityData, given: Any, context: MigrationData) -> bool:
    """True."""
    return True


def send_first(function: Any) -> Any:
    """The same action with its sends before everything else."""

    def reordered(data: EntityData, given: Any, context: MigrationData) -> Result:
        takes_context = function.__code__.co_argcount == 3
        after, effects = function(data, given, context) if takes_context else function(data, given)
        sends = tuple(effect for effect in effects if isinstance(effect, Send))
        return after, (*sends, *(effect for effect in effects if not isinstance(effect, Send)))

    return reordered


def freeze_with_old_counter(data: EntityData, given: ConfirmStopped, context: MigrationData) -> Result:
    """The transaction id of an aborted attempt is used again."""
    return source_rules.freeze(msgspec.structs.replace(data, counter=0), given, context)


def answer_nothing_known(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The committed transaction was compacted too early: presumed aborted."""
    return source_rules.answer_aborted(data, given)


def thaw_changed(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """After an abort the entity is not what it was."""
    return source_rules.abort_late(msgspec.structs.replace(data, payload=data.payload + b"?"), given, context)


def move_while_frozen(table: TransitionTable) -> TransitionTable:
    """A second request is not refused while one runs: it begins anew with the same entity."""
    return with_rule(table, "departing", "local_migrate", "frozen", on=source_rules.freeze)


# -- the destination -----------------------------------------------------------------------------------------------


def drop_prepared(data: EntityData, given: object, context: MigrationData) -> Result:
    """Decide alone: forget the snapshot."""
    after = become(data, "absent", payload=b"", offered=0)
    return after, (Persist((Write(entity_key(data.entity), None),)), Raise(EntityVacated(data.entity)))


def drop_on_timeout(table: TransitionTable) -> TransitionTable:
    """A prepared snapshot expires."""
    return with_rule(table, "prepared", "timeout_inquiry", "absent", on=drop_prepared)


def drop_on_view_change(table: TransitionTable) -> TransitionTable:
    """A view change makes the destination forget what it prepared."""
    return with_rule(table, "prepared", "local_view_installed", "absent", on=drop_prepared)


def acknowledge_blindly(table: TransitionTable) -> TransitionTable:
    """A commit is acknowledged before it is carried out, and then forgotten."""
    return with_rule(table, "prepared", "recv_migration_decision", "prepared", on=destination_rules.acknowledge)


def activate_on_timeout(table: TransitionTable) -> TransitionTable:
    """A destination in doubt decides to commit."""

    def activate_alone(data: EntityData, given: TimerFired) -> Result:
        return destination_rules.activate(
            data, Received(data.peer_endpoint, MigrationAck(data.entity, data.transaction))
        )

    return with_rule(table, "prepared", "timeout_inquiry", "owned", on=activate_alone)


def wait_silently(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """In doubt, and does not ask."""
    return data, ()


def recover_silently(data: EntityData, given: Recover, context: MigrationData) -> Result:
    """In doubt after a restart, and does not ask."""
    return restored(data, given), ()


def vote_without_record(data: EntityData, given: Received, context: MigrationData) -> Result:
    """Vote yes without having made the snapshot durable."""
    after, effects = destination_rules.prepare(data, given, context)
    return after, tuple(effect for effect in effects if not isinstance(effect, Persist))


def activate_without_record(data: EntityData, given: Received) -> Result:
    """Acknowledge without having made the ownership durable."""
    after, effects = destination_rules.activate(data, given)
    return after, tuple(effect for effect in effects if not isinstance(effect, Persist))


def activate_in_same_epoch(data: EntityData, given: Received) -> Result:
    """The epoch does not rise with the ownership."""
    return destination_rules.activate(msgspec.structs.replace(data, offered=data.offered - 1), given)


def activate_changed(data: EntityData, given: Received) -> Result:
    """What enters service is not what was prepared."""
    return destination_rules.activate(msgspec.structs.replace(data, payload=b"?"), given)


def _mutant(name: str, breaks: str, flaw: str, parameters: Mapping[str, object], **how: Any) -> Mutant:
    source = how.pop("source", "own")
    return Mutant(name, "Migration", breaks, flaw, source, "migration", parameters, **how)


LUCIFERASE = "Luciferase"

MUTANTS = (
    _mutant(
        "prepare-timeout-loses",
        "X2",
        "Prepare times out after the entity was removed, and the source gives up without restoring it.",
        ONE,
        functions={"abort_late": lose_on_timeout},
        source=LUCIFERASE,
    ),
    _mutant(
        "commit-timeout-restores",
        "X1",
        "Commit times out at the source after the destination applied it, and the source restores its copy.",
        ONE,
        edit=restore_on_commit_timeout,
        source=LUCIFERASE,
    ),
    _mutant(
        "lost-reply-is-failure",
        "X1",
        "A lost reply is treated as not applied.",
        {**ONE, "duplicate": 1},
        edit=take_lost_vote_for_no,
        source=LUCIFERASE,
    ),
    _mutant(
        "commit-assumed-arrived",
        "X2",
        "On recovery a logged COMMIT is assumed to have arrived, and is not sent again.",
        CRASH,
        functions={"resume_departing": assume_arrived},
        source=LUCIFERASE,
    ),
    _mutant(
        "commit-logged-late",
        "X1",
        "The COMMIT record is written after the destination's acknowledgement.",
        CRASH,
        functions={"commit": commit_in_memory},
        source=LUCIFERASE,
    ),
    _mutant(
        "removed-before-logged",
        "X2",
        "The entity is removed before the PREPARE record is durable.",
        CRASH,
        functions={"freeze": remove_before_prepare},
        source=LUCIFERASE,
    ),
    _mutant(
        "prepared-expires",
        "XL1",
        "The destination drops a prepared transaction by itself after a timeout.",
        {"requests": 1, "crash": 0},
        edit=drop_on_timeout,
        source=LUCIFERASE,
    ),
    _mutant(
        "view-change-restores",
        "X1",
        "On a view change the source rolls back a departing entity.",
        {**ONE, "views": 2},
        edit=restore_on_view_change,
        source=LUCIFERASE,
    ),
    _mutant(
        "view-change-forgets",
        "XL1",
        "On a view change the destination forgets a prepared entity.",
        {"requests": 1, "crash": 0, "views": 2},
        edit=drop_on_view_change,
        source=LUCIFERASE,
    ),
    _mutant(
        "rollback-believed",
        "X1",
        "A second abort after the commit is answered with an acknowledgement, and the source believes it.",
        ONE,
        edit=believe_rollback,
        source=LUCIFERASE,
    ),
    _mutant(
        "token-in-memory",
        "X4",
        "Repeated requests are detected in memory only.",
        {"requests": 3, "crash": 1, "tokens": True, "live": False, "loss": 0, "resends": 0},
        functions={"restore_service": restore_without_tokens},
        source=LUCIFERASE,
    ),
    _mutant(
        "view-not-compared",
        "X6",
        "The view is checked for stability when the migration begins, but not again when it commits.",
        {**ONE, "views": 2},
        edit=commit_in_any_view,
        source=LUCIFERASE,
    ),
    _mutant(
        "destination-silent",
        "XL1",
        "A destination in doubt does not ask.",
        LIVE,
        functions={"inquire": wait_silently, "resume_in_doubt": recover_silently},
    ),
    _mutant(
        "commit-sent-first",
        "X1",
        "The decision is sent before the COMMIT record is durable.",
        CRASH,
        functions={"commit": send_first(source_rules.commit)},
    ),
    _mutant(
        "prepare-sent-first",
        "X7",
        "The offer is sent before the PREPARE record, with the attempt's number, is durable.",
        {"requests": 2, "crash": 1, "updates": 1, "live": False},
        functions={"freeze": send_first(source_rules.freeze)},
    ),
    _mutant(
        "vote-sent-first",
        "XL1",
        "The vote is sent before the snapshot is durable.",
        LIVE,
        functions={"prepare": send_first(destination_rules.prepare)},
    ),
    _mutant(
        "acknowledged-first",
        "X2",
        "The commit is acknowledged before the ownership is durable.",
        CRASH,
        functions={"activate": send_first(destination_rules.activate)},
    ),
    _mutant(
        "vote-not-durable", "XL1", "The snapshot is not made durable.", LIVE, functions={"prepare": vote_without_record}
    ),
    _mutant(
        "activation-not-durable",
        "X2",
        "The ownership is not made durable.",
        CRASH,
        functions={"activate": activate_without_record},
    ),
    _mutant("doubt-commits", "X1", "A destination in doubt commits by itself.", ONE, edit=activate_on_timeout),
    _mutant(
        "no-taken-for-yes", "XL1", "A refusal is taken for a yes.", {**LIVE, "views": 2}, functions={"is_yes": always}
    ),
    _mutant(
        "any-vote-counts",
        "XL1",
        "A vote of an earlier attempt counts.",
        {"requests": 2, "crash": 0, "loss": None},
        functions={"is_of_open_transaction": always},
    ),
    _mutant("abort-commits", "X1", "An abort is carried out as a commit.", ONE, functions={"is_commit": always}),
    _mutant(
        "acknowledges-blindly",
        "X2",
        "A commit is acknowledged by whoever gets it, done or not.",
        ONE,
        edit=acknowledge_blindly,
    ),
    _mutant(
        "forgets-commit",
        "XL1",
        "A committed transaction is presumed aborted.",
        {"requests": 1, "crash": 0},
        functions={"answer_committed": answer_nothing_known},
    ),
    _mutant(
        "attempt-number-reused",
        "X7",
        "The transaction id of an aborted attempt is used again.",
        {"requests": 2, "crash": 0, "updates": 1, "live": False},
        functions={"freeze": freeze_with_old_counter},
    ),
    _mutant(
        "epoch-not-raised",
        "X2",
        "The epoch stays the same when the owner changes.",
        ONE,
        functions={"activate": activate_in_same_epoch},
    ),
    _mutant(
        "old-offer-taken",
        "X1",
        "An offer is prepared whatever its epoch: the echo of an earlier move brings the entity back.",
        {"requests": 2, "crash": 0, "duplicate": 2, "live": False},
        functions={"is_newer": always},
    ),
    _mutant(
        "activates-otherwise",
        "X7",
        "What is activated is not what was frozen.",
        ONE,
        functions={"activate": activate_changed},
    ),
    _mutant(
        "thaws-otherwise",
        "X7",
        "After an abort the entity is not as it was.",
        ONE,
        functions={"abort_late": thaw_changed},
    ),
    _mutant(
        "two-at-once",
        "X5",
        "A second migration of an entity begins while one runs.",
        {"requests": 3, "crash": 0, "tokens": True, "live": False, "loss": 0, "resends": 0},
        edit=move_while_frozen,
    ),
    _mutant(
        "repetition-moves",
        "X4",
        "A request with the token of a committed one moves the entity again.",
        {"requests": 3, "crash": 0, "tokens": True, "live": False},
        functions={"is_movable": always_in},
    ),
)
