"""The lifecycle: a process on its way into the cluster, in it, cut off from it, and out of it."""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.membership.declaring import moving, within
from coordfsm.protocols.membership.lifecycle import belonging as rule
from coordfsm.protocols.membership.lifecycle import joining as join
from coordfsm.protocols.membership.lifecycle import withdrawing as withdrawal
from coordfsm.protocols.membership.stamps import is_current


class Lifecycle(Machine):
    """detached: in no cluster. seeking: asking seeds. waiting: asked to join a view. member. wedged: no majority.

    withdrawing: asked to join, wants it no more, and finds out whether it was admitted. shunned: excluded against its
    will. leaving: asked to be excluded. left: gone.
    """

    detached = State(initial=True)
    seeking = State()
    waiting = State()
    withdrawing = State()
    member = State()
    wedged = State()
    shunned = State()
    leaving = State()
    left = State(final=True)

    local_recover = within(detached, on=join.remember)
    local_bootstrap = within(detached, cond=join.has_address, on=join.found) | within(
        detached, seeking, waiting, withdrawing, member, wedged, shunned, leaving, on=join.refuse_command
    )
    local_join = (
        moving(seeking, detached, seeking, shunned, cond=join.can_seek, on=join.seek)
        | wedged.to(seeking, cond=join.can_seek, on=join.desert)
        | within(detached, seeking, waiting, withdrawing, member, wedged, shunned, leaving, on=join.refuse_command)
    )
    timeout_join = (
        within(seeking, on=join.ask_next_seed)
        | within(waiting, cond=join.may_ask_again, on=join.ask_again)
        | waiting.to(seeking, on=join.seek_elsewhere)
    )
    recv_join_refusal = within(seeking, waiting, on=join.note_refusal)
    recv_join_redirect = (
        seeking.to(waiting, cond=[join.is_invited, join.may_be_admitted], on=join.ask_anew)
        | seeking.to(waiting, cond=join.is_invited, on=join.bind_and_ask)
        | within(waiting, cond=[join.is_invited, join.is_in_view], on=join.ask_other)
        | within(waiting, cond=[join.is_invited, join.is_invited_later], on=join.bind_and_ask)
        | within(waiting, cond=[join.is_invited, join.is_redirected], on=join.ask_other)
        | within(withdrawing, cond=[join.is_invited, join.is_in_view], on=withdrawal.ask_there)
        | withdrawing.to(
            leaving, cond=[join.is_invited, join.is_invited_later, rule.is_out_of_a_view], on=rule.retire_at_last
        )
        | withdrawing.to(left, cond=[join.is_invited, join.is_invited_later], on=rule.go)
        | within(withdrawing, cond=[join.is_invited, join.is_redirected], on=withdrawal.ask_there)
    )
    recv_view_welcome = within(seeking, waiting, withdrawing, cond=join.welcomes_self, on=join.enter) | within(
        member, wedged, leaving, cond=join.is_welcomed_again, on=join.confirm_welcome
    )

    recv_join_inquiry = (
        within(member, wedged, leaving, cond=join.is_refused, on=join.refuse_joiner)
        | within(member, wedged, leaving, on=join.redirect)
        | within(detached, seeking, waiting, withdrawing, shunned, on=join.refuse_as_stranger)
    )
    recv_join_request = (
        within(member, wedged, leaving, cond=join.is_admitted, on=join.welcome)
        | within(member, wedged, leaving, cond=join.is_refused, on=join.refuse_joiner)
        | within(member, wedged, leaving, cond=join.is_misdirected, on=join.redirect)
        | within(member, wedged, leaving, cond=join.is_unproven, on=join.redirect)
        | within(detached, seeking, waiting, withdrawing, shunned, on=join.refuse_as_stranger)
    )

    local_view_installed = (
        moving(leaving, detached, withdrawing, cond=rule.was_leaving, on=rule.resume_leaving)
        | moving(member, detached, seeking, waiting, on=rule.settle)
        | within(member, on=rule.settle)
        | wedged.to(member, cond=rule.is_alone, on=rule.unwedge)
        | within(wedged, on=rule.ask_contact)
    )
    local_excluded = (
        detached.to(withdrawing, cond=[rule.was_leaving, join.asked_to_return], on=withdrawal.resume_withdrawing)
        | detached.to(leaving, cond=rule.was_leaving, on=rule.resume_leaving)
        | moving(shunned, detached, member, wedged, on=join.be_shunned)
        | within(leaving, on=rule.stop_acting)
    )
    timeout_rejoin = shunned.to(seeking, cond=join.has_seeds, on=join.seek_again)

    recv_probe = within(member, wedged, leaving, cond=rule.targets_self, on=rule.answer_probe) | within(
        waiting, cond=rule.targets_applicant, on=rule.answer_as_applicant
    )
    recv_accusation = within(member, wedged, leaving, cond=[is_current, rule.accuses_self], on=rule.rebut)

    local_leave = (
        member.to(left, cond=rule.is_alone, on=rule.go)
        | moving(leaving, member, wedged, on=rule.leave)
        | moving(withdrawing, seeking, shunned, cond=withdrawal.may_have_been_admitted, on=withdrawal.withdraw)
        | waiting.to(withdrawing, on=withdrawal.withdraw)
        | seeking.to(leaving, cond=rule.is_out_of_a_view, on=rule.retire)
        | shunned.to(leaving, on=rule.retire)
        | moving(left, detached, seeking, on=rule.go)
    )
    timeout_leave = (
        within(leaving, cond=rule.may_leave_again, on=rule.leave_again)
        | within(withdrawing, cond=withdrawal.may_withdraw_again, on=withdrawal.withdraw_again)
        | withdrawing.to(leaving, cond=rule.is_out_of_a_view, on=rule.retire_at_last)
        | moving(left, leaving, withdrawing, on=rule.go)
    )
    local_handed_over = leaving.to(left, on=rule.go)

    local_contact_doubted = within(member, cond=rule.is_unasked, on=rule.ask_contact)
    recv_contact_request = within(member, wedged, leaving, cond=is_current, on=rule.answer_contact)
    recv_contact_reply = wedged.to(member, cond=[is_current, rule.hears_majority], on=rule.unwedge) | within(
        wedged, member, cond=is_current, on=rule.note_contact
    )
    timeout_contact = (
        within(member, cond=rule.heard_majority, on=rule.settle)
        | within(member, wedged, cond=rule.may_ask_contact_again, on=rule.ask_contact_again)
        | member.to(wedged, on=rule.wedge)
        | within(wedged, on=rule.ask_contact)
    )

    local_force_view = within(wedged, cond=rule.can_force, on=rule.force) | within(
        detached, seeking, waiting, withdrawing, member, wedged, shunned, leaving, on=join.refuse_command
    )
    recv_view_forced = within(wedged, cond=rule.is_forced_on, on=rule.follow_forced) | within(
        member, wedged, on=rule.refuse_forced
    )

    ignored = {
        ("*", "local_recover"): "started already",
        ("*", "local_bootstrap"): "left for good: nothing more is said or heard",
        ("*", "local_join"): "left for good: nothing more is said or heard",
        ("*", "local_leave"): "on the way out already",
        ("*", "local_force_view"): "left for good: nothing more is said or heard",
        ("*", "timeout_join"): "no longer asking",
        ("*", "timeout_rejoin"): "joined by command, or nobody to ask",
        ("*", "timeout_leave"): "not leaving",
        ("*", "timeout_contact"): "no round of contact runs",
        ("*", "recv_join_refusal"): "not asking",
        ("*", "recv_join_redirect"): "not asking, or nothing new",
        ("*", "recv_view_welcome"): "not waiting for this view",
        ("*", "recv_join_inquiry"): "left for good: nothing more is said or heard",
        ("*", "recv_join_request"): "admissible requests are the cut detector's business",
        ("*", "recv_probe"): "for another incarnation, or neither a member nor about to be one",
        ("*", "recv_accusation"): "against somebody else, or not a member",
        ("*", "recv_contact_request"): "not a member, or of another view",
        ("*", "recv_contact_reply"): "no longer asked, or of another view",
        ("*", "recv_view_forced"): "not a member",
        ("*", "local_view_installed"): "leaving goes on in the next view",
        ("*", "local_excluded"): "was no member",
        ("*", "local_handed_over"): "not leaving",
        ("*", "local_contact_doubted"): "a round runs already, or not a member",
    }


LIFECYCLE = compile_machine(Lifecycle)
