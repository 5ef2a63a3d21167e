"""Guards and actions of the sender: it looks for the owner and repeats itself, and says only what it knows."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Command, Effect, Notify, Raise, Received, Send, SetTimer, Timer, TimerFired
from coordfsm.protocols.delivery.data import RequestData, Surroundings
from coordfsm.protocols.delivery.messages import (
    NOWHERE,
    DeliveryOutcome,
    EntityLocated,
    EntityRequest,
    LocateEntity,
    RequestAnswered,
    RequestEnded,
    RequestId,
    RequestRefused,
    Route,
    SendToEntity,
)
from coordfsm.protocols.identifier import EXPECTED, is_identifier
from coordfsm.protocols.view import member_of

Result = tuple[RequestData, tuple[Effect, ...]]


def _message(given: Received) -> Any:
    return given.message


def _is_member(context: Surroundings, node: str) -> bool:
    view = context.migration.service.view
    return view is not None and member_of(view, node) is not None


# -- guards --------------------------------------------------------------------------------------------------------


def may_send(data: RequestData, given: SendToEntity, context: Surroundings) -> bool:
    """This process is a member, the request is well formed, and not too many are under way."""
    return not _why_not(given, context)


def _why_not(given: SendToEntity, context: Surroundings) -> str:
    settings, size = context.session.settings, len(given.payload)
    if not is_identifier(given.entity):
        return f"not an id, expected {EXPECTED}"
    if size > settings.maximum_message_bytes:
        return f"message of {size} bytes, expected at most {settings.maximum_message_bytes}"
    if not _is_member(context, context.session.node):
        return "this process is in no view"
    if len(context.requests) >= settings.pending_limit:
        return f"busy: {settings.pending_limit} requests are under way"
    return ""


def hint_leads_to_a_member(data: RequestData, given: SendToEntity, context: Surroundings) -> bool:
    """The caller knows where the entity was, and that process is a member."""
    return _is_member(context, given.hint.owner)


def leads_to_a_member(data: RequestData, given: EntityLocated, context: Surroundings) -> bool:
    """The entity has an owner that can be written to."""
    return _is_member(context, given.route.owner)


def is_of_this_run(data: RequestData, given: Received, context: Surroundings) -> bool:
    """The message answers this very request, not one of an earlier run with the same number."""
    return bool(_message(given).id == data.id)


def is_of_open_binding(data: RequestData, given: Received, context: Surroundings) -> bool:
    """It is about the place that is being tried, not about one before it."""
    message = _message(given)
    return bool(message.id == data.id and message.bound == data.route)


def names_another_place(data: RequestData, given: Received, context: Surroundings) -> bool:
    """The refusal says where the entity is, and that process is a member."""
    refused = _message(given)
    assert isinstance(refused, RequestRefused)
    return _is_member(context, refused.route.owner) and refused.route != data.route


def may_hop(data: RequestData, given: Received, context: Surroundings) -> bool:
    """Not too many places were tried."""
    return data.hops < context.session.settings.hops_limit


def is_unbound(data: RequestData, given: Command | TimerFired, context: Surroundings) -> bool:
    """The open binding names no session: under it, the message is never handed over."""
    return data.route.session == 0


def is_owner_gone(data: RequestData, given: Command, context: Surroundings) -> bool:
    """The process that is written to is no member any more."""
    return not _is_member(context, data.route.owner)


# -- actions -------------------------------------------------------------------------------------------------------


def begin(data: RequestData, given: SendToEntity, context: Surroundings) -> Result:
    """Try where the caller thinks the entity is."""
    return _tried(_begun(data, given, context), given.hint, context, _deadline(data, context))


def begin_unlocated(data: RequestData, given: SendToEntity, context: Surroundings) -> Result:
    """Ask where the entity is."""
    return _asked(_begun(data, given, context), context, _deadline(data, context))


def _begun(data: RequestData, given: SendToEntity, context: Surroundings) -> RequestData:
    return replace(data, id=_id(given, context), entity=given.entity, payload=given.payload)


def _id(given: SendToEntity, context: Surroundings) -> RequestId:
    view = context.migration.service.view
    member = None if view is None else member_of(view, context.session.node)
    incarnation = 0 if member is None else member.incarnation
    return RequestId(context.session.node, incarnation, context.session.number, given.number)


def refuse(data: RequestData, given: SendToEntity, context: Surroundings) -> Result:
    """Say at once why it is not sent."""
    ended = RequestEnded(_id(given, context), given.entity, DeliveryOutcome.REJECTED, reason=_why_not(given, context))
    return data, (Notify(ended),)


def bind(data: RequestData, given: EntityLocated, context: Surroundings) -> Result:
    """Try where the entity is said to be."""
    return _tried(data, given.route, context)


def bind_next(data: RequestData, given: Received, context: Surroundings) -> Result:
    """The place that was tried will never hand it over, and names another: try that."""
    return _tried(data, _message(given).route, context)


def locate(data: RequestData, given: Received | TimerFired | Command, context: Surroundings) -> Result:
    """Ask where the entity is."""
    return _asked(replace(data, route=NOWHERE), context)


def send_again(data: RequestData, given: TimerFired, context: Surroundings) -> Result:
    """No answer yet: it may be lost, or wait for a migration to end."""
    return data, (*_sent(data, context), _resend(data, context))


def end_answered(data: RequestData, given: Received, context: Surroundings) -> Result:
    """The application answered."""
    message = _message(given)
    assert isinstance(message, RequestAnswered)
    return _ended(data, DeliveryOutcome.ANSWERED, route=message.route, answer=message.answer)


def end_not_found(data: RequestData, given: EntityLocated, context: Surroundings) -> Result:
    """Nobody has the entity in service, or its owner is no member."""
    reason = given.reason or f"its owner {given.route.owner} is no member of the view"
    return _ended(data, DeliveryOutcome.NOT_FOUND, reason=reason)


def end_undelivered(data: RequestData, given: Received | TimerFired, context: Surroundings) -> Result:
    """Every place that was tried has refused it for good, or never knew for which session it was."""
    return _ended(data, DeliveryOutcome.UNDELIVERED)


def end_unconfirmed(data: RequestData, given: Received | TimerFired | Command, context: Surroundings) -> Result:
    """Nobody can say any more whether it was handed over."""
    return _ended(data, DeliveryOutcome.UNCONFIRMED)


# -- what they share -----------------------------------------------------------------------------------------------


def _tried(data: RequestData, route: Route, context: Surroundings, *first: Effect) -> Result:
    after = replace(data, state="sending", route=route, hops=data.hops + 1)
    return after, (*first, *_sent(after, context), _resend(after, context))


def _asked(data: RequestData, context: Surroundings, *first: Effect) -> Result:
    after = replace(data, state="locating")
    return after, (*first, Raise(LocateEntity(data.id.number, data.entity)), _resend(after, context))


def _sent(data: RequestData, context: Surroundings) -> tuple[Effect, ...]:
    view = context.migration.service.view
    owner = None if view is None else member_of(view, data.route.owner)
    if owner is None:  # between two views: the one that installs the next decides what becomes of the request
        return ()
    return (Send(owner.endpoint, EntityRequest(data.id, data.entity, data.route, data.payload)),)


def _resend(data: RequestData, context: Surroundings) -> Effect:
    return SetTimer(Timer("request", data.key), context.session.settings.resend_ms)


def _deadline(data: RequestData, context: Surroundings) -> Effect:
    return SetTimer(Timer("request_deadline", data.key), context.session.settings.deadline_ms)


def _ended(
    data: RequestData, outcome: DeliveryOutcome, *, route: Route | None = None, answer: bytes = b"", reason: str = ""
) -> Result:
    ended = RequestEnded(data.id, data.entity, outcome, data.route if route is None else route, answer, reason)
    timers = (CancelTimer(Timer("request", data.key)), CancelTimer(Timer("request_deadline", data.key)))
    return RequestData(data.key), (*timers, Notify(ended))
