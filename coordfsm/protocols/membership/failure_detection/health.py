"""Local health: who misses the answers of many trusts its own senses less (Lifeguard, Dadgar 2018).

A subject that others miss, too, says nothing about this process, and neither does a single one.
"""

from msgspec.structs import replace
from statemachine import State

from coordfsm.kernel import Effect, Machine, Received, Value, compile_machine
from coordfsm.protocols.membership.data import HealthData, MembershipData, current_view
from coordfsm.protocols.membership.declaring import within
from coordfsm.protocols.membership.events import ProbeMissed

Done = tuple[HealthData, tuple[Effect, ...]]


def is_alone(data: HealthData, given: ProbeMissed, context: MembershipData) -> bool:
    """This process is the first, and perhaps the only one, to miss the subject."""
    return given.alone


def worsen(data: HealthData, given: ProbeMissed, context: MembershipData) -> Done:
    """Longer waits."""
    data, _ = miss(data, given, context)
    return replace(data, score=min(data.score + 1, context.settings.health_limit)), ()


def miss(data: HealthData, given: ProbeMissed, context: MembershipData) -> Done:
    """One more silence."""
    return replace(data, silence=min(data.silence + 1, context.settings.missed_limit)), ()


def improve(data: HealthData, given: Value, context: MembershipData) -> Done:
    """Shorter waits."""
    return replace(data, score=data.score - 1), ()


def is_last(data: HealthData, given: Value, context: MembershipData) -> bool:
    """One more answer and the process is well."""
    return data.score <= 1


def breaks_silence(data: HealthData, given: Received, context: MembershipData) -> bool:
    """Somebody answers. What others send unasked proves that they are heard, not that they hear."""
    view = current_view(context)
    return data.silence > 0 and view is not None and given.message.stamp.lineage == view.lineage  # type: ignore[attr-defined]


def hear(data: HealthData, given: Received, context: MembershipData) -> Done:
    """This process is not deaf."""
    return replace(data, silence=0), ()


class Health(Machine):
    """nominal: waits are as measured. degraded: waits are up to score times as long."""

    nominal = State(initial=True)
    degraded = State()

    local_probe_missed = (
        nominal.to(degraded, cond=is_alone, on=worsen)
        | within(degraded, cond=is_alone, on=worsen)
        | within(nominal, degraded, on=miss)
    )
    local_probe_answered = degraded.to(nominal, cond=is_last, on=improve) | within(degraded, on=improve)
    recv_probe_ack = recv_contact_reply = within(nominal, degraded, cond=breaks_silence, on=hear)

    ignored = {
        ("nominal", "local_probe_answered"): "as well as can be",
        ("*", "recv_probe_ack"): "heard anyway",
        ("*", "recv_contact_reply"): "heard anyway",
    }


HEALTH = compile_machine(Health)
