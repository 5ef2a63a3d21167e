"""Broken answers of migration: what is let through, refused for what is not so, counted, waited for or told wrongly."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Notify, Persist, Raise, TransitionTable
from coordfsm.protocols.migration import destination_rules, operator_rules, rules, source_rules, tokens
from coordfsm.protocols.migration.messages import EntityLeft, EntityRefused, EntityThawed, InDoubtEnded
from coordfsm.protocols.view import Member
from coordfsm.testing.mutants.migration_guards import always
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

# -- guards ---------------------------------------------------------------------------------------------------------


def has_no_room(data: Any, given: Any, context: Any) -> bool:
    """The other way round."""
    return not destination_rules.has_room(data, given, context)


def has_room_for_one_more(_data: Any, _given: Any, context: Any) -> bool:
    """The last place is given twice."""
    return bool(context.service.resident <= context.settings.capacity)


def is_in_a_view(_data: Any, _given: Any, context: Any) -> bool:
    """In whatever view."""
    return context.service.view is not None and context.service.state != "wedged"


def is_in_same_view_wedged_or_not(_data: Any, given: Any, context: Any) -> bool:
    """Whether or not a majority is within reach."""
    view = context.service.view
    return view is not None and view.id == destination_rules.prepare_in(given).view_id


def is_never_used_anywhere(data: Any, given: Any, context: Any) -> bool:
    """A token that any entity was moved by counts."""
    used = any(tokens.is_used(held, given.token) for held in context.entities.values() if given.token)
    return source_rules.is_movable(data, given, context) and not used


def is_level_with_fence(data: Any, given: Any, _context: Any) -> bool:
    """Off by one: whoever knows the fenced epoch's predecessor counts as behind."""
    return bool(data.epoch <= operator_rules.fence_in(given).epoch - 1)


def is_no_newer_than_fence(data: Any, given: Any, _context: Any) -> bool:
    """Off by one: the fenced epoch itself counts as older."""
    return bool(data.epoch <= operator_rules.fence_in(given).epoch)


def is_offered_with_fence(data: Any, given: Any, _context: Any) -> bool:
    """Off by one: an offer of the fenced epoch counts as older."""
    return bool(data.offered <= operator_rules.fence_in(given).epoch)


def may_resolve_in_any_view(data: Any, _given: Any, context: Any) -> bool:
    """The word is taken although the view may be about to change."""
    view = context.service.view
    return view is not None and all(member.node != data.peer for member in view.members)


def joins_without_bound(data: Any, given: Any, _context: Any) -> bool:
    """However many wait already."""
    return bool(given.token) and (given.token, given.destination) == (data.token, data.peer)


# -- actions --------------------------------------------------------------------------------------------------------


def ask_to_stop_for_anybody(data: Any, given: Any, context: Any) -> Any:
    """Whoever is named is taken to be reached under its name."""
    view = context.service.view
    wider = replace(view, members=(*view.members, Member(given.destination, 1, given.destination)))
    return source_rules.ask_to_stop(data, given, replace(context, service=replace(context.service, view=wider)))


def refuse_for_size(data: Any, given: Any, context: Any) -> Any:
    """A payload that fits is called too large, and one that does not is not."""
    limit, payload = context.settings.maximum_payload_bytes, getattr(given, "payload", b"")
    if len(payload) > limit:
        return data, (Notify(EntityRefused(data.entity, type(given).__name__, "the entity is not here")),)
    reason = f"payload of {len(payload)} bytes, expected at most {limit}"
    return data, (Notify(EntityRefused(data.entity, type(given).__name__, reason)),)


def end_yielding_uncounted(data: Any, given: Any, context: Any) -> Any:
    """The next request to stop has the number of this one."""
    after, effects = operator_rules.end_yielding(data, given, context)
    return replace(after, called_off=data.called_off), effects


def without(action: Any, is_dropped: Callable[[Any], bool]) -> Any:
    """The same action without some of its effects."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        after, effects = _called(action, data, given, context)
        return after, tuple(effect for effect in effects if not is_dropped(effect))

    return variant


def told_first(action: Any) -> Any:
    """The same action, whose record is written last."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        after, effects = _called(action, data, given, context)
        return after, tuple(sorted(effects, key=lambda effect: isinstance(effect, Persist)))

    return variant


def _called(action: Any, data: Any, given: Any, context: Any) -> Any:
    return action(data, given, context) if action.__code__.co_argcount == 3 else action(data, given)


def is_told(*kinds: type) -> Callable[[Any], bool]:
    """Effects that tell of these."""
    return lambda effect: isinstance(effect, Notify) and isinstance(effect.event, kinds)


def is_kind(kind: type) -> Callable[[Any], bool]:
    """Effects of this kind."""
    return lambda effect: isinstance(effect, kind)


def acknowledge_while_served(table: TransitionTable) -> TransitionTable:
    """Who is asked to stop anyway acknowledges every fence."""
    return with_rule(table, "freezing", "recv_migration_fence", "freezing", on=operator_rules.acknowledge_fence)


