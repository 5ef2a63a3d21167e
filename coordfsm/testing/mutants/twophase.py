"""Broken variants of two-phase commit: the oracle's own property is put to the test, too."""

from typing import Any

from coordfsm.check.models.twophase import Abort, ManagerData, ParticipantData, send_prepared
from coordfsm.kernel import Effect, Send, TransitionTable
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def anyone_prepared(data: ManagerData, given: Any) -> bool:
    """One is enough."""
    return bool(data.prepared)


def abort_one(data: ManagerData, given: Any) -> tuple[ManagerData, tuple[Effect, ...]]:
    """Tell the first participant alone, and forget it."""
    return data, (Send(data.participants[0], Abort()),)


def prepare_again(table: TransitionTable) -> TransitionTable:
    """Aborted, and yet ready to prepare."""
    return with_rule(table, "aborted", "local_prepare", "aborted", on=send_prepared)


def prepared_without_preparing(data: ParticipantData, given: Any) -> tuple[ParticipantData, tuple[Effect, ...]]:
    """Promise, whatever comes after."""
    return send_prepared(data, given)


def prepare_then_work(table: TransitionTable) -> TransitionTable:
    """The promise is sent, but the participant may still abort by itself."""
    return with_rule(table, "working", "local_prepare", "working", on=prepared_without_preparing)


def abort_while_undecided(table: TransitionTable) -> TransitionTable:
    """One participant is told to abort, and the decision stays open."""
    return with_rule(table, "init", "local_decide_abort", "init", on=abort_one)


MUTANTS = (
    Mutant(
        name="commit-before-all-prepared",
        machine="TransactionManager",
        property="TC",
        flaw="The transaction manager commits once one participant is prepared.",
        source="own",
        model="twophase",
        parameters={"rms": 2},
        functions={"all_prepared": anyone_prepared},
    ),
    Mutant(
        name="abort-leaves-decision-open",
        machine="TransactionManager",
        property="TC",
        flaw="After telling one participant to abort, the transaction manager may still commit.",
        source="own",
        model="twophase",
        parameters={"rms": 2},
        edit=abort_while_undecided,
    ),
    Mutant(
        name="aborted-participant-prepares",
        machine="ResourceManager",
        property="TC",
        flaw="A participant that aborted by itself still reports that it is prepared.",
        source="own",
        model="twophase",
        parameters={"rms": 2},
        edit=prepare_again,
    ),
    Mutant(
        name="prepared-not-binding",
        machine="ResourceManager",
        property="TC",
        flaw="A participant reports that it is prepared and goes on working, so that it may abort by itself.",
        source="own",
        model="twophase",
        parameters={"rms": 2},
        edit=prepare_then_work,
    ),
)
