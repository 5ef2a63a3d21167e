"""Guards and actions around an installed view: install, follow a chain, hand the decision over, recover.

Installing is one durable transaction: the view, the decision that led to it, and the end of the old acceptor. Who has
installed a view answers for its parent with the decision, which is better than any vote. So the parent stays
learnable as long as its members stay; one that leaves for good first waits until a majority of the next view has it.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Message,
    Notify,
    Persist,
    Raise,
    Received,
    Send,
    SetTimer,
    Timer,
    Value,
    Write,
)
from coordfsm.protocols.membership.chain import decision_of, joined_member, next_view, walk
from coordfsm.protocols.membership.data import (
    ACCEPTOR_KEY,
    EXCLUDED_KEY,
    VIEW_KEY,
    MembershipData,
    ViewChangeData,
    chain_key,
    others,
    self_in,
    stamp_of,
)
from coordfsm.protocols.membership.events import (
    AdoptView,
    Excluded,
    HandedOver,
    MessageRefused,
    ViewChanged,
)
from coordfsm.protocols.membership.messages import (
    Cut,
    Decision,
    ViewAck,
    ViewDecision,
    ViewInquiry,
    ViewSnapshot,
    ViewWelcome,
)
from coordfsm.protocols.view import Member, View, ViewInstalled, majority, member_of

Done = tuple[ViewChangeData, tuple[Effect, ...]]

HANDOVER = Timer("handover")
_TIMERS = (CancelTimer(Timer("proposal")), CancelTimer(Timer("takeover")), CancelTimer(HANDOVER))

NO_CHAIN = "does not chain to the current view"


def _view(data: ViewChangeData) -> View:
    assert data.view is not None
    return data.view


def _message(given: Value) -> Any:
    assert isinstance(given, Received)
    return given.message


def keeps(cut: Cut, context: MembershipData) -> bool:
    """Whether this process stays a member."""
    return all(removed.node != context.node for removed in (*cut.condemned, *cut.leaving))


def is_leaving(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """This process is leaving for good: it waits until the next view is in the hands of a majority."""
    return context.lifecycle.leaves


# -- installing --------------------------------------------------------------------------------------------------


def _advance(
    data: ViewChangeData, context: MembershipData, steps: list[tuple[Decision, View]]
) -> tuple[ViewChangeData, tuple[Effect, ...]]:
    """Install view after view in one transaction, up to one that is without this process."""
    me = self_in(_view(data), context)
    view, chain, told = _view(data), data.chain, []
    for decision, following in steps:
        chain = (*chain, decision)
        if joined_member(following, me.node, me.incarnation) is None:
            return _leave_behind(data, context, view, chain, following)
        view = following
        told.append(Notify(ViewChanged(view, decision.cut)))
    writes, chain = _chain_writes(data, context, chain)
    installed = ViewChangeData(state=data.state, view=view, chain=chain)
    return installed, (
        Persist((*writes, Write(VIEW_KEY, view), Write(ACCEPTOR_KEY, None))),
        *_TIMERS,
        *told,
        Raise(ViewInstalled(view)),
    )


def _leave_behind(
    data: ViewChangeData, context: MembershipData, view: View, chain: tuple[Decision, ...], following: View
) -> Done:
    """The last view that this process was in stays, with the decision that excluded it."""
    writes, chain = _chain_writes(data, context, chain)
    gone = ViewChangeData(state=data.state, view=view, chain=chain)
    return gone, (
        Persist((*writes, Write(VIEW_KEY, view), Write(ACCEPTOR_KEY, None))),
        *_TIMERS,
        Raise(Excluded(following)),
    )


def _chain_writes(
    data: ViewChangeData, context: MembershipData, chain: tuple[Decision, ...]
) -> tuple[tuple[Write, ...], tuple[Decision, ...]]:
    kept = chain[-max(context.settings.chain_limit, 2) :]
    before, after = set(data.chain), set(kept)
    dropped = tuple(Write(chain_key(link.number), None) for link in data.chain if link not in after)
    added = tuple(Write(chain_key(link.number), link) for link in kept if link not in before)
    return dropped + added, kept


def hand_over(data: ViewChangeData, cut: Cut, context: MembershipData) -> Done:
    """Install what was decided (or step out), then tell all members of both views."""
    view = _view(data)
    decision, following = decision_of(view, cut), next_view(view, cut)
    me = self_in(view, context)
    told: list[Effect] = [
        Send(member.endpoint, ViewDecision(stamp_of(following), me, (decision,))) for member in others(view, context)
    ]
    told += [Send(joiner.endpoint, ViewWelcome(stamp_of(following), me, following)) for joiner in cut.joining]
    data, effects = _advance(data, context, [(decision, following)])
    return data, (*effects[:1], *told, *effects[1:], SetTimer(HANDOVER, context.settings.handover_ms))


def adopt(data: ViewChangeData, given: AdoptView, context: MembershipData) -> Done:
    """Install a view that others decided: founding, welcomed or forced. What was before is over."""
    dropped = _forgotten(data)
    installed = ViewChangeData(state=data.state, view=given.view)
    ack = ViewAck(stamp_of(given.view), self_in(given.view, context))
    confirmed = (Send(given.confirm, ack),) if given.confirm else ()
    return installed, (
        Persist((*dropped, Write(VIEW_KEY, given.view), Write(ACCEPTOR_KEY, None))),
        *confirmed,
        *_TIMERS,
        Notify(ViewChanged(given.view)),
        Raise(ViewInstalled(given.view)),
    )


def abandon(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Forget the lineage altogether."""
    writes = (*_forgotten(data), Write(VIEW_KEY, None), Write(ACCEPTOR_KEY, None))
    return ViewChangeData(state=data.state), (Persist(writes), *_TIMERS)


