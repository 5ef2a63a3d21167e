"""Broken stops after a fence: it counts as heeded while an application serves the older copy, or for ever as not."""

from typing import Any

from coordfsm.kernel import Notify, TransitionTable
from coordfsm.protocols.migration import operator_rules
from coordfsm.protocols.migration.messages import EntityLeft
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def _yield_unasked(data: Any, given: Any, context: Any) -> Any:
    """The application is told, and nobody waits for it."""
    asked, told = operator_rules.yield_to_fence(data, given, context)
    after, effects = operator_rules.end_yielding(asked, given, context)
    return after, (*told, *effects)


def acknowledge_at_once(table: TransitionTable) -> TransitionTable:
    """The fence is acknowledged as soon as the copy is given up."""
    older = (operator_rules.is_older_than_fence,)
    return with_rule(table, "owned", "recv_migration_fence", "departed", cond=older, on=_yield_unasked)


def acknowledge_again(table: TransitionTable) -> TransitionTable:
    """The second time, the fence is acknowledged whether or not the application has confirmed."""
    return with_rule(table, "yielding", "recv_migration_fence", "yielding", on=operator_rules.acknowledge_fence)


def acknowledge_late(table: TransitionTable) -> TransitionTable:
    """An application that does not answer in time has surely stopped."""
    return with_rule(table, "yielding", "timeout_freeze", "departed", on=operator_rules.end_yielding)


def confirm_in_vain(table: TransitionTable) -> TransitionTable:
    """The confirmation changes nothing."""
    return with_rule(table, "yielding", "local_confirm_stopped", "yielding")


def yield_silently(data: Any, given: Any, context: Any) -> Any:
    """The application is not told."""
    after, effects = operator_rules.yield_to_fence(data, given, context)
    return after, tuple(e for e in effects if not (isinstance(e, Notify) and isinstance(e.event, EntityLeft)))


def _mutant(name: str, breaks: str, flaw: str, **how: Any) -> Mutant:
    parameters = how.pop("parameters", {"lost": "source"})
    return Mutant(name, "Migration", breaks, flaw, "own", "migration-fence", parameters, **how)


LIVE = {"lost": "source", "loss": None, "resends": None}

MUTANTS = (
    _mutant(
        "fence-acknowledged-unconfirmed",
        "X-served-fence",
        "A fence is acknowledged before the application has confirmed that it serves the older copy no longer.",
        edit=acknowledge_at_once,
    ),
    _mutant(
        "fence-acknowledged-on-repetition",
        "X-served-fence",
        "A fence that is repeated is acknowledged although the application has not confirmed yet.",
        edit=acknowledge_again,
    ),
    _mutant(
        "fence-silence-is-stopped",
        "X-served-fence",
        "An application that does not confirm in time counts as stopped, and the fence as heeded.",
        edit=acknowledge_late,
    ),
    _mutant(
        "fence-untold",
        "X-served-rest",
        "The application is not told that its copy was fenced off.",
        functions={"yield_to_fence": yield_silently},
        parameters=LIVE,
    ),
    _mutant(
        "fence-confirmed-in-vain",
        "X-served-rest",
        "The application confirms that it has stopped, and the fence is never acknowledged.",
        edit=confirm_in_vain,
        parameters=LIVE,
    ),
)
