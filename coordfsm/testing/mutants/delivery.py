"""Broken deliveries: a message handed over twice, by the wrong process, or told to be lost when it was not."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Effect, Map, Persist
from coordfsm.protocols.delivery import inbox_rules, request_rules, session
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import without_rules

QUIET = {"duplicate": 0}
STILL = {"moves": 0, "epochs": 1, "duplicate": 0}
CRASH = STILL | {"crash": 1, "resends": 1}


def always(_data: Any, _given: Any, _context: Any) -> bool:
    """The question is not asked."""
    return True


def begin_unrecorded(data: Any, given: Any) -> Any:
    """The number of starts is not kept."""
    after, effects = session.begin(data, given)
    kept: tuple[Effect, ...] = tuple(effect for effect in effects if not isinstance(effect, Persist))
    return after, kept


def deliver_unnoted(data: Any, given: Any, context: Any) -> Any:
    """It is handed over, and nobody remembers that it was."""
    after, effects = inbox_rules.deliver(data, given, context)
    return replace(after, newest=0, kept=Map()), effects


def is_new_to_this_number(data: Any, given: Any, _context: Any) -> bool:
    """What fell out of the memory passes for new."""
    request = inbox_rules.request_in(given).id
    return request.session >= data.session and request.number not in data.kept


def is_of_the_epoch(data: Any, given: Any, context: Any) -> bool:
    """Whoever has the entity, in whatever epoch, hands the message over."""
    entity = context.migration.entities.get(inbox_rules.request_in(given).entity)
    return entity is not None and entity.state == "owned"


def is_in_epoch_only(data: Any, given: Any, context: Any) -> bool:
    """Whoever had the entity in that epoch hands the message over, in service or not."""
    request = inbox_rules.request_in(given)
    entity = context.migration.entities.get(request.entity)
    return entity is not None and entity.epoch == request.route.epoch


def is_not_in_service(data: Any, given: Any, context: Any) -> bool:
    """An epoch that has not come yet, or that goes on after a freeze, passes for ended."""
    return not inbox_rules.is_in_service(data, given, context)


def end_as_undelivered(data: Any, given: Any, context: Any) -> Any:
    """What nobody knows is told as not handed over."""
    return request_rules.end_undelivered(data, given, context)


def forget_on_any_view(_data: Any, _given: Any, _context: Any) -> bool:
    """With each view, all that was handed over is forgotten."""
    return True


def _mutant(
    name: str, machine: str, property_id: str, flaw: str, parameters: dict[str, int], **functions: Any
) -> Mutant:
    return Mutant(
        name=name,
        machine=machine,
        property=property_id,
        flaw=flaw,
        source="own",
        model="delivery",
        parameters=parameters,
        functions=functions,
    )


MUTANTS = (
    _mutant(
        "session-not-durable",
        "Session",
        "D5",
        "A restarted owner takes itself for the run before.",
        CRASH,
        begin=begin_unrecorded,
    ),
    _mutant(
        "delivery-not-noted",
        "Inbox",
        "D5",
        "A repeated request is handed over again.",
        STILL | {"duplicate": 1},
        deliver=deliver_unnoted,
    ),
    _mutant(
        "old-request-is-new",
        "Inbox",
        "D5",
        "A request that fell out of the owner's memory is handed over again.",
        STILL | {"duplicate": 1, "sends": 2, "kept": 1, "resends": 0},
        is_new=is_new_to_this_number,
    ),
    _mutant(
        "session-not-compared",
        "Inbox",
        "D5",
        "A request to an earlier run of the owner is handed over by the next.",
        CRASH,
        is_bound_here=always,
    ),
    _mutant(
        "epoch-not-compared",
        "Inbox",
        "D5",
        "A message meant for one epoch is handed over in another.",
        {"moves": 2, "duplicate": 0, "resends": 0},
        is_in_service=is_of_the_epoch,
    ),
    _mutant(
        "former-owner-delivers",
        "Inbox",
        "D5",
        "Who gave the entity up hands its messages over still.",
        QUIET,
        is_in_service=is_in_epoch_only,
    ),
    _mutant(
        "frozen-is-gone",
        "Inbox",
        "D5-undelivered",
        "A frozen entity passes for gone, and is in service again.",
        {"duplicate": 1, "resends": 0},
        has_moved_on=is_not_in_service,
    ),
    _mutant(
        "forgotten-passes-for-refused",
        "Request",
        "D5-undelivered",
        "That nobody knows is told as certain.",
        CRASH,
        end_unconfirmed=end_as_undelivered,
    ),
    _mutant(
        "late-passes-for-undelivered",
        "Request",
        "D5-undelivered",
        "At the deadline, what may have arrived is told as not handed over.",
        STILL,
        is_unbound=always,
    ),
    _mutant(
        "views-forget",
        "Inbox",
        "D5",
        "A new view makes the owner forget what it has handed over.",
        STILL | {"duplicate": 1, "views": 2, "processes": 3, "senders": 2, "resends": 0},
        is_sender_gone=forget_on_any_view,
    ),
    _mutant(
        "former-member-is-heard",
        "Inbox",
        "D5",
        "What comes from a former member is handed over after it was forgotten.",
        STILL | {"duplicate": 1, "views": 2, "resends": 0},
        is_of_a_member=always,
    ),
    Mutant(
        name="caller-waits-for-ever",
        machine="Request",
        property="DL1-send",
        flaw="A request that nobody answers has no end.",
        source="own",
        model="delivery",
        parameters=STILL | {"resends": 0},
        edit=lambda table: without_rules(table, "sending", "timeout_request_deadline"),
    ),
)