def _forgotten(data: ViewChangeData) -> tuple[Write, ...]:
    """How this process came to its view, or out of it, is over."""
    excluded = () if data.excluded is None else (Write(EXCLUDED_KEY, None),)
    return (*(Write(chain_key(link.number), None) for link in data.chain), *excluded)


# -- following ---------------------------------------------------------------------------------------------------


def _steps(data: ViewChangeData, given: Received) -> list[tuple[Decision, View]]:
    if _message(given).stamp.lineage != _view(data).lineage:
        return []
    return list(walk(_view(data), _message(given).decisions))


def chains_on(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The decisions start at the current view and fit together."""
    return bool(_steps(data, given))


def chain_keeps_self(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """This process is in every view that the decisions lead to."""
    return all(keeps(decision.cut, context) for decision, _ in _steps(data, given))


def is_known(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """All these decisions led to the current view or an earlier one of this lineage."""
    message, view = _message(given), _view(data)
    return bool(
        message.stamp.lineage == view.lineage and message.decisions and message.decisions[-1].number < view.number
    )


def follow(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Install the views that were decided, and confirm the last."""
    data, effects = _advance(data, context, _steps(data, given))
    view = _view(data)
    ack = Send(given.sender, ViewAck(stamp_of(view), self_in(view, context)))
    return data, (*effects[:1], ack, *effects[1:])


def follow_out(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Step out: a later view is without this process."""
    return _advance(data, context, _steps(data, given))


def follow_and_retire(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Step out as wished, and hand the decision to the members of the next view before going."""
    data, effects = _advance(data, context, _steps(data, given))
    return data, (*effects, *retiring_sends(data, context))


def confirm(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Installed already: say so again."""
    view = _view(data)
    return data, (Send(given.sender, ViewAck(stamp_of(view), self_in(view, context))),)


def refuse_decision(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Decisions that do not chain are not followed; ask for those that do."""
    view = _view(data)
    refused = Notify(MessageRefused(type(given.message).__name__, NO_CHAIN, given.sender))
    if _message(given).stamp.lineage != view.lineage:
        return data, (refused,)
    return data, (refused, Send(given.sender, ViewInquiry(stamp_of(view), self_in(view, context))))


def is_later(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """A later view of this lineage."""
    view = _message(given).view
    return bool(view.lineage == _view(data).lineage and view.number > _view(data).number)


def includes_self(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The view contains this process in its present incarnation."""
    me = self_in(_view(data), context)
    return joined_member(_message(given).view, me.node, me.incarnation) is not None


def leap(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Install a view much later than the current one, as agreed by the members in between."""
    return adopt(data, AdoptView(_message(given).view, given.sender), context)


def is_known_view(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The current view or an earlier one of this lineage: the confirmation was lost, or another tells of it, too."""
    view = _message(given).view
    return bool(view.lineage == _view(data).lineage and view.number <= _view(data).number)


def leap_out(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Step out, durably."""
    later = _message(given).view
    gone = ViewChangeData(state=data.state, view=data.view, chain=data.chain, excluded=later)
    kept = Persist((Write(EXCLUDED_KEY, later), Write(ACCEPTOR_KEY, None)))
    return gone, (kept, *_TIMERS, Raise(Excluded(later)))


def leap_out_and_retire(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Step out as wished, and hand the view over: perhaps its teller is the only one that has it."""
    data, effects = leap_out(data, given, context)
    return data, (*effects, *retiring_sends(data, context))


# -- handing over ------------------------------------------------------------------------------------------------


def successor(data: ViewChangeData) -> View:
    """The view that is being handed over."""
    if data.excluded is not None:
        return data.excluded
    view = _view(data)
    last = data.chain[-1]
    return next_view(view, last.cut) if last.number == view.number else view


def confirms(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The sender, a member of the view handed over, has installed it or a later one."""
    view, message = successor(data), _message(given)
    return bool(
        message.stamp.lineage == view.lineage
        and message.stamp.number >= view.number
        and member_of(view, message.origin.node) is not None
    )


def completes_all(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """Every member has it."""
    confirmed = data.answers | {_message(given).origin.node, context.node}
    return all(member.node in confirmed for member in successor(data).members)


def completes_majority(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """A majority of the next view has it."""
    return len(data.answers | {_message(given).origin.node}) >= majority(successor(data))


def note_confirmation(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """One more member has it."""
    return replace(data, answers=data.answers | {_message(given).origin.node}), ()


def finish_handover(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Everybody has it, or stays silent: who comes back will ask."""
    return replace(data, answers=frozenset(), attempts=0), (CancelTimer(HANDOVER),)


def finish_retiring(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Nobody needs this process any more."""
    return replace(data, answers=frozenset(), attempts=0), (CancelTimer(HANDOVER), Raise(HandedOver()))


def is_exhausted(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """Told often enough."""
    return data.attempts + 1 >= context.settings.handover_attempts


def hand_over_again(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Tell those again that have not confirmed."""
    data = replace(data, attempts=data.attempts + 1)
    view, me = _view(data), self_in(_view(data), context)
    link = data.chain[-1:]
    newcomers = {joiner.node for decision in link for joiner in decision.cut.joining}
    sends = [
        Send(
            member.endpoint,
            ViewWelcome(stamp_of(view), me, view)
            if member.node in newcomers
            else ViewDecision(stamp_of(view), me, link),
        )
        for member in others(view, context)
        if member.node not in data.answers
    ]
    return data, (*sends, SetTimer(HANDOVER, context.settings.handover_ms))


def retire_again(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Tell the next view's members again that have not confirmed."""
    return data, retiring_sends(data, context)


def knows_successor(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """There was a view that this process is out of, and there is one that is without it."""
    return data.view is not None


def retire(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Excluded before it wished to leave: hand the view over that is without it. Perhaps nobody else has it."""
    data = replace(data, answers=frozenset(), attempts=0)
    return data, retiring_sends(data, context)


def retiring_sends(data: ViewChangeData, context: MembershipData) -> tuple[Effect, ...]:
    """Tell every member of the view without this process that has not confirmed it; a newcomer is welcomed."""
    waiting = [member for member in successor(data).members if member.node not in data.answers | {context.node}]
    sends = [Send(member.endpoint, told) for member in waiting for told in _tidings(data, member, context)]
    return (*sends, SetTimer(HANDOVER, context.settings.handover_ms))


def _tidings(data: ViewChangeData, member: Member, context: MembershipData) -> tuple[Message, ...]:
    view, following = _view(data), successor(data)
    stamp, me = stamp_of(following), self_in(view, context)
    newcomer = joined_member(view, member.node, member.incarnation) is None
    welcome = (ViewWelcome(stamp, me, following),) if newcomer else ()
    if data.excluded is not None:
        # Who is new in a view that much later may be a joiner, or a member by now: each takes its own message.
        return *welcome, ViewSnapshot(stamp, me, following)
    return welcome or (ViewDecision(stamp, me, data.chain[-1:]),)
