"""The founder: a process that is told to found a cluster, and asks first whether there is one."""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.membership.declaring import within
from coordfsm.protocols.membership.founding import rules as rule


class Founder(Machine):
    """idle: founds nothing. asking: whether a seed knows of a cluster with this label."""

    idle = State(initial=True)
    asking = State()

    local_found = (
        within(idle, cond=[rule.is_in_no_cluster, rule.has_nobody_to_ask], on=rule.found_alone)
        | idle.to(asking, cond=rule.is_in_no_cluster, on=rule.ask_seeds)
        | within(idle, asking, on=rule.refuse_to_ask)
    )
    recv_founding_answer = (
        asking.to(idle, cond=[rule.is_of_this_founding, rule.knows_of_a_cluster], on=rule.refuse_for_a_cluster)
        | asking.to(idle, cond=[rule.is_of_this_founding, rule.completes_answers], on=rule.found)
        | within(asking, cond=rule.is_of_this_founding, on=rule.note_answer)
    )
    timeout_founding = (
        within(asking, cond=rule.may_ask_again, on=rule.ask_silent_seeds)
        | asking.to(idle, cond=rule.is_confirmed, on=rule.found_unanswered)
        | asking.to(idle, on=rule.refuse_for_silence)
    )
    recv_founding_inquiry = within(idle, asking, cond=rule.has_this_label, on=rule.answer)

    ignored = {
        ("*", "recv_founding_answer"): "no longer asked, or the answer to another founding",
        ("idle", "timeout_founding"): "no longer asking",
        ("*", "recv_founding_inquiry"): "of a cluster with another label",
    }


FOUNDER = compile_machine(Founder)
