"""What an operator may tune. Safety holds under every setting; only speed and cost change."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from coordfsm.kernel import Endpoint, Value, fingerprint
from coordfsm.protocols.membership.messages import LONGEST_CHAIN
from coordfsm.protocols.view import RINGS


class Settings(Value):
    """Settings of one process's membership.

    Attributes:
        label: the cluster's name; joiners with another one are refused.
        seeds: where to ask to join again after being shunned, besides the last known members.
        rejoin: whether a shunned process asks to join again by itself.
        rings: K, how many monitors a member has.
        probe_ms: each member is probed once in this time, by its monitors in turn.
        probe_timeout_ms: longest wait for an answer while this process is well; the adaptive wait lies below it.
        probe_timeout_floor_ms: shortest wait for an answer.
        missed_limit: missed probes in a row before an accusation; they follow one another at once.
        health_limit: how bad this process's own health may be counted; it multiplies the waits by up to this.
        recovery_acks: answered probes in a row after which a condemned subject is trusted again.
        rebuttal_ms: how long the accused may take to rebut.
        condemnation_ms: pause before a condemnation is announced again, growing with the announcements.
        batch_ms: how long a stable cut waits for company.
        reinforce_ms: how long a subject may stay unstable before its monitors reinforce, and then before it stays.
        proposal_ms: pause between two sendings of the same proposal.
        takeover_ms: what each rank in the line of succession adds to the delay before it takes over.
        handover_ms: pause between two sendings of the same decision.
        handover_attempts: sendings of a decision to members that do not confirm it.
        chain_limit: past decisions kept for members that lag behind, 2 to 256.
        join_ms: pause between two requests to join, growing with the attempts.
        join_attempts: requests to one coordinator before the next seed is asked.
        leave_ms: pause between two announcements of leaving.
        leave_attempts: announcements of leaving before going anyway, plus one for every ten members.
        contact_ms: how long a majority has to answer before the process is wedged.
        contact_attempts: how often it asks the members in that time.
        longest_ms: no backoff grows beyond this.
        bounds: least and most of a setting, where it has any beyond those of its kind.
    """

    bounds: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType({"chain_limit": (2, LONGEST_CHAIN // 2)})

    label: str = "cluster"
    seeds: tuple[Endpoint, ...] = ()
    rejoin: bool = True
    rings: int = RINGS
    probe_ms: int = 500
    probe_timeout_ms: int = 500
    probe_timeout_floor_ms: int = 75
    missed_limit: int = 3
    health_limit: int = 8
    recovery_acks: int = 3
    rebuttal_ms: int = 700
    condemnation_ms: int = 250
    batch_ms: int = 100
    reinforce_ms: int = 3000
    proposal_ms: int = 300
    takeover_ms: int = 1000
    handover_ms: int = 300
    handover_attempts: int = 5
    chain_limit: int = 32
    join_ms: int = 300
    join_attempts: int = 5
    leave_ms: int = 300
    leave_attempts: int = 20
    contact_ms: int = 2000
    contact_attempts: int = 4
    longest_ms: int = 10_000


def backoff(settings: Settings, base_ms: int, attempt: int, node: str) -> int:
    """A delay in milliseconds that doubles with the attempts up to the longest, plus up to half of it as jitter.

    The jitter follows from the node and the attempt, so that processes spread without chance entering a machine.
    """
    delay = min(base_ms << min(attempt, 16), settings.longest_ms)
    return delay + fingerprint((node, attempt)) % (delay // 2 + 1)
