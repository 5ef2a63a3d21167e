"""REQUEST: a message to an entity, at its sender. It finds the owner, is repeated, and ends with what is known of it.

It is bound to one epoch of the entity and one session of the owner at a time, and tries another place only after the
last one has said that it will never hand it over. So it is handed over at most once, wherever the entity goes.
"""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.delivery import request_rules as rule


class Request(Machine):
    """IDLE: not begun, or ended. LOCATING: asks where the entity is. SENDING: repeats itself to one place."""

    idle = State(initial=True)
    locating = State()
    sending = State()

    local_send_to_entity = (
        idle.to(sending, cond=[rule.may_send, rule.hint_leads_to_a_member], on=rule.begin)
        | idle.to(locating, cond=rule.may_send, on=rule.begin_unlocated)
        | idle.to(idle, internal=True, on=rule.refuse)
    )
    local_entity_located = locating.to(sending, cond=rule.leads_to_a_member, on=rule.bind) | locating.to(
        idle, on=rule.end_not_found
    )
    recv_request_answered = sending.to(idle, cond=rule.is_of_this_run, on=rule.end_answered)
    recv_request_refused = (
        sending.to(sending, cond=[rule.is_of_open_binding, rule.may_hop, rule.names_another_place], on=rule.bind_next)
        | sending.to(locating, cond=[rule.is_of_open_binding, rule.may_hop], on=rule.locate)
        | sending.to(idle, cond=rule.is_of_open_binding, on=rule.end_undelivered)
    )
    recv_request_forgotten = sending.to(idle, cond=rule.is_of_open_binding, on=rule.end_unconfirmed)
    local_view_installed = sending.to(
        locating, cond=[rule.is_owner_gone, rule.is_unbound], on=rule.locate
    ) | sending.to(idle, cond=rule.is_owner_gone, on=rule.end_unconfirmed)
    timeout_request = locating.to(locating, internal=True, on=rule.locate) | sending.to(
        sending, internal=True, on=rule.send_again
    )
    timeout_request_deadline = (
        locating.to(idle, on=rule.end_undelivered)
        | sending.to(idle, cond=rule.is_unbound, on=rule.end_undelivered)
        | sending.to(idle, on=rule.end_unconfirmed)
    )

    ignored = {
        ("*", "local_send_to_entity"): "the number is in use, and numbers are not used twice",
        ("*", "local_entity_located"): "asked no more",
        (
            "*",
            "recv_request_answered",
        ): "ended already, or of an earlier run of the process; nothing was handed over while a place is looked for",
        ("*", "recv_request_refused"): "of a place that is not tried any more, or ended already",
        ("*", "recv_request_forgotten"): "of a place that is not tried any more, or ended already",
        ("*", "local_view_installed"): "the place that is tried is a member still, or none is tried",
        ("*", "timeout_request"): "ended already",
        ("*", "timeout_request_deadline"): "ended already",
    }


REQUEST = compile_machine(Request)
