"""Clusters of membership alone in virtual time: formed without joining, then killed, or left to a lossy network."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordfsm.kernel import Endpoint, Write
from coordfsm.protocols.membership import Settings, composition, initial
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord, current_view
from coordfsm.protocols.membership.events import (
    MemberShunned,
    MemberWedged,
    SubjectAccused,
    ViewChanged,
)
from coordfsm.protocols.view import NO_VIEW, Member, View, ring_order
from coordfsm.simulate.cluster import Cluster
from coordfsm.simulate.faults import ChangeWeather
from coordfsm.simulate.network import Weather

SETTLING_MS = 15_000
"""Virtual time for detectors to measure round trips before anything is counted."""


def formed(members: int, *, seed: int, weather: Weather, settings: Settings) -> Cluster:
    """Members of one view that have just recovered it from their stores."""
    names = [f"n{number:03}" for number in range(members)]
    view = View(f"bench-{seed}", 1, NO_VIEW, tuple(Member(name, 1, name) for name in names))
    cluster = Cluster(
        {name: (composition.step, initial(name, name, settings)) for name in names},
        seed=seed,
        weather=Weather(weather.fastest_ms, weather.slowest_ms),
        weigh=True,
    )
    records = (Write(IDENTITY_KEY, IdentityRecord(1, None)), Write(VIEW_KEY, view))
    for process in cluster.processes.values():
        process.durable = records
    # Real processes do not start in the same millisecond.
    for name in names:
        cluster.start(name)
        cluster.run(cluster.random.randint(0, 2 * settings.probe_ms // members + 1))
    cluster.inflict(ChangeWeather(weather))
    cluster.run(SETTLING_MS)
    return cluster


def members_seen(cluster: Cluster, name: Endpoint) -> frozenset[Endpoint]:
    """The members of the view that a process acts in; empty if it acts in none."""
    view = current_view(cluster.data(name))
    return frozenset() if view is None else frozenset(member.node for member in view.members)


@dataclass(frozen=True)
class Exclusion:
    """How long members stayed in views after they were killed.

    Attributes:
        first_ms: until the first survivor has a view without them.
        last_ms: until every survivor has.
        views: view changes that it took.
        survivors_lost: survivors that were removed, too.
    """

    first_ms: int
    last_ms: int
    views: int
    survivors_lost: int


def exclusion(
    members: int, *, seed: int, weather: Weather, settings: Settings, victims: int = 1, leader: bool = False
) -> Exclusion:
    """Kill some members at once, at a random moment, and wait until they are in no survivor's view.

    Args:
        members: of the cluster.
        seed: of all chance.
        weather: before and after.
        settings: of all members.
        victims: how many are killed.
        leader: whether the coordinator is among them.

    Raises:
        TimeoutError: they are still there after a minute.
    """
    cluster = formed(members, seed=seed, weather=weather, settings=settings)
    cluster.run(cluster.random.randint(0, settings.probe_ms * members))
    first = view_of(cluster)
    order = [member.node for member in ring_order(first)]
    killed = frozenset(order[:victims] if leader else cluster.random.sample(order[1:], victims))
    for name in killed:
        cluster.processes[name].data, cluster.processes[name].timers = None, {}
    began_ms = cluster.now_ms

    def without(name: Endpoint) -> bool:
        seen = members_seen(cluster, name)
        return not seen & killed

    living = [name for name in cluster.processes if name not in killed]
    first_ms = cluster.run_until(lambda: any(without(name) for name in living), 60_000)
    cluster.run_until(lambda: all(without(name) for name in living), 60_000)
    last_ms = cluster.now_ms - began_ms
    numbers = {view.number for name in living if (view := current_view(cluster.data(name))) is not None}
    lost = {told.endpoint for told in cluster.heard(MemberShunned) if told.endpoint not in killed}
    return Exclusion(first_ms, last_ms, max(numbers) - first.number, len(lost))


def view_of(cluster: Cluster) -> View:
    """The newest view of all."""
    views = [view for process in cluster.up() if (view := current_view(process.data)) is not None]
    return max(views, key=lambda view: view.number)


@dataclass(frozen=True)
class Rest:
    """A cluster in which nothing happens but the weather.

    Attributes:
        messages: sent by a member in a second, mean over the members.
        busiest: of the member that sends most.
        octets: encoded bytes sent by a member in a second, without the sealing of a datagram.
        accusations: in a minute, over the whole cluster.
        removed: live members that were removed, in a minute.
        wedged: times that a member took itself for cut off, in a minute.
    """

    messages: float
    busiest: float
    octets: float
    accusations: float
    removed: float
    wedged: float


def rest(members: int, *, seed: int, weather: Weather, settings: Settings, for_ms: int) -> Rest:
    """Let time pass, and count."""
    cluster = formed(members, seed=seed, weather=weather, settings=settings)
    cluster.sent.clear()
    cluster.sent_bytes.clear()
    cluster.told.clear()
    cluster.run(for_ms)
    sent = dict.fromkeys(cluster.processes, 0)
    for (name, _), count in cluster.sent.items():
        sent[name] += count
    seconds, minutes = for_ms / 1000, for_ms / 60_000
    return Rest(
        messages=sum(sent.values()) / members / seconds,
        busiest=max(sent.values()) / seconds,
        octets=sum(cluster.sent_bytes.values()) / members / seconds,
        accusations=len(cluster.heard(SubjectAccused)) / minutes,
        removed=len(cluster.heard(MemberShunned)) / minutes,
        wedged=len(cluster.heard(MemberWedged)) / minutes,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * share // 1) - 1, 0).__int__()]


__all__ = ["Exclusion", "Rest", "ViewChanged", "exclusion", "percentile", "rest"]