def _mutant(name: str, breaks: str, flaw: str, machine: str = "Migration", **how: Any) -> Mutant:
    functions = {key: value for key, value in how.items() if key != "edit"}
    return Mutant(name, machine, breaks, flaw, "own", "migration-answers", functions=functions, edit=how.get("edit"))


_GUARDS = (
    _mutant("room-not-asked", "XA-right", "An entity is taken in where there is no room.", has_room=always),
    _mutant("room-inverted", "XA-right", "An entity is taken in only where there is no room.", has_room=has_no_room),
    _mutant("room-for-one-more", "XA-right", "The last place is given twice.", has_room=has_room_for_one_more),
    _mutant(
        "destination-not-looked-up",
        "XA-right",
        "A migration to a process that is in no view is begun.",
        knows_destination=always,
        ask_to_stop=ask_to_stop_for_anybody,
    ),
    _mutant("offer-of-any-view", "XA-right", "An offer of another view is taken.", is_in_same_view=is_in_a_view),
    _mutant(
        "offer-taken-when-wedged",
        "XA-right",
        "An offer is taken without a majority.",
        is_in_same_view=is_in_same_view_wedged_or_not,
    ),
    _mutant("any-fence-ended", "XA-right", "The answer to another fence ends this one.", answers_fence=always),
    _mutant("behind-by-none", "XA-right", "Who knows enough heeds a fence.", is_behind_fence=is_level_with_fence),
    _mutant(
        "fenced-by-its-own-epoch",
        "XA-right",
        "A fence stops its own epoch.",
        is_older_than_fence=is_no_newer_than_fence,
    ),
    _mutant(
        "snapshot-fenced-by-its-epoch",
        "XA-right",
        "A snapshot of the fenced epoch is dropped: it is the next move.",
        is_offered_before_fence=is_offered_with_fence,
    ),
    _mutant(
        "news-of-any-view",
        "XA-view",
        "News of an earlier view settles or unsettles this one.",
        "Service",
        is_of_current_view=always,
    ),
    _mutant(
        "token-of-another-entity",
        "XA-right",
        "A token that another entity was moved by stops a migration.",
        is_movable=is_never_used_anywhere,
    ),
    _mutant(
        "word-taken-in-doubt",
        "XA-right",
        "An operator's word is taken in a view that does not last yet.",
        may_resolve=may_resolve_in_any_view,
    ),
    _mutant(
        "requests-without-bound", "XA-right", "Any number of requests may wait.", joins_running=joins_without_bound
    ),
    _mutant(
        "fence-acknowledged-while-freezing",
        "XA-right",
        "A fence is acknowledged while the application may serve the older copy.",
        edit=acknowledge_while_served,
    ),
)

_ACTIONS = (
    _mutant("refused-for-another-reason", "XA-right", "What is told is not why.", refuse_command=refuse_for_size),
    _mutant(
        "entity-refused-in-silence",
        "XA-right",
        "A command that cannot be carried out is dropped.",
        refuse_command=without(rules.refuse_command, is_told(EntityRefused)),
    ),
    _mutant(
        "word-refused-in-silence",
        "XA-right",
        "An operator's word that cannot be taken is dropped.",
        refuse_resolution=without(operator_rules.refuse_resolution, is_told(EntityRefused)),
    ),
    _mutant(
        "arrival-not-counted", "XA-room", "A new entity takes no place.", create=without(rules.create, is_kind(Raise))
    ),
    _mutant(
        "departure-not-counted",
        "XA-room",
        "An entity that has left keeps its place.",
        commit=without(source_rules.commit, is_kind(Raise)),
    ),
    _mutant(
        "abort-told-first",
        "XA-durable",
        "The end of a migration is told before it is durable.",
        abort_late=told_first(source_rules.abort_late),
    ),
    _mutant(
        "freeze-timer-left",
        "XA-timers",
        "The application has stopped, and the wait for it goes on.",
        freeze=without(source_rules.freeze, is_kind(CancelTimer)),
    ),
    _mutant(
        "doubt-never-ends",
        "XA-told",
        "A snapshot is forgotten, and the application hears that it is in doubt still.",
        forget=without(destination_rules.forget, is_told(InDoubtEnded)),
    ),
    _mutant(
        "departure-not-told",
        "XA-told",
        "An entity is given up, and the application that stopped for it does not hear so.",
        commit=without(source_rules.commit, is_told(EntityLeft)),
    ),
    _mutant(
        "stop-number-reused-after-fence",
        "XA-told",
        "A late confirmation of a stop for a fence counts for the next migration.",
        end_yielding=end_yielding_uncounted,
    ),
    _mutant(
        "service-not-resumed",
        "XA-told",
        "A process that restarts does not tell its application what to serve.",
        restore_service=without(rules.restore_service, is_told(EntityThawed)),
    ),
)

MUTANTS = (*_GUARDS, *_ACTIONS)
