"""What is compared: each design as a machine, the data that its processes start with, and how to read them.

``coordfsm`` is membership and coordination, as a node runs them; ``coordination alone`` is the second of the two in a
view that does not change, to tell what it costs beside membership; ``heartbeats + bully`` is the replaced design.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bench.baseline import data as baseline_data
from bench.baseline import process as baseline
from bench.baseline.data import BaselineData, LeaderNamed, SnapshotSent
from coordfsm.kernel import Command, Composition, Endpoint, Message, Part, Step, Value, Write
from coordfsm.protocols import coordinator, membership
from coordfsm.protocols.coordinator import CoordinationData
from coordfsm.protocols.coordinator.messages import (
    ENTRY_PREFIX,
    STAMP_KEY,
    CoordinatorNamed,
    TopologyBroadcast,
    TopologyStamp,
)
from coordfsm.protocols.coordinator.registry import Hosting
from coordfsm.protocols.membership import MembershipData
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord
from coordfsm.protocols.node import MESSAGES
from coordfsm.protocols.view import NO_VIEW, Member, View, ViewInstalled

LIVENESS, COORDINATION = "liveness", "coordination"
"""What a message is for: to tell who is alive (heartbeats; all of membership's), or to coordinate."""

Everyone = Mapping[str, Endpoint]
"""Node id to endpoint, sorted by node id."""


class Metered(Composition):
    """A composition that counts the processor time of its steps, those of all processes that share it.

    Attributes:
        spent_ns: nanoseconds of this thread's processor time.
    """

    def __init__(self, name: str, parts: tuple[Part, ...]) -> None:
        super().__init__(name, parts)
        self.spent_ns = 0

    def step(self, data: Any, given: Value, context: Any = None) -> Step:
        began = time.thread_time_ns()
        step = super().step(data, given, context)
        self.spent_ns += time.thread_time_ns() - began
        return step


class CoordinatedData(Value):
    """A process of ``coordfsm``: a node without its migrations."""

    membership: MembershipData
    coordination: CoordinationData


class Design(NamedTuple):
    """One of the things compared.

    Attributes:
        name: for tables.
        machine: one step function a process.
        meters: kind to the part of the machine whose steps serve it.
        messages: all that its processes send.
        liveness: those of them that only tell who is alive.
        initial: (node, everyone) to a process's data.
        records: everyone to what is in each store at the start.
        commands: everyone to the commands that each process is given at the start.
        leader: of an event that names a coordinator: whom.
        broadcasts: whether an event says that a broadcast starts.
        hosts: a process's data to the topology that it holds, as bubble to process.
        can_crash: whether a crash of the coordinator makes another one lead.
    """

    name: str
    machine: Composition
    meters: Mapping[str, Metered]
    messages: tuple[type[Message], ...]
    liveness: frozenset[str]
    initial: Callable[[str, Everyone], Any]
    records: Callable[[Everyone], tuple[Write, ...]]
    commands: Callable[[Everyone], tuple[Command, ...]]
    leader: Callable[[Value], str | None]
    broadcasts: Callable[[Value], bool]
    hosts: Callable[[Any], Mapping[str, str]]
    can_crash: bool = True

    def kind(self, message: str) -> str:
        """What a message is for, by its class name."""
        return LIVENESS if message in self.liveness else COORDINATION


def view_of(everyone: Everyone) -> View:
    """The view in which our processes start."""
    return View("bench", 1, NO_VIEW, tuple(Member(node, 1, endpoint) for node, endpoint in everyone.items()))


# -- ours ----------------------------------------------------------------------------------------------------------


def _coordination_records(everyone: Everyone) -> tuple[Write, ...]:
    """Of a process that was in this view, with everyone registered, when all were restarted."""
    view = view_of(everyone)
    entries = (Hosting(member.node, member.incarnation, 0, (), changed_at=1) for member in view.members)
    return (
        Write(STAMP_KEY, TopologyStamp(view.number, view.id, 1)),
        *(Write(ENTRY_PREFIX + entry.process, entry) for entry in entries),
    )


def _named(event: Value) -> str | None:
    return event.coordinator if isinstance(event, CoordinatorNamed) else None


def _hosts(coordination: CoordinationData) -> Mapping[str, str]:
    return coordination.registrar.topology.hosts


def coordfsm() -> Design:
    """Membership and coordination as a node runs them."""
    liveness = Metered("membership", membership.composition.parts)
    coordination = Metered("coordination", coordinator.PARTS)
    machine = Composition("coordinated", (Part("membership", liveness), Part("coordination", coordination)))
    messages = tuple(kind for kind in MESSAGES if not kind.__module__.startswith("coordfsm.protocols.migration"))
    return Design(
        name="coordfsm",
        machine=machine,
        meters={LIVENESS: liveness, COORDINATION: coordination},
        messages=messages,
        liveness=frozenset(
            kind.__name__ for kind in messages if not kind.__module__.startswith("coordfsm.protocols.coordinator")
        ),
        initial=lambda node, everyone: CoordinatedData(
            membership.initial(node, everyone[node]), coordinator.initial(node)
        ),
        records=lambda everyone: (
            Write(IDENTITY_KEY, IdentityRecord(1, None)),
            Write(VIEW_KEY, view_of(everyone)),
            *_coordination_records(everyone),
        ),
        commands=lambda _: (),
        leader=_named,
        broadcasts=lambda event: isinstance(event, TopologyBroadcast),
        hosts=lambda data: _hosts(data.coordination),
    )


def coordination_alone() -> Design:
    """Coordination in a fixed view."""
    machine = Metered("coordination", coordinator.PARTS)
    return Design(
        name="coordination alone",
        machine=machine,
        meters={COORDINATION: machine},
        messages=tuple(kind for kind in MESSAGES if kind.__module__.startswith("coordfsm.protocols.coordinator")),
        liveness=frozenset(),
        initial=lambda node, _: coordinator.initial(node),
        records=_coordination_records,
        commands=lambda everyone: (ViewInstalled(view_of(everyone)),),
        leader=_named,
        broadcasts=lambda event: isinstance(event, TopologyBroadcast),
        hosts=_hosts,
        can_crash=False,
    )


# -- the replaced design -------------------------------------------------------------------------------------------


def _leader_named(event: Value) -> str | None:
    return event.leader if isinstance(event, LeaderNamed) else None


def _snapshot_hosts(data: BaselineData) -> Mapping[str, str]:
    return {bubble: process for process, bubbles in data.broadcaster.topology.items() for bubble in bubbles}


def heartbeats_and_bully() -> Design:
    """The replaced design."""
    machine = Metered("baseline", baseline.PARTS)
    return Design(
        name="heartbeats + bully",
        machine=machine,
        meters={COORDINATION: machine},
        messages=baseline_data.MESSAGES,
        liveness=frozenset({"Heartbeat"}),
        initial=lambda node, everyone: baseline.initial(node, dict(everyone)),
        records=lambda _: (),
        commands=lambda _: (),
        leader=_leader_named,
        broadcasts=lambda event: isinstance(event, SnapshotSent),
        hosts=_snapshot_hosts,
    )


DESIGNS: Mapping[str, Callable[[], Design]] = {
    "coordfsm": coordfsm,
    "coordination alone": coordination_alone,
    "heartbeats + bully": heartbeats_and_bully,
}
