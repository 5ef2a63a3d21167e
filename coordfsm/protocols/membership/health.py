"""Local health: who misses the answers of many trusts its own senses less (Lifeguard, Dadgar 2018)."""

from msgspec.structs import replace
from statemachine import State

from coordfsm.kernel import Effect, Machine, Value, compile_machine
from coordfsm.protocols.membership.data import HealthData, MembershipData
from coordfsm.protocols.membership.declaring import within

Done = tuple[HealthData, tuple[Effect, ...]]


def worsen(data: HealthData, given: Value, context: MembershipData) -> Done:
    """Longer waits."""
    return replace(data, score=min(data.score + 1, context.settings.health_limit)), ()


def improve(data: HealthData, given: Value, context: MembershipData) -> Done:
    """Shorter waits."""
    return replace(data, score=data.score - 1), ()


def is_last(data: HealthData, given: Value, context: MembershipData) -> bool:
    """One more answer and the process is well."""
    return data.score <= 1


class Health(Machine):
    """nominal: waits are as measured. degraded: waits are 1 + score times as long."""

    nominal = State(initial=True)
    degraded = State()

    local_probe_missed = nominal.to(degraded, on=worsen) | within(degraded, on=worsen)
    local_probe_answered = degraded.to(nominal, cond=is_last, on=improve) | within(degraded, on=improve)

    ignored = {("nominal", "local_probe_answered"): "as well as can be"}


HEALTH = compile_machine(Health)
