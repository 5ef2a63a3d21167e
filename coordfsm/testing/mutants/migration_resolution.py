"""Broken resolutions: a word taken too early, a fence that is lost, forgotten, late, or heeded too little."""

from typing import Any

import msgspec

from coordfsm.kernel import Persist, Received, Send, TimerFired
from coordfsm.protocols.migration import operator_rules
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import MigrationFenced, ResolveInDoubt
from coordfsm.protocols.migration.rules import Result, persist
from coordfsm.testing.mutants.mutant import Mutant


def never(data: EntityData, given: Received) -> bool:
    """False."""
    return False


def at_any_time(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> bool:
    """The word is taken whoever is in the view."""
    return True


def send_first(function: Any) -> Any:
    """The same action with its sends before everything else."""

    def reordered(data: EntityData, given: Received) -> Result:
        after, effects = function(data, given)
        sends = tuple(effect for effect in effects if isinstance(effect, Send))
        return after, (*sends, *(effect for effect in effects if not isinstance(effect, Send)))

    return reordered


def _changed(result: Result, **changes: object) -> Result:
    """The same step, remembering something else."""
    after, effects = result
    after = msgspec.structs.replace(after, **changes)
    return after, tuple(persist(after) if isinstance(effect, Persist) else effect for effect in effects)


def yield_acknowledged(data: EntityData, given: Received, context: MigrationData) -> Result:
    """The acknowledgement leaves at once, before the copy is given up durably."""
    after, effects = operator_rules.yield_to_fence(data, given, context)
    fenced = MigrationFenced(data.entity, operator_rules.fence_in(given).epoch)
    return after, (Send(given.sender, fenced), *effects)


def take_without_fence(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Into service, and nobody is to be fenced."""
    return _changed(operator_rules.resolve_into_service(data, given, context), fencing=False)


def take_back_without_fence(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Taken back, and nobody is to be fenced."""
    return _changed(operator_rules.take_back(data, given, context), fencing=False)


def take_back_in_next_epoch(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Taken back in the very epoch that the destination has when it did activate."""
    return _changed(operator_rules.take_back(data, given, context), epoch=data.epoch + 1)


def take_with_old_horizon(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Into service, as if all tokens were known."""
    return _changed(operator_rules.resolve_into_service(data, given, context), forgotten=data.forgotten)


def take_back_with_old_horizon(data: EntityData, given: ResolveInDoubt, context: MigrationData) -> Result:
    """Taken back, as if all tokens were known."""
    return _changed(operator_rules.take_back(data, given, context), forgotten=data.forgotten)


def send_no_fence(data: EntityData, given: TimerFired, context: MigrationData) -> Result:
    """The fence is open, and the lost side is never told."""
    return data, ()


def _mutant(name: str, breaks: str, flaw: str, lost: str, crash: int = 0, **functions: Any) -> Mutant:
    return Mutant(
        name,
        "Migration",
        breaks,
        flaw,
        "own",
        "migration-resolution",
        {"lost": lost, "crash": crash},
        functions=functions,
    )


MUTANTS = (
    _mutant(
        "word-taken-early",
        "X1-word",
        "An operator's word is taken while the other process is a member of the view.",
        "source",
        may_resolve=at_any_time,
    ),
    _mutant(
        "resolved-without-fence",
        "X1-fence",
        "The destination takes the entity on the operator's word and never fences the source.",
        "source",
        resolve_into_service=take_without_fence,
    ),
    _mutant(
        "taken-back-without-fence",
        "X1-fence",
        "The source takes the entity back on the operator's word and never fences the destination.",
        "destination",
        take_back=take_back_without_fence,
    ),
    _mutant(
        "taken-back-in-next-epoch",
        "X1-fence",
        "The source takes the entity back in the epoch that it may already have at the destination.",
        "destination",
        take_back=take_back_in_next_epoch,
    ),
    _mutant(
        "fence-not-heeded",
        "X1-fence",
        "A fence is acknowledged by a process that goes on serving its older copy.",
        "source",
        is_older_than_fence=never,
    ),
    _mutant(
        "fence-keeps-snapshot",
        "X1-fence",
        "A fence is acknowledged by a prepared destination that keeps the snapshot: a late decision activates it.",
        "destination",
        is_offered_before_fence=never,
    ),
    _mutant(
        "fence-leaves-no-trace",
        "X1-fence",
        "A process that has nothing to give up forgets a fence at once: an old offer still looks new.",
        "destination",
        is_behind_fence=never,
    ),
    _mutant(
        "fence-acknowledged-first",
        "X1-fence",
        "A fence is acknowledged before the copy is given up durably.",
        "source",
        crash=1,
        yield_to_fence=yield_acknowledged,
    ),
    _mutant(
        "drop-acknowledged-first",
        "X1-fence",
        "A fence is acknowledged before the snapshot is dropped durably.",
        "destination",
        crash=1,
        drop_for_fence=send_first(operator_rules.drop_for_fence),
    ),
    _mutant(
        "fence-not-sent", "XL1", "The lost side is never told that it was fenced.", "source", fence_again=send_no_fence
    ),
    *(
        Mutant(
            name=name,
            machine="Migration",
            property="X-token-word",
            flaw=f"An entity that is {what} counts tokens as new that the lost side may have used.",
            source="own",
            model="migration-resolution",
            parameters={"lost": lost, "crash": 0},
            functions=functions,
        )
        for name, what, lost, functions in (
            (
                "horizon-kept-by-word",
                "resolved into service",
                "source",
                {"resolve_into_service": take_with_old_horizon},
            ),
            ("horizon-kept-when-taken-back", "taken back", "destination", {"take_back": take_back_with_old_horizon}),
        )
    ),
)
