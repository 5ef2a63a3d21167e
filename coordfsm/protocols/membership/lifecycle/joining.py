"""Guards and actions of the lifecycle, the way in: bootstrap, join, answer joiners, come back after a restart.

An incarnation asks to join one view only: joiner and view are bound durably before the request leaves, and a cut of
another view never admits it. So a removed incarnation cannot come back, however old the requests are that still
travel, and nobody has to remember who was removed.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Endpoint,
    Notify,
    Persist,
    Raise,
    Received,
    Recover,
    Send,
    SetTimer,
    Timer,
    Value,
    Write,
)
from coordfsm.protocols.membership.chain import joined_member, newest
from coordfsm.protocols.membership.cut_detection.admission import (
    BAD_ADDRESS,
    NOT_A_MEMBER,
    challenge_of,
    is_address,
    is_proven,
    refusal_of,
)
from coordfsm.protocols.membership.cut_detection.rules import acting_coordinator
from coordfsm.protocols.membership.data import (
    IDENTITY_KEY,
    IdentityRecord,
    LifecycleData,
    MembershipData,
    current_view,
    self_in,
    stamp_of,
)
from coordfsm.protocols.membership.events import (
    AbandonView,
    AdoptView,
    Bootstrap,
    CommandRefused,
    Excluded,
    Join,
    JoinAsked,
    JoinerRefused,
    JoinRefused,
    MemberShunned,
)
from coordfsm.protocols.membership.lifecycle.incarnations import next_incarnation
from coordfsm.protocols.membership.messages import (
    JoinInquiry,
    JoinRedirect,
    JoinRefusal,
    JoinRequest,
    ViewAck,
    ViewWelcome,
)
from coordfsm.protocols.membership.settings import backoff
from coordfsm.protocols.view import NO_VIEW, Member, Shunned, View, founding_lineage, member_of

Done = tuple[LifecycleData, tuple[Effect, ...]]

ROUNDS_AT_FIRST_PACE = 2
"""How often each seed is asked before the pause between questions grows."""

JOIN = Timer("join")
REJOIN = Timer("rejoin")

NO_SEEDS = "no seed to ask"
WRONG_STATE = "not possible while "


def _message(given: Received) -> Any:
    return given.message


def persist_identity(data: LifecycleData) -> Persist:
    """Incarnation, the view it asks to join, and the wish to leave."""
    return Persist((Write(IDENTITY_KEY, IdentityRecord(data.incarnation, data.joins, data.leaves)),))


# -- starting ----------------------------------------------------------------------------------------------------


def remember(data: LifecycleData, given: Recover, context: MembershipData) -> Done:
    """Take up the incarnation from the store."""
    for record in given.records:
        held = record.value
        if record.key == IDENTITY_KEY and isinstance(held, IdentityRecord):
            return replace(data, incarnation=held.incarnation, joins=held.joins, leaves=held.leaving), ()
    return data, ()


def has_address(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """The own address is one that others can be told."""
    return is_address(context.endpoint)


def found(data: LifecycleData, given: Bootstrap, context: MembershipData) -> Done:
    """Found a cluster of one, in a lineage of its own."""
    data = replace(data, incarnation=data.incarnation + 1, joins=None, leaves=False)
    me = Member(context.node, data.incarnation, context.endpoint)
    lineage = founding_lineage(context.settings.label, context.node, given.token)
    return data, (persist_identity(data), Raise(AdoptView(View(lineage, 1, NO_VIEW, (me,)))))


def refuse_command(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Say why a command cannot be carried out now."""
    reason = BAD_ADDRESS if not is_address(context.endpoint) else WRONG_STATE + data.state
    if isinstance(given, Join) and not given.seeds:
        reason = NO_SEEDS
    return data, (Notify(CommandRefused(type(given).__name__, reason)),)


# -- asking ------------------------------------------------------------------------------------------------------


def can_seek(data: LifecycleData, given: Join, context: MembershipData) -> bool:
    """There is a seed to ask, and an address to be reached at."""
    return bool(given.seeds) and is_address(context.endpoint)


def _ask_seed(data: LifecycleData, context: MembershipData) -> tuple[Effect, ...]:
    # The pause grows when all seeds were asked without an answer, and not for one lost message.
    rounds = data.attempt // (ROUNDS_AT_FIRST_PACE * len(data.seeds))
    delay = backoff(context.settings, context.settings.join_ms, rounds, context.node)
    inquiry = JoinInquiry(context.settings.label, context.node)
    return Send(data.seeds[data.seed], inquiry), SetTimer(JOIN, delay)


