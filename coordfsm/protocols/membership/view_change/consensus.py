"""Guards and actions of the view change: one single-decree Paxos per view.

The rules that make it safe:

1. The electorate is the view's members, fixed when it was installed; a quorum is more than half of them.
2. Promises, acceptances and installed views are durable before anyone is told (`Persist` first).
3. A ballot is used for one value: a proposer accepts its own proposal durably before it sends it, and takes a round
   above everything it promised.
4. Ballot (0, 0) belongs to the ring coordinator and needs no prepare phase, since nothing can be below it.
5. A proposer that learns of an accepted cut while preparing proposes the one with the highest ballot.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Map,
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
from coordfsm.protocols.membership.chain import fits
from coordfsm.protocols.membership.data import (
    ACCEPTOR_KEY,
    AcceptorRecord,
    MembershipData,
    ViewChangeData,
    others,
    self_in,
    stamp_of,
)
from coordfsm.protocols.membership.events import CommandRefused, CutAccepted, ProposeCut
from coordfsm.protocols.membership.messages import (
    NO_BALLOT,
    NO_CUT,
    Ballot,
    Cut,
    MemberMessage,
    Proposal,
    ViewAccept,
    ViewAccepted,
    ViewPrepare,
    ViewPromise,
    ViewReject,
)
from coordfsm.protocols.membership.settings import backoff
from coordfsm.protocols.membership.stamps import ILL_CUT
from coordfsm.protocols.membership.view_change import handover
from coordfsm.protocols.view import View, ViewUnstable, majority, rank, ring_order

Done = tuple[ViewChangeData, tuple[Effect, ...]]

PROPOSAL = Timer("proposal")
TAKEOVER = Timer("takeover")

MOST_ATTEMPTS = 5
"""Delays stop growing after so many attempts, and so does the count."""


def _view(data: ViewChangeData) -> View:
    assert data.view is not None
    return data.view


def _message(given: Received) -> Any:
    return given.message


def own_rank(data: ViewChangeData, context: MembershipData) -> int:
    """This process's place in the line of succession."""
    place = rank(_view(data), context.node)
    assert place is not None
    return place


def _send_others(data: ViewChangeData, context: MembershipData, message: MemberMessage) -> tuple[Effect, ...]:
    """To every other member that has not answered yet."""
    return tuple(
        Send(member.endpoint, message) for member in others(_view(data), context) if member.node not in data.answers
    )


def _persist(data: ViewChangeData) -> Persist:
    record = AcceptorRecord(_view(data).id, data.promised, data.accepted)
    return Persist((Write(ACCEPTOR_KEY, record),))


def _rest(data: ViewChangeData) -> ViewChangeData:
    """Without a proposal of one's own in work."""
    return replace(data, ballot=NO_BALLOT, cut=NO_CUT, promises=Map(), answers=frozenset(), attempts=0)


def arm_takeover(data: ViewChangeData, context: MembershipData) -> SetTimer:
    """Take over later: the longer, the more live members come first, and after every failure longer still."""
    view = _view(data)
    condemned = {removed.node for removed in data.wish.condemned}
    ahead = sum(member.node not in condemned for member in ring_order(view)[: own_rank(data, context)])
    base = context.settings.takeover_ms
    return SetTimer(TAKEOVER, base * ahead + backoff(context.settings, base, data.failures, context.node))


# -- proposing ---------------------------------------------------------------------------------------------------


