"""The view change: acceptor and proposer of one single-decree consensus per view."""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.membership import recovering as recovery
from coordfsm.protocols.membership.declaring import moving, within
from coordfsm.protocols.membership.stamps import is_current
from coordfsm.protocols.membership.view_change import consensus as rule
from coordfsm.protocols.membership.view_change import handover as view


class ViewChange(Machine):
    """Decides the view that follows the current one.

    outside: not a member. stable: no own proposal. preparing, accepting: phases of an own proposal.
    installed: the own proposal was decided and is being handed to the members. retiring: a leaver hands over the view
    that is without it.
    """

    outside = State(initial=True)
    stable = State()
    preparing = State()
    accepting = State()
    installed = State()
    retiring = State()

    local_recover = (
        outside.to(stable, cond=recovery.was_member, on=recovery.resume)
        | outside.to(retiring, cond=[recovery.was_excluded, view.is_leaving], on=recovery.resume_retiring)
        | within(outside, cond=recovery.was_excluded, on=recovery.resume_outside)
    )
    local_adopt_view = moving(stable, outside, stable, preparing, accepting, installed, retiring, on=view.adopt)
    local_abandon_view = moving(outside, outside, stable, preparing, accepting, installed, retiring, on=view.abandon)

    local_retire = outside.to(retiring, cond=view.knows_successor, on=view.retire)

    local_propose_cut = (
        within(stable, installed, preparing, accepting, unless=rule.fits_view, on=rule.refuse_cut)
        | moving(installed, stable, installed, cond=[rule.is_alone, rule.keeps_self], on=rule.decide_alone)
        | moving(accepting, stable, installed, cond=rule.leads, on=rule.propose_first)
        | moving(preparing, stable, installed, cond=rule.succeeds, on=rule.prepare_succession)
        | within(stable, installed, on=rule.note_wish)
        | within(preparing, accepting, on=rule.refresh_wish)
    )
    local_withdraw_cut = within(stable, preparing, accepting, installed, on=rule.forget_wish)
    timeout_takeover = moving(preparing, stable, installed, cond=rule.has_reason, on=rule.prepare_takeover)
    timeout_proposal = within(preparing, on=rule.resend_prepare) | within(accepting, on=rule.resend_accept)

    recv_view_prepare = within(
        stable, preparing, accepting, installed, cond=[is_current, rule.is_outranked], on=rule.reject
    ) | (
        moving(stable, stable, preparing, accepting, cond=is_current, on=rule.promise)
        | within(installed, cond=is_current, on=rule.promise)
    )
    recv_view_accept = within(
        stable, preparing, accepting, installed, cond=[is_current, rule.is_outranked], on=rule.reject
    ) | (
        moving(stable, stable, preparing, accepting, cond=is_current, on=rule.accept)
        | within(installed, cond=is_current, on=rule.accept)
    )
    recv_view_promise = (
        preparing.to(
            accepting,
            cond=[is_current, rule.answers_ballot, rule.completes_quorum, rule.finds_value],
            on=rule.propose_found,
        )
        | preparing.to(stable, cond=[is_current, rule.answers_ballot, rule.completes_quorum], on=rule.give_up)
        | within(preparing, cond=[is_current, rule.answers_ballot], on=rule.note_promise)
    )
    recv_view_accepted = (
        accepting.to(
            installed, cond=[is_current, rule.answers_ballot, rule.completes_quorum, rule.keeps_self], on=rule.decide
        )
        | accepting.to(
            retiring, cond=[is_current, rule.answers_ballot, rule.completes_quorum, view.is_leaving], on=rule.decide
        )
        | accepting.to(outside, cond=[is_current, rule.answers_ballot, rule.completes_quorum], on=rule.decide)
        | within(accepting, cond=[is_current, rule.answers_ballot], on=rule.note_acceptance)
    )
    recv_view_reject = moving(stable, preparing, accepting, cond=[is_current, rule.outranks_own], on=rule.fall_back)

    recv_view_decision = (
        moving(
            stable,
            stable,
            preparing,
            accepting,
            installed,
            cond=[view.chains_on, view.chain_keeps_self],
            on=view.follow,
        )
        | moving(
            retiring,
            stable,
            preparing,
            accepting,
            installed,
            cond=[view.chains_on, view.is_leaving],
            on=view.follow_and_retire,
        )
        | moving(outside, stable, preparing, accepting, installed, cond=view.chains_on, on=view.follow_out)
        | within(stable, preparing, accepting, installed, cond=view.is_known, on=view.confirm)
        | within(stable, preparing, accepting, installed, on=view.refuse_decision)
    )
    recv_view_snapshot = (
        moving(stable, stable, preparing, accepting, installed, cond=[view.is_later, view.includes_self], on=view.leap)
        | moving(
            retiring,
            stable,
            preparing,
            accepting,
            installed,
            cond=[view.is_later, view.is_leaving],
            on=view.leap_out_and_retire,
        )
        | moving(outside, stable, preparing, accepting, installed, cond=view.is_later, on=view.leap_out)
        | within(stable, preparing, accepting, installed, cond=view.is_known_view, on=view.confirm)
    )

    recv_view_ack = (
        installed.to(stable, cond=[view.confirms, view.completes_all], on=view.finish_handover)
        | within(installed, cond=view.confirms, on=view.note_confirmation)
        | retiring.to(outside, cond=[view.confirms, view.completes_majority], on=view.finish_retiring)
        | within(retiring, cond=view.confirms, on=view.note_confirmation)
    )
    timeout_handover = (
        installed.to(stable, cond=view.is_exhausted, on=view.finish_handover)
        | within(installed, on=view.hand_over_again)
        | within(retiring, on=view.retire_again)
    )

    ignored = {
        ("*", "local_recover"): "nothing in the store, or started already",
        ("outside", "local_propose_cut"): "only members propose",
        ("retiring", "local_propose_cut"): "a leaver proposes nothing",
        ("*", "local_withdraw_cut"): "not a member",
        ("*", "timeout_takeover"): "another came first, or there is nothing to decide",
        ("*", "timeout_proposal"): "the proposal is over",
        ("*", "timeout_handover"): "the handover is over",
        ("*", "recv_view_prepare"): "not of the current view: the catch-up answers",
        ("*", "recv_view_accept"): "not of the current view: the catch-up answers",
        ("*", "recv_view_promise"): "not an answer to a proposal in work",
        ("*", "recv_view_accepted"): "not an answer to a proposal in work",
        ("*", "recv_view_reject"): "not an answer to a proposal in work",
        ("*", "recv_view_decision"): "former members follow no views",
        ("*", "recv_view_snapshot"): "of another lineage, or not a member",
        ("*", "local_retire"): "no view to hand over, or it is being handed over",
        ("*", "recv_view_ack"): "nothing is being handed over",
    }


VIEW_CHANGE = compile_machine(ViewChange)
