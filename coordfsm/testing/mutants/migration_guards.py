"""Broken migrations, systematically: each guard passed over, each recovery forgotten, each record not written."""

import inspect
from collections.abc import Mapping
from typing import Any

from coordfsm.kernel import Persist, TransitionTable
from coordfsm.protocols.migration import destination_rules, operator_rules, rules, source_rules
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

ASKED = {"crash": 0, "wedges": 0, "unsettles": 0}
MOVED = {"requests": 2, "crash": 0, "live": False}


def always(_data: Any, _given: Any, _context: Any) -> bool:
    """True."""
    return True


def never(_data: Any, _given: Any, _context: Any) -> bool:
    """False."""
    return False


def was_owned_from_the_start(data: Any, given: Any, _context: Any) -> bool:
    """An entity that has arrived is not restored; one that was always here is."""
    return rules.was_owned(data, given) and rules.restored(data, given).epoch == 1


def go_on_when_wedged(table: TransitionTable) -> TransitionTable:
    """A migration that has begun goes on without a majority."""
    return with_rule(table, "frozen", "local_wedged", "frozen")


def go_on_when_shunned(table: TransitionTable) -> TransitionTable:
    """A migration that has begun goes on outside of every view."""
    return with_rule(table, "frozen", "local_shunned", "frozen")


def unwritten(function: Any) -> Any:
    """The same action, which writes nothing."""
    takes_context = len(inspect.signature(function).parameters) == 3

    def forgetful(data: Any, given: Any, context: Any) -> Any:
        after, effects = function(data, given, context) if takes_context else function(data, given)
        return after, tuple(effect for effect in effects if not isinstance(effect, Persist))

    return forgetful


def _mutant(name: str, breaks: str, flaw: str, model: str, parameters: Mapping[str, object], **how: Any) -> Mutant:
    return Mutant(name, "Migration", breaks, flaw, "own", model, parameters, **how)


def _guard(name: str, breaks: str, flaw: str, model: str, parameters: Mapping[str, object], **guards: Any) -> Mutant:
    return _mutant(name, breaks, flaw, model, parameters, functions=guards)


def _unwritten(action: Any, model: str, parameters: Mapping[str, object]) -> Mutant:
    name = action.__name__
    return _mutant(
        f"unwritten-{name.replace('_', '-')}",
        "X-record",
        f"What `{name}` does is not made durable.",
        model,
        parameters,
        functions={name: unwritten(action)},
    )


GUARDS = (
    _mutant(
        "wedge-not-heeded",
        "X6",
        "A migration that has begun is committed without a majority.",
        "migration",
        {"requests": 1, "crash": 0, "wedges": 1, "live": False},
        edit=go_on_when_wedged,
    ),
    _mutant(
        "shun-not-heeded",
        "X6",
        "A source that is shunned goes on and commits.",
        "migration-application",
        {"requests": 2, "commands": 0, "wedges": 0, "unsettles": 0},
        edit=go_on_when_shunned,
    ),
    _guard(
        "begun-when-wedged",
        "X6",
        "A migration begins without a majority.",
        "migration",
        {"requests": 1, "crash": 0, "wedges": 1, "live": False},
        is_settled=always,
    ),
    _guard(
        "created-elsewhere",
        "X1",
        "An entity that has moved on is created again where it was.",
        "migration-application",
        {**ASKED, "requests": 2},
        is_creatable=rules.fits,
    ),
    _guard(
        "payload-too-large",
        "X-fits",
        "A payload is taken whatever its size.",
        "migration-application",
        ASKED,
        fits=always,
        is_creatable=always,
    ),
    _guard(
        "acknowledged-once-only",
        "XL1",
        "A decision that comes again is not acknowledged again.",
        "migration",
        {"requests": 1, "crash": 0},
        is_done=never,
    ),
    _guard(
        "removed-while-fencing",
        "XL1",
        "An entity is removed while its fence is open: nobody sends it any more.",
        "migration-resolution",
        {"lost": "source", "crash": 0},
        is_fencing=never,
    ),
    _guard(
        "word-always-commits",
        "X1-fence",
        "An operator's abort is taken for a commit.",
        "migration-resolution",
        {"lost": "destination", "crash": 0},
        says_commit=always,
    ),
    *(
        _guard(
            f"forgets-it-{guard.removeprefix('was_').replace('_', '-')}",
            "X-record",
            f"A process that restarts forgets that an entity was {guard.removeprefix('was_')}.",
            "migration",
            {"requests": 1, "crash": 1, "live": False},
            **{guard: instead},
        )
        for guard, instead in {
            "was_owned": was_owned_from_the_start,
            "was_frozen": never,
            "was_departing": never,
            "was_departed": never,
            "was_prepared": never,
        }.items()
    ),
)

RECORDS = (
    *(_unwritten(action, "migration-application", ASKED) for action in (rules.create, rules.update, rules.remove)),
    *(
        _unwritten(action, "migration", MOVED)
        for action in (
            source_rules.freeze,
            source_rules.abort_late,
            source_rules.abort_refused,
            source_rules.finish,
            destination_rules.forget,
        )
    ),
    _unwritten(source_rules.abort_recovered, "migration", {"requests": 1, "crash": 1, "live": False}),
    _unwritten(source_rules.abort_changed, "migration", {"requests": 1, "crash": 0, "views": 2, "live": False}),
    _unwritten(source_rules.abort_wedged, "migration", {"requests": 1, "crash": 0, "wedges": 1, "live": False}),
    _unwritten(operator_rules.resolve_into_service, "migration-resolution", {"lost": "source", "crash": 0}),
    _unwritten(operator_rules.end_fencing, "migration-resolution", {"lost": "source", "crash": 0}),
    _unwritten(operator_rules.yield_to_fence, "migration-resolution", {"lost": "source", "crash": 0}),
    _unwritten(operator_rules.end_for_fence, "migration-resolution", {"lost": "source", "crash": 0}),
    _unwritten(operator_rules.take_back, "migration-resolution", {"lost": "destination", "crash": 0}),
    _unwritten(operator_rules.drop_for_fence, "migration-resolution", {"lost": "destination", "crash": 0}),
    _unwritten(operator_rules.heed_fence, "migration-resolution", {"lost": "destination", "crash": 0}),
    _unwritten(operator_rules.give_up, "migration-resolution", {"lost": "destination", "word": "yield", "crash": 0}),
)

MUTANTS = (*GUARDS, *RECORDS)