def fits_view(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> bool:
    """The cut can be decided in this view."""
    return fits(_view(data), given.cut)


def is_alone(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """The only member is a majority by itself."""
    return len(_view(data).members) == 1


def leads(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """The ring coordinator may use ballot (0, 0) as long as it has promised nothing."""
    return own_rank(data, context) == 0 and data.promised == NO_BALLOT


def succeeds(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> bool:
    """All members that come before in the line of succession are condemned, by this very cut."""
    condemned = {removed.node for removed in given.cut.condemned}
    before = ring_order(_view(data))[: own_rank(data, context)]
    return bool(before) and all(member.node in condemned for member in before)


def has_reason(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """There is something to decide: an own wish, or another's proposal that may be stuck.

    A promise alone is none: whoever prepared had a reason that others will see for themselves, and processes that
    prepare because others did would never stop.
    """
    return data.wish != NO_CUT or data.accepted is not None


def note_wish(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """Remember the cut; take over if nobody who comes before proposes."""
    data = replace(data, wish=given.cut)
    return data, (arm_takeover(data, context),)


def refresh_wish(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """The proposal in work stays as it is; the wish counts for the next one."""
    return replace(data, wish=given.cut), ()


def forget_wish(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """The reason is gone. What was accepted already is still to be decided."""
    return replace(data, wish=NO_CUT), ()


def propose_first(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """Propose the cut at ballot (0, 0)."""
    return _propose(replace(data, wish=given.cut, ballot=Ballot(0, 0)), given.cut, context)


def prepare_succession(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """Take over at once."""
    return _prepare(replace(data, wish=given.cut), context)


def prepare_takeover(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Take over after waiting."""
    return _prepare(data, context)


def _prepare(data: ViewChangeData, context: MembershipData) -> Done:
    # Above everything promised, and promised to oneself durably: a ballot is never used twice, not even after a crash.
    ballot = Ballot(max(data.promised.round, 0) + 1, own_rank(data, context))
    data = replace(_rest(data), promised=ballot, ballot=ballot)
    view = _view(data)
    prepare = ViewPrepare(stamp_of(view), self_in(view, context), ballot)
    return data, (
        _persist(data),
        *_send_others(data, context, prepare),
        CancelTimer(TAKEOVER),
        CancelTimer(handover.HANDOVER),
        SetTimer(PROPOSAL, context.settings.proposal_ms),
        Raise(ViewUnstable(view.id)),
    )


def _propose(data: ViewChangeData, cut: Cut, context: MembershipData) -> Done:
    data = replace(
        data,
        promised=data.ballot,
        accepted=Proposal(data.ballot, cut),
        cut=cut,
        promises=Map(),
        answers=frozenset(),
        attempts=0,
    )
    view = _view(data)
    accept = ViewAccept(stamp_of(view), self_in(view, context), data.ballot, cut)
    return data, (
        _persist(data),
        Notify(CutAccepted(view.id, data.ballot, cut)),
        *_send_others(data, context, accept),
        CancelTimer(TAKEOVER),
        CancelTimer(handover.HANDOVER),
        SetTimer(PROPOSAL, context.settings.proposal_ms),
        Raise(ViewUnstable(view.id)),
    )


def answers_ballot(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The answer is to the proposal in work, not to an earlier one."""
    return bool(_message(given).ballot == data.ballot)


def completes_quorum(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """With this answer and its own, the proposer has a majority of the view."""
    return len(data.answers | {_message(given).origin.node, context.node}) >= majority(_view(data))


def finds_value(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """Someone accepted a cut before, or this process has one to propose."""
    return _value(data, given) != NO_CUT


def _value(data: ViewChangeData, given: Received) -> Cut:
    accepted = [*data.promises.values(), _message(given).accepted, data.accepted]
    highest = max((item for item in accepted if item is not None), key=lambda item: item.ballot, default=None)
    return data.wish if highest is None else highest.cut


def note_promise(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """One more promise."""
    node = _message(given).origin.node
    return replace(data, answers=data.answers | {node}, promises=data.promises.set(node, _message(given).accepted)), ()


def propose_found(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """A majority promised: propose the cut accepted at the highest ballot, or the own one if there is none."""
    return _propose(data, _value(data, given), context)


def give_up(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """A majority promised and nobody wants anything."""
    return _rest(data), (CancelTimer(PROPOSAL),)


def note_acceptance(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """One more acceptance."""
    return replace(data, answers=data.answers | {_message(given).origin.node}), ()


def outranks_own(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """The other has promised a higher ballot than the one in work."""
    return bool(_message(given).promised > data.ballot)


def fall_back(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Overtaken: promise as much, so that the next own round is above it, and wait."""
    data = replace(
        _rest(data),
        promised=max(data.promised, _message(given).promised),
        failures=min(data.failures + 1, MOST_ATTEMPTS),
    )
    return data, (_persist(data), CancelTimer(PROPOSAL), arm_takeover(data, context))


def resend_prepare(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Ask those again that have not promised."""
    view = _view(data)
    return _resend(data, context, ViewPrepare(stamp_of(view), self_in(view, context), data.ballot))


def resend_accept(data: ViewChangeData, given: Value, context: MembershipData) -> Done:
    """Ask those again that have not accepted."""
    view = _view(data)
    return _resend(data, context, ViewAccept(stamp_of(view), self_in(view, context), data.ballot, data.cut))


def _resend(data: ViewChangeData, context: MembershipData, message: MemberMessage) -> Done:
    data = replace(data, attempts=min(data.attempts + 1, MOST_ATTEMPTS))
    delay = backoff(context.settings, context.settings.proposal_ms, data.attempts, context.node)
    return data, (*_send_others(data, context, message), SetTimer(PROPOSAL, delay))


# -- accepting ---------------------------------------------------------------------------------------------------


def is_outranked(data: ViewChangeData, given: Received, context: MembershipData) -> bool:
    """This process has promised a higher ballot."""
    return bool(_message(given).ballot < data.promised)


def reject(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Say what was promised, so that the proposer can choose a higher round."""
    view = _view(data)
    return data, (Send(given.sender, ViewReject(stamp_of(view), self_in(view, context), data.promised)),)


def promise(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Promise, durably, and report what was accepted; an own proposal in work is over."""
    ballot = _message(given).ballot
    view = _view(data)
    answer = Send(given.sender, ViewPromise(stamp_of(view), self_in(view, context), ballot, data.accepted))
    if ballot == data.promised:
        return data, (answer,)
    data = replace(_rest(data), promised=ballot)
    return data, (
        _persist(data),
        answer,
        CancelTimer(PROPOSAL),
        arm_takeover(data, context),
        Raise(ViewUnstable(view.id)),
    )


def accept(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """Accept, durably; an own proposal in work is over."""
    message, view = _message(given), _view(data)
    answer = Send(given.sender, ViewAccepted(stamp_of(view), self_in(view, context), message.ballot))
    proposal = Proposal(message.ballot, message.cut)
    if data.accepted == proposal:
        return data, (answer,)
    data = replace(_rest(data), promised=message.ballot, accepted=proposal)
    return data, (
        _persist(data),
        Notify(CutAccepted(view.id, proposal.ballot, proposal.cut)),
        answer,
        CancelTimer(PROPOSAL),
        arm_takeover(data, context),
        Raise(ViewUnstable(view.id)),
    )


# -- deciding ----------------------------------------------------------------------------------------------------


def keeps_self(data: ViewChangeData, given: Value, context: MembershipData) -> bool:
    """The cut in work leaves this process in."""
    cut = given.cut if isinstance(given, ProposeCut) else data.cut
    return handover.keeps(cut, context)


def decide(data: ViewChangeData, given: Received, context: MembershipData) -> Done:
    """A majority accepted: the cut is decided. Install the next view and tell everybody."""
    return handover.hand_over(data, data.cut, context)


def decide_alone(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """The only member decides by itself; the installed view is the durable acceptance."""
    return handover.hand_over(data, given.cut, context)


def refuse_cut(data: ViewChangeData, given: ProposeCut, context: MembershipData) -> Done:
    """A cut that does not fit is not proposed."""
    return data, (Notify(CommandRefused("ProposeCut", ILL_CUT)),)
