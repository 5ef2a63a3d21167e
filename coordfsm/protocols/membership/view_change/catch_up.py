"""Catch-up: every message between members names its sender's view; whoever lags behind is led onwards.

This machine looks at every such message, besides the machine that the message is for, which takes only those of
the current view.
"""

from statemachine import State

from coordfsm.kernel import Effect, Machine, Notify, Received, Send, compile_machine
from coordfsm.protocols.membership.chain import is_member, links_from
from coordfsm.protocols.membership.data import CatchUpData, MembershipData, current_view, self_in, stamp_of
from coordfsm.protocols.membership.declaring import within
from coordfsm.protocols.membership.events import MessageRefused
from coordfsm.protocols.membership.messages import ContactRequest, ViewDecision, ViewForced, ViewInquiry, ViewSnapshot
from coordfsm.protocols.membership.stamps import fault_of, is_ahead, is_behind, is_unsound

Done = tuple[CatchUpData, tuple[Effect, ...]]


def lead_onwards(data: CatchUpData, given: Received, context: MembershipData) -> Done:
    """Answer a sender that lags behind with the decisions since, or the whole view if they reach not so far back."""
    held = context.view_change
    assert held.view is not None
    stamp = given.message.stamp  # type: ignore[attr-defined]
    links = links_from(held.chain, held.excluded or held.view, stamp.number, stamp.view_id)
    own, me = stamp_of(held.view), self_in(held.view, context)
    if links.decisions:
        return data, (Send(given.sender, ViewDecision(own, me, links.decisions)),)
    if links.view is not None:
        return data, (Send(given.sender, ViewSnapshot(own, me, links.view)),)
    return data, ()


def is_left_by_force(data: CatchUpData, given: Received, context: MembershipData) -> bool:
    """The sender is in the view from which an operator forced the current one, and belongs to this one, too."""
    view, message = current_view(context), given.message
    assert isinstance(message, ContactRequest)
    return (
        view is not None
        and message.stamp.view_id == view.parent
        and message.stamp.lineage != view.lineage
        and is_member(view, message.origin)
    )


def lead_into_force(data: CatchUpData, given: Received, context: MembershipData) -> Done:
    """Tell it of the forced view again: the first telling was lost."""
    view = context.view_change.view
    assert view is not None
    return data, (Send(given.sender, ViewForced(stamp_of(view), self_in(view, context), view)),)


def inquire(data: CatchUpData, given: Received, context: MembershipData) -> Done:
    """Ask a sender that is ahead."""
    view = context.view_change.view
    assert view is not None
    return data, (Send(given.sender, ViewInquiry(stamp_of(view), self_in(view, context))),)


def refuse(data: CatchUpData, given: Received, context: MembershipData) -> Done:
    """Drop a message that has no place in this view, and count it by reason."""
    reason = fault_of(given, context) or ""
    return data, (Notify(MessageRefused(type(given.message).__name__, reason, given.sender)),)


class CatchUp(Machine):
    """Leads onwards who lags behind, asks who is ahead, counts what has no place."""

    watching = State(initial=True)

    recv_view_prepare = recv_view_promise = recv_view_accept = recv_view_accepted = recv_view_reject = (
        within(watching, cond=is_behind, on=lead_onwards)
        | within(watching, cond=is_ahead, on=inquire)
        | within(watching, cond=is_unsound, on=refuse)
    )
    recv_probe = recv_probe_ack = recv_accusation = recv_rebuttal = recv_condemnation = recv_exoneration = (
        within(watching, cond=is_behind, on=lead_onwards)
        | within(watching, cond=is_ahead, on=inquire)
        | within(watching, cond=is_unsound, on=refuse)
    )
    recv_contact_request = (
        within(watching, cond=is_left_by_force, on=lead_into_force)
        | within(watching, cond=is_behind, on=lead_onwards)
        | within(watching, cond=is_ahead, on=inquire)
        | within(watching, cond=is_unsound, on=refuse)
    )
    recv_leave_request = recv_contact_reply = recv_view_inquiry = (
        within(watching, cond=is_behind, on=lead_onwards)
        | within(watching, cond=is_ahead, on=inquire)
        | within(watching, cond=is_unsound, on=refuse)
    )

    ignored = {
        ("*", event): "of the current view: the other machines' business"
        for event in (
            "recv_view_prepare",
            "recv_view_promise",
            "recv_view_accept",
            "recv_view_accepted",
            "recv_view_reject",
            "recv_probe",
            "recv_probe_ack",
            "recv_accusation",
            "recv_rebuttal",
            "recv_condemnation",
            "recv_exoneration",
            "recv_leave_request",
            "recv_contact_request",
            "recv_contact_reply",
            "recv_view_inquiry",
        )
    }


CATCH_UP = compile_machine(CatchUp)
