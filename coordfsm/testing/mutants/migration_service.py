"""Broken freezes: an entity moves while its application serves it, or an application waits for ever."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Notify, TransitionTable
from coordfsm.protocols.migration import source_rules
from coordfsm.protocols.migration.messages import EntityThawed
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

TWICE = {"requests": 2, "freezes": 1}


def freeze_unasked(data: Any, given: Any, context: Any) -> Any:
    """The application is told, and nobody waits for it."""
    asked, told = source_rules.ask_to_stop(data, given, context)
    after, effects = source_rules.freeze(asked, given, context)
    return after, (*told, *effects)


def move_at_once(table: TransitionTable) -> TransitionTable:
    """PREPARE leaves before the confirmation."""
    return with_rule(table, "owned", "local_migrate", "frozen", on=freeze_unasked)


def move_late(table: TransitionTable) -> TransitionTable:
    """An application that does not answer in time has surely stopped."""
    return with_rule(table, "freezing", "timeout_freeze", "frozen", on=source_rules.freeze)


def stays(event: str) -> Callable[[TransitionTable], TransitionTable]:
    """A freeze goes on, whatever happens."""

    def edit(table: TransitionTable) -> TransitionTable:
        return with_rule(table, "freezing", event, "freezing")

    return edit


def always(_data: Any, _given: Any, _context: Any) -> bool:
    """Any confirmation will do."""
    return True


def call_off_uncounted(data: Any, given: Any, context: Any) -> Any:
    """The next freeze has the number of this one."""
    after, effects = source_rules.call_off_late(data, given, context)
    return replace(after, called_off=data.called_off), effects


def call_off_silently(data: Any, given: Any, context: Any) -> Any:
    """The application is not told that the entity is in service again."""
    after, effects = source_rules.call_off_late(data, given, context)
    return after, tuple(e for e in effects if not (isinstance(e, Notify) and isinstance(e.event, EntityThawed)))


def _mutant(name: str, breaks: str, flaw: str, parameters: Mapping[str, object], **how: Any) -> Mutant:
    return Mutant(name, "Migration", breaks, flaw, "own", "migration-service", parameters, **how)


MUTANTS = (
    _mutant(
        "moves-unconfirmed",
        "X-served",
        "PREPARE leaves before the application has confirmed that it stopped.",
        {"requests": 1},
        edit=move_at_once,
    ),
    _mutant(
        "silence-is-stopped",
        "X-served",
        "An application that does not confirm in time counts as stopped.",
        {"requests": 1},
        edit=move_late,
    ),
    _mutant(
        "older-confirmation-counts",
        "X-served",
        "The confirmation of a freeze that was called off counts for the next one.",
        TWICE,
        functions={"is_of_this_freeze": always},
    ),
    _mutant(
        "freeze-number-reused",
        "X-served",
        "A freeze has the number of one that was called off.",
        TWICE,
        functions={"call_off_late": call_off_uncounted},
    ),
    _mutant(
        "freeze-never-late",
        "X-served-rest",
        "An application that never confirms keeps its entity frozen for ever.",
        {"requests": 1, "confirmations": 0},
        edit=stays("timeout_freeze"),
    ),
    _mutant(
        "called-off-untold",
        "X-served-rest",
        "A freeze is called off, and the application is not told to serve again.",
        {"requests": 1},
        functions={"call_off_late": call_off_silently},
    ),
    _mutant(
        "freeze-outlives-majority",
        "X6",
        "A freeze goes on without a majority, and the migration commits.",
        {"requests": 1, "wedges": 1},
        edit=stays("local_wedged"),
    ),
    _mutant(
        "freeze-outlives-view",
        "X6",
        "A freeze goes on in the next view with what the one before knew.",
        {"requests": 1, "views": 2},
        edit=stays("local_view_installed"),
    ),
)
