"""INBOX: what came from one sender, at the process where it was handed to the application.

A request is handed over only in the session to which it is bound, and in that one all that was handed over is known.
Whatever is not known is said not to be known.
"""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.delivery import inbox_rules as rule
from coordfsm.protocols.membership.declaring import within


class Inbox(Machine):
    """UNHEARD: nothing of the sender was handed over. HEARD: something was."""

    unheard = State(initial=True)
    heard = State()

    recv_entity_request = (
        heard.to(heard, internal=True, cond=[rule.is_of_a_member, rule.is_answered], on=rule.answer_again)
        | unheard.to(
            heard,
            cond=[rule.is_of_a_member, rule.is_new, rule.is_bound_here, rule.is_in_service],
            on=rule.deliver,
        )
        | heard.to(
            heard,
            internal=True,
            cond=[rule.is_of_a_member, rule.is_new, rule.is_bound_here, rule.is_in_service],
            on=rule.deliver,
        )
        | within(
            unheard,
            heard,
            cond=[rule.is_of_a_member, rule.is_new, rule.is_bound_here, rule.has_moved_on],
            on=rule.refuse,
        )
        | within(unheard, heard, cond=[rule.is_of_a_member, rule.is_new, rule.is_unbound], on=rule.refuse)
        | within(unheard, heard, cond=[rule.is_of_a_member, rule.is_forgotten], on=rule.tell_forgotten)
    )
    local_answer_request = heard.to(
        heard, internal=True, cond=[rule.is_waited_for, rule.is_short_enough], on=rule.answer
    ) | heard.to(heard, internal=True, cond=rule.is_waited_for, on=rule.refuse_answer)
    local_view_installed = heard.to(unheard, cond=rule.is_sender_gone, on=rule.forget)

    ignored = {
        ("*", "recv_entity_request"): (
            "of no member, or of an earlier run of one; the application has it; or the entity is frozen, or has not"
            " arrived yet: the sender repeats it"
        ),
        ("*", "local_answer_request"): "answered already, or forgotten with its sender",
        ("*", "local_view_installed"): "the sender is a member still, or was never heard",
    }


INBOX = compile_machine(Inbox)
