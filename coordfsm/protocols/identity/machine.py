"""The identity of a store: what comes before a process may act as the member that the store says it is."""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.identity import rules as rule
from coordfsm.protocols.membership.declaring import moving, within


class Identity(Machine):
    """starting. recovering: asks what others saw of its store. acting. stopped: its store is a copy, it never acts."""

    starting = State(initial=True)
    recovering = State()
    acting = State()
    stopped = State(final=True)

    local_store_opened = starting.to(acting, cond=rule.is_alone, on=rule.begin_alone) | starting.to(
        recovering, on=rule.ask
    )
    recv_sighting_reply = (
        recovering.to(stopped, cond=[rule.is_of_this_start, rule.saw_newer], on=rule.stop_stale)
        | recovering.to(acting, cond=[rule.is_of_this_start, rule.completes_answers], on=rule.begin_confirmed)
        | within(recovering, cond=rule.is_of_this_start, on=rule.note_answer)
    )
    timeout_sighting = within(recovering, cond=rule.may_ask_again, on=rule.ask_again) | recovering.to(
        acting, on=rule.begin_unanswered
    )
    recv_sighting_request = within(recovering, acting, on=rule.answer)
    local_stamp_seen = (
        within(recovering, acting, cond=[rule.is_of_a_member, rule.follows], on=rule.note)
        | within(recovering, acting, cond=[rule.is_of_a_member, rule.has_same_boot], on=rule.stop_both)
        | within(recovering, acting, cond=rule.is_of_a_member, on=rule.stop_other)
    )
    recv_superseded = moving(stopped, recovering, acting, cond=rule.is_of_this_start, on=rule.stop_superseded)

    ignored = {
        ("*", "local_store_opened"): "opened already",
        ("*", "recv_sighting_reply"): "no longer asked, or the answer to another start",
        ("*", "timeout_sighting"): "no longer asking",
        ("*", "recv_sighting_request"): "not opened yet, or stopped: nothing more is said",
        ("*", "local_stamp_seen"): "of no member of the view, or stopped",
        ("*", "recv_superseded"): "to another process, or stopped already",
    }


IDENTITY = compile_machine(Identity)
