"""Guards and actions of the owner's side: a request is handed to the application once, or refused for good."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Effect, Notify, Received, Send
from coordfsm.protocols.delivery.data import InboxData, Kept, Surroundings
from coordfsm.protocols.delivery.messages import (
    NOWHERE,
    AnswerRefused,
    AnswerRequest,
    EntityRequest,
    RequestAnswered,
    RequestArrived,
    RequestForgotten,
    RequestId,
    RequestRefused,
    Route,
)
from coordfsm.protocols.migration import EntityData
from coordfsm.protocols.view import ViewInstalled, member_of

Result = tuple[InboxData, tuple[Effect, ...]]

MAY_SERVE_AGAIN = frozenset({"owned", "freezing", "frozen"})
"""The states of an entity whose epoch has not ended here."""


def origin_of(request: RequestId) -> str:
    """The sender of a request: node and incarnation."""
    return f"{request.node}.{request.incarnation}"


def request_in(given: Received) -> EntityRequest:
    """The request that arrived."""
    assert isinstance(given.message, EntityRequest)
    return given.message


def _entity(request: EntityRequest, context: Surroundings) -> EntityData:
    return context.migration.entities.get(request.entity, EntityData(request.entity))


# -- guards --------------------------------------------------------------------------------------------------------


def is_of_a_member(data: InboxData, given: Received, context: Surroundings) -> bool:
    """The sender is in the view, in this incarnation: what is known of former members goes with them."""
    view, sender = context.migration.service.view, request_in(given).id
    member = None if view is None else member_of(view, sender.node)
    return member is not None and member.incarnation == sender.incarnation


def is_answered(data: InboxData, given: Received, context: Surroundings) -> bool:
    """It was handed over, and the application has answered."""
    kept = _kept(data, request_in(given).id)
    return kept is not None and kept.answer is not None


def _kept(data: InboxData, request: RequestId) -> Kept | None:
    return data.kept.get(request.number) if request.session == data.session else None


def is_new(data: InboxData, given: Received, context: Surroundings) -> bool:
    """It cannot have been handed over in this session: it is of a later run of the sender, or of the last numbers."""
    request = request_in(given).id
    if request.session != data.session:
        return request.session > data.session
    return request.number not in data.kept and not _is_too_old(data, request, context)


def _is_too_old(data: InboxData, request: RequestId, context: Surroundings) -> bool:
    """So many came after it that it would be forgotten if it had been handed over."""
    of_this_run = request.session == data.session and request.number not in data.kept
    return of_this_run and request.number <= data.newest - context.session.settings.kept_requests


def is_bound_here(data: InboxData, given: Received, context: Surroundings) -> bool:
    """It is bound to this very run of this process."""
    route = request_in(given).route
    return route.owner == context.session.node and route.session == context.session.number


def is_unbound(data: InboxData, given: Received, context: Surroundings) -> bool:
    """It names no session: it is never handed over, and asks for one."""
    return request_in(given).route.session == 0


def is_in_service(data: InboxData, given: Received, context: Surroundings) -> bool:
    """The entity is in service here, in the epoch to which the request is bound."""
    request = request_in(given)
    entity = _entity(request, context)
    return entity.state == "owned" and entity.epoch == request.route.epoch


def has_moved_on(data: InboxData, given: Received, context: Surroundings) -> bool:
    """The epoch to which the request is bound has ended here, or never was here and never will be."""
    request = request_in(given)
    entity = _entity(request, context)
    if entity.epoch == request.route.epoch:
        return entity.state not in MAY_SERVE_AGAIN
    return entity.epoch > request.route.epoch


def is_forgotten(data: InboxData, given: Received, context: Surroundings) -> bool:
    """It may have been handed over in an earlier run of this process, or too long ago."""
    request = request_in(given)
    if request.route.session == 0 or request.id.session < data.session:
        return False
    return not is_bound_here(data, given, context) or _is_too_old(data, request.id, context)


def is_waited_for(data: InboxData, given: AnswerRequest, context: Surroundings) -> bool:
    """The request was handed over, and not answered."""
    kept = _kept(data, given.id)
    return kept is not None and kept.answer is None


def is_short_enough(data: InboxData, given: AnswerRequest, context: Surroundings) -> bool:
    """The answer can be kept."""
    return len(given.answer) <= context.session.settings.maximum_answer_bytes


def is_sender_gone(data: InboxData, given: ViewInstalled, context: Surroundings) -> bool:
    """The sender is no longer a member in this incarnation, and no incarnation returns."""
    return all(f"{member.node}.{member.incarnation}" != data.origin for member in given.view.members)


# -- actions -------------------------------------------------------------------------------------------------------


def deliver(data: InboxData, given: Received, context: Surroundings) -> Result:
    """Hand it to the application, and know that from now on."""
    request = request_in(given)
    kept = data.kept if request.id.session == data.session else type(data.kept)()
    last = data.newest if request.id.session == data.session else 0
    newest = max(last, request.id.number)
    kept = kept.set(request.id.number, Kept(request.route, given.sender))
    if newest - last > len(kept):
        outdated = [number for number in kept if number <= newest - context.session.settings.kept_requests]
    else:
        horizon = context.session.settings.kept_requests
        outdated = [number for number in range(last - horizon + 1, newest - horizon + 1) if number in kept]
    for number in outdated:
        kept = kept.delete(number)
    after = replace(data, session=request.id.session, newest=newest, kept=kept)
    return after, (Notify(RequestArrived(request.id, request.entity, request.route.epoch, request.payload)),)


def answer_again(data: InboxData, given: Received, context: Surroundings) -> Result:
    """The answer was lost."""
    request = request_in(given).id
    kept = data.kept[request.number]
    assert kept.answer is not None
    return data, (Send(given.sender, RequestAnswered(request, kept.route, kept.answer)),)


def refuse(data: InboxData, given: Received, context: Surroundings) -> Result:
    """It will not be handed over under this binding; say where the entity is."""
    request = request_in(given)
    return data, (Send(given.sender, RequestRefused(request.id, request.route, _route(request, context))),)


def _route(request: EntityRequest, context: Surroundings) -> Route:
    """Where the entity is, as far as this process knows."""
    entity = _entity(request, context)
    if entity.state in MAY_SERVE_AGAIN:
        return Route(context.session.node, entity.epoch, context.session.number)
    return Route(entity.peer, entity.epoch + 1) if entity.state in {"departing", "departed"} else NOWHERE


def tell_forgotten(data: InboxData, given: Received, context: Surroundings) -> Result:
    """Nobody here can say whether it was handed over."""
    request = request_in(given)
    return data, (Send(given.sender, RequestForgotten(request.id, request.route)),)


def answer(data: InboxData, given: AnswerRequest, context: Surroundings) -> Result:
    """Keep the answer, for it may get lost, and send it."""
    kept = data.kept[given.id.number]
    after = replace(data, kept=data.kept.set(given.id.number, replace(kept, answer=given.answer)))
    return after, (Send(kept.endpoint, RequestAnswered(given.id, kept.route, given.answer)),)


def refuse_answer(data: InboxData, given: AnswerRequest, context: Surroundings) -> Result:
    """Say that the answer is too long."""
    limit = context.session.settings.maximum_answer_bytes
    return data, (Notify(AnswerRefused(given.id, f"answer of {len(given.answer)} bytes, expected at most {limit}")),)


def forget(data: InboxData, given: Any, context: Surroundings) -> Result:
    """Nothing of this sender is taken any more, so nothing of it need be known."""
    return InboxData(data.origin), ()
