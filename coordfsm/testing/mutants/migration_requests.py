"""Broken answers to requests to migrate: to nobody, to the wrong asker, twice, or refused without need."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Notify
from coordfsm.protocols.migration import rules, source_rules
from coordfsm.protocols.migration.messages import MigrationEnded
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import without_rules

TWO = {"requests": 2, "tokens": 2, "crash": 0, "unsettles": 1}


def never(_data: Any, _given: Any, _context: Any) -> bool:
    """The case is not thought of."""
    return False


def join_unnoted(data: Any, given: Any, _context: Any) -> Any:
    """It waits, and nobody remembers that it does."""
    return data, ()


def finish_silently(data: Any, given: Any, context: Any) -> Any:
    """The end of a committed migration is not told."""
    after, effects = source_rules.finish(data, given, context)
    return after, tuple(effect for effect in effects if not isinstance(effect, Notify))


def keep_requests(data: Any, given: Any, context: Any) -> Any:
    """Those that were answered still count as waiting."""
    after, effects = source_rules.abort_late(data, given, context)
    return replace(after, requests=data.requests), effects


def ask_with_kept(data: Any, given: Any, context: Any) -> Any:
    """Those that were answered still wait, with the request that begins the next attempt."""
    after, effects = source_rules.ask_to_stop(data, given, context)
    return replace(after, requests=(*data.requests, *after.requests)), effects


def tell_abort_as_commit(data: Any, given: Any, context: Any) -> Any:
    """An aborted migration is told as committed."""
    after, effects = source_rules.abort_late(data, given, context)
    told = (
        Notify(replace(effect.event, outcome=MigrationOutcome.COMMITTED))
        if isinstance(effect, Notify) and isinstance(effect.event, MigrationEnded)
        else effect
        for effect in effects
    )
    return after, tuple(told)


def ask_without_request(data: Any, given: Any, context: Any) -> Any:
    """The request that began the migration is not remembered."""
    return source_rules.ask_to_stop(data, replace(given, request=0), context)


def refuse_everybody(data: Any, given: Any, context: Any) -> Any:
    """A refusal answers those that wait for the open attempt, too."""
    after, effects = rules.refuse_request(data, given, context)
    told = tuple(
        Notify(replace(effect.event, requests=(*effect.event.requests, *data.requests)))
        if isinstance(effect, Notify) and isinstance(effect.event, MigrationEnded)
        else effect
        for effect in effects
    )
    return after, told


def _answer(
    name: str, property_id: str, flaw: str, parameters: dict[str, int] | None = None, **functions: Any
) -> Mutant:
    return Mutant(
        name=name,
        machine="Migration",
        property=property_id,
        flaw=flaw,
        source="own",
        model="migration-requests",
        parameters=TWO if parameters is None else parameters,
        functions=functions,
    )


MUTANTS = (
    _answer(
        "same-token-refused",
        "X-shared",
        "A second request with the token of the running one is told that a migration is under way.",
        joins_running=never,
    ),
    _answer(
        "joined-request-forgotten", "X-answered", "A request joins, and is never answered.", join_running=join_unnoted
    ),
    _answer("commit-not-told", "X-answered", "Nobody is told that its migration committed.", finish=finish_silently),
    _answer(
        "first-request-forgotten",
        "X-answered",
        "The request that began a migration is never answered.",
        ask_to_stop=ask_without_request,
    ),
    _answer(
        "answered-requests-kept",
        "X-answered-once",
        "Requests that were told of an abort are told of the next end as well.",
        {"requests": 3, "tokens": 3, "crash": 0, "unsettles": 0},
        abort_late=keep_requests,
        ask_to_stop=ask_with_kept,
    ),
    _answer(
        "abort-told-as-commit",
        "X-answered-true",
        "Who asked is told that the entity moved, and it did not.",
        abort_late=tell_abort_as_commit,
    ),
    Mutant(
        name="request-dropped",
        machine="Migration",
        property="X-answered",
        flaw="A request that comes while the entity moves is dropped in silence.",
        source="own",
        model="migration-requests",
        parameters=TWO,
        edit=lambda table: without_rules(table, "frozen", "local_migrate"),
    ),
    _answer(
        "refusal-answers-everybody",
        "X-answered-once",
        "A refusal is given to all that wait, who are answered again when the migration ends.",
        {"requests": 2, "tokens": 0, "crash": 0, "unsettles": 0},
        refuse_request=refuse_everybody,
    ),
)