def seek(data: LifecycleData, given: Join, context: MembershipData) -> Done:
    """Ask the first seed."""
    forgotten = data.leaves  # the wish to leave must not come back with the next restart
    data = replace(data, seeds=given.seeds, seed=0, attempt=0, leaves=False, heard=None, token=given.token)
    kept = (persist_identity(data),) if forgotten else ()
    return data, (*kept, CancelTimer(REJOIN), *_ask_seed(data, context))


def desert(data: LifecycleData, given: Join, context: MembershipData) -> Done:
    """Give up the lineage of a lost majority, as told, and ask another cluster.

    That this incarnation asks for nothing any more is durable before its view and its promises are gone: else it would
    come back into the same view after a restart, and vote there again.
    """
    data, effects = seek(replace(data, joins=None, leaves=False), given, context)
    stop = (Raise(AbandonView()), Raise(Shunned()), CancelTimer(Timer("contact")))
    return data, (persist_identity(data), *stop, *effects)


def ask_next_seed(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """No answer: ask the next seed."""
    data = replace(data, seed=(data.seed + 1) % len(data.seeds), attempt=data.attempt + 1)
    return data, _ask_seed(data, context)


def seek_elsewhere(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """The coordinator that was named is silent: begin again with the next seed."""
    return ask_next_seed(replace(data, attempt=-1), given, context)


def note_refusal(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Tell the application why; other seeds may answer otherwise."""
    return data, (Notify(JoinRefused(_message(given).reason, given.sender)),)


def is_invited(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """A member of the cluster that is sought says where to ask."""
    return bool(_message(given).label == context.settings.label)


def is_invited_later(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The view asked to join has passed; ask for a later one."""
    stamp = _message(given).stamp
    asked = data.joins
    return asked is not None and stamp.lineage == asked.lineage and stamp.number > asked.number


def may_be_admitted(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The present incarnation is in the view already, or a cut may still admit it: another one would orphan it."""
    message, asked = _message(given), data.joins
    if asked is None or message.stamp.lineage != asked.lineage:
        return False
    return bool(message.held == data.incarnation or message.stamp.number <= asked.number)


def is_redirected(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The same view, and another coordinator or another challenge."""
    message = _message(given)
    is_new = message.coordinator != data.target or message.challenge not in ("", data.challenge)
    return bool(message.stamp == data.joins and is_new)


def bind_and_ask(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Raise the incarnation, bind it durably to the view, and ask its coordinator."""
    message = _message(given)
    data = replace(
        data,
        incarnation=next_incarnation(data.incarnation, message.newest, data.token),
        joins=message.stamp,
        target=message.coordinator,
        challenge=message.challenge,
        attempt=0,
    )
    asked = Notify(JoinAsked(data.incarnation, message.stamp.view_id))
    return data, (persist_identity(data), asked, *_ask_coordinator(data, context))


def ask_other(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Ask the coordinator that was named, with the same request; echo its challenge if it sent one."""
    data = directed(data, given)
    return data, _ask_coordinator(data, context)


def directed(data: LifecycleData, given: Received) -> LifecycleData:
    """Whom a redirect says to ask, and what to echo there."""
    return replace(data, target=_message(given).coordinator, challenge=_message(given).challenge)


def ask_anew(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Take up the request again, with the incarnation that is bound to it."""
    data = directed(data, given)
    assert data.joins is not None
    return data, (Notify(JoinAsked(data.incarnation, data.joins.view_id)), *_ask_coordinator(data, context))


def ask_again(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Repeat the request."""
    data = replace(data, attempt=data.attempt + 1)
    return data, _ask_coordinator(data, context)


def request_to_join(data: LifecycleData, context: MembershipData) -> JoinRequest:
    """The request of the present incarnation, for the view that it is bound to."""
    assert data.joins is not None
    me = Member(context.node, data.incarnation, context.endpoint)
    return JoinRequest(context.settings.label, data.joins, me, data.challenge)


def _ask_coordinator(data: LifecycleData, context: MembershipData) -> tuple[Effect, ...]:
    # Few requests at an even pace: after them another seed is asked.
    delay = backoff(context.settings, context.settings.join_ms, 0, context.node)
    return Send(data.target, request_to_join(data, context)), SetTimer(JOIN, delay)


def may_ask_again(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """This coordinator was not asked often enough yet."""
    return data.attempt + 1 < context.settings.join_attempts


def welcomes_self(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The view has this very incarnation and follows the one that it asked to join."""
    view = _message(given).view
    asked = data.joins
    return (
        asked is not None
        and view.lineage == asked.lineage
        and view.number > asked.number
        and joined_member(view, context.node, data.incarnation) is not None
    )


def enter(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Install the view that welcomes this process, and confirm it."""
    return data, (CancelTimer(JOIN), Raise(AdoptView(_message(given).view, given.sender)))


def is_welcomed_again(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The welcome is to the current view or an earlier one of this lineage: the confirmation was lost."""
    view, welcomed = current_view(context), _message(given).view
    return view is not None and welcomed.lineage == view.lineage and welcomed.number <= view.number


def confirm_welcome(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Say again that the view is installed."""
    view = current_view(context)
    assert view is not None
    return data, (Send(given.sender, ViewAck(stamp_of(view), self_in(view, context))),)


# -- answering joiners -------------------------------------------------------------------------------------------


def is_refused(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """There is a reason to refuse."""
    return refusal_of(_message(given), context) is not None


def refuse_joiner(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Say why."""
    reason = refusal_of(_message(given), context) or NOT_A_MEMBER
    return data, (Send(given.sender, JoinRefusal(reason)), Notify(JoinerRefused(reason, given.sender)))


def refuse_as_stranger(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Who is not a member cannot let anybody in."""
    return data, (Send(given.sender, JoinRefusal(NOT_A_MEMBER)), Notify(JoinerRefused(NOT_A_MEMBER, given.sender)))


def redirect(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Name the current view, its coordinator, and the incarnation to exceed; the coordinator challenges at once."""
    message = _message(given)
    if isinstance(message, JoinInquiry):
        return data, (_redirect(message.node, given.sender, context),)
    return data, (_redirect(message.member.node, message.member.endpoint, context),)


def _redirect(node: str, endpoint: Endpoint, context: MembershipData) -> Send:
    view = current_view(context)
    assert view is not None
    coordinator = acting_coordinator(view, context)
    member = member_of(view, node)
    held = 0 if member is None else member.incarnation
    # The challenge proves only the address that it was sent to.
    challenge = challenge_of(view, context.node, node, endpoint) if coordinator.node == context.node else ""
    label, stamp = context.settings.label, stamp_of(view)
    return Send(endpoint, JoinRedirect(label, stamp, coordinator.endpoint, newest(view, node), held, challenge))


def is_in_view(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The view that answers has this very incarnation: the welcome was lost."""
    return data.joins is not None and bool(_message(given).held == data.incarnation)


def is_admitted(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The joiner is a member already; perhaps the welcome was lost."""
    view, joiner = current_view(context), _message(given).member
    return view is not None and joined_member(view, joiner.node, joiner.incarnation) is not None


def welcome(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Send the view again."""
    view = current_view(context)
    assert view is not None
    return data, (Send(given.sender, ViewWelcome(stamp_of(view), self_in(view, context), view)),)


def is_misdirected(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The request is for another view, or this process does not coordinate."""
    view = current_view(context)
    assert view is not None
    return _message(given).stamp != stamp_of(view) or acting_coordinator(view, context).node != context.node


def is_unproven(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The joiner does not echo what is sent to the address that it advertises."""
    return not is_proven(_message(given), context)


# -- shunned -----------------------------------------------------------------------------------------------------


def be_shunned(data: LifecycleData, given: Excluded, context: MembershipData) -> Done:
    """Stop acting at once, and ask to join anew."""
    rejoin = (SetTimer(REJOIN, context.settings.join_ms),) if context.settings.rejoin else ()
    # A removed incarnation asks for nothing any more: the next request takes a new one. But after a restart the present
    # incarnation may be a later one, which has asked to come back and may have been admitted.
    asked = data.joins if asked_to_return(data, given, context) else None
    data = replace(data, joins=asked, heard=None, seeds=known_seeds(given.view, context), seed=0, attempt=0)
    stop: tuple[Effect, ...] = (Raise(Shunned()), CancelTimer(Timer("contact")), Notify(MemberShunned(given.view)))
    return data, (*stop, *rejoin)


def asked_to_return(data: LifecycleData, given: Excluded, context: MembershipData) -> bool:
    """The present incarnation is a later one than the one that was removed, and a request to join left under it."""
    removed = member_of(_last_view(context), context.node)
    return data.joins is not None and removed is not None and removed.incarnation < data.incarnation


def _last_view(context: MembershipData) -> View:
    assert context.view_change.view is not None
    return context.view_change.view


def known_seeds(view: View, context: MembershipData) -> tuple[Endpoint, ...]:
    """Whom to ask after an exclusion: the configured seeds, and the members of the view without this process."""
    members = [member.endpoint for member in view.members if member.node != context.node]
    return tuple(dict.fromkeys((*context.settings.seeds, *members)))


def has_seeds(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """There is somebody to ask."""
    return bool(data.seeds)


def seek_again(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Ask the members of the view that is without this process."""
    return data, _ask_seed(data, context)
