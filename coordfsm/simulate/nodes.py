"""A simulated cluster of whole nodes: the very step function that a process runs, in virtual time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from coordfsm.kernel import Endpoint, Notify
from coordfsm.protocols.coordinator import CoordinationSettings
from coordfsm.protocols.coordinator.data import COOLDOWN, CoordinationData
from coordfsm.protocols.coordinator.properties import (
    CooldownElapsed,
    History,
    Observation,
    fenced,
    monotonic,
    observe,
    one_host,
    rate_limited,
    remember,
    same_coordinator,
)
from coordfsm.protocols.membership import Settings as MembershipSettings
from coordfsm.protocols.membership.events import Bootstrap, Join
from coordfsm.protocols.migration import MigrationSettings
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.node import NodeSettings, composition, initial
from coordfsm.protocols.view import View
from coordfsm.simulate.cluster import Cluster, Happening
from coordfsm.simulate.faults import Schedule
from coordfsm.simulate.network import CALM, Weather


@dataclass(frozen=True)
class Pace:
    """The settings of all nodes."""

    membership: MembershipSettings = field(default_factory=MembershipSettings)
    coordination: CoordinationSettings = field(default_factory=CoordinationSettings)
    migration: MigrationSettings = field(default_factory=MigrationSettings)


def node_names(count: int) -> tuple[Endpoint, ...]:
    """``n1``, ``n2`` and so on; a node's endpoint is its name."""
    return tuple(f"n{number}" for number in range(1, count + 1))


def node_cluster(
    count: int,
    *,
    seed: int = 0,
    weather: Weather = CALM,
    schedule: Schedule = (),
    pace: Pace | None = None,
    weigh: bool = False,
) -> Cluster:
    """Nodes that have started and belong to no cluster yet."""
    chosen = pace or Pace()
    machines = {
        name: (
            partial(prompt_step, composition),
            initial(NodeSettings(name, name, chosen.membership, chosen.coordination, chosen.migration)),
        )
        for name in node_names(count)
    }
    cluster = Cluster(machines, seed=seed, weather=weather, schedule=schedule, weigh=weigh)
    cluster.start()
    return cluster


def form(cluster: Cluster, limit_ms: int = 120_000) -> int:
    """Let the first node found a cluster and all others join it.

    Returns:
        the virtual milliseconds until all hold one topology that names all.

    Raises:
        TimeoutError: it took longer than `limit_ms`.
    """
    founder, *others = cluster.processes
    cluster.command(founder, Bootstrap("token"))
    for name in others:
        cluster.command(name, Join((founder,)))
    return cluster.run_until(lambda: agree(cluster, len(cluster.processes)), limit_ms)


def view_at(cluster: Cluster, name: Endpoint) -> View | None:
    """The view that a node acts in; None while it is down or in none."""
    data = cluster.data(name)
    view: View | None = None if data is None else data.coordination.monitor.view
    return view


def agree(cluster: Cluster, members: int) -> bool:
    """Whether `members` nodes are in one view of that size and hold one topology of it that names them all."""
    inside = [p.data.coordination for p in cluster.up() if p.data.coordination.monitor.view is not None]
    views = {data.monitor.view.id: len(data.monitor.view.members) for data in inside}
    if len(inside) != members or list(views.values()) != [members]:
        return False
    held = {(data.registrar.held, len(data.registrar.topology.processes)) for data in inside}
    (stamp, named), *rest = held
    return not rest and named == members and stamp is not None and stamp.view_id in views


class CoordinationWatch:
    """Checks C1 to C5 after every step of a simulated run.

    Args:
        cluster: watched from now on.
        part: where a process's data hold coordination.

    Raises:
        AssertionError: from within the run, naming the property and the step.
    """

    def __init__(
        self, cluster: Cluster, part: Callable[[Any], CoordinationData] = lambda data: data.coordination
    ) -> None:
        self._part = part
        self._cluster = cluster
        self.histories: dict[Endpoint, History] = dict.fromkeys(cluster.processes, History())
        self._observations: dict[Endpoint, Observation] = {}
        self._members: dict[int, frozenset[tuple[str, int]]] = {}
        cluster.observers.append(self.look)

    def look(self, happening: Happening) -> None:
        """One step."""
        endpoint = happening.process.endpoint
        history = self.histories[endpoint]
        if getattr(happening.given, "timer", None) == COOLDOWN:
            history = remember(history, CooldownElapsed())
        before = self._observations.get(endpoint)
        for effect in happening.effects:
            if isinstance(effect, Notify):
                history = remember(history, effect.event)
        self.histories[endpoint] = history
        data = happening.process.data
        observation = observe(None if data is None else self._part(data), (), history)
        if observation == before:
            return
        self._observations[endpoint] = observation
        self._check(happening)

    def _check(self, happening: Happening) -> None:
        observations = tuple(self._observations.values())
        for observation in observations:
            if observation.view is not None:
                view = observation.view
                self._members[view.number] = frozenset((m.node, m.incarnation) for m in view.members)
        broken = [
            name
            for name, holds in (
                ("C1", same_coordinator(observations)),
                ("C2", fenced(observations)),
                ("C3", one_host(observations, self._members)),
                ("C4", monotonic(observations)),
                ("C5", rate_limited(observations)),
            )
            if not holds
        ]
        assert not broken, f"{', '.join(broken)} broken at {happening.at_ms} ms by {happening.given}"
