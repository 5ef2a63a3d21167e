"""What the machines of coordination hold. Each part reads its siblings through `CoordinationData`."""

from coordfsm.kernel import Map, Timer, Value
from coordfsm.protocols.coordinator.messages import Hosted, TopologyStamp
from coordfsm.protocols.coordinator.parts import Partial
from coordfsm.protocols.coordinator.registry import Registry
from coordfsm.protocols.view import View

STABILITY = Timer("stability")
REGISTRATION = Timer("registration")
COOLDOWN = Timer("cooldown")
TOPOLOGY = Timer("topology")


class CoordinationSettings(Value):
    """What an operator may tune. Safety holds under every setting; only speed and cost change.

    Attributes:
        stability_ms: a view without change for this long is stable.
        cooldown_ms: at most one broadcast of the topology in this time; also how long a new coordinator waits for
            registrations before it publishes without the missing ones.
        resend_ms: an unanswered registration or unacknowledged topology is sent again after this time.
        part_bytes: a topology that takes more goes in parts of this size at most, one at a time to each process.
    """

    stability_ms: int = 300
    cooldown_ms: int = 1000
    resend_ms: int = 200
    part_bytes: int = 65_536


class ViewMonitorData(Value):
    """The installed view, and whether it is stable.

    Attributes:
        view: None before the first view and after being shunned.
        state: of the machine.
    """

    view: View | None = None
    state: str = "unstable"


class CoordinatorData(Value):
    """The coordinator's side.

    Attributes:
        registry: all registrations accepted in this view, those not yet published included.
        published: the last broadcast, of this view or an earlier one.
        acknowledged: process to the topology version of this view that it holds.
        progress: process to how many parts of the published version it holds, while it holds some and not all.
        cooling: whether a cooldown that a broadcast started (or may have started, before a crash) is running.
        state: of the machine.
    """

    registry: Registry = Registry()
    published: TopologyStamp | None = None
    acknowledged: Map[str, int] = Map()
    progress: Map[str, int] = Map()
    cooling: bool = False
    state: str = "follower"


class RegistrarData(Value):
    """Every process's side: what it hosts, and the topology that it holds.

    Attributes:
        hosted: what this process hosts.
        held: identifies `topology`; None before the first.
        topology: the newest accepted registry.
        partial: the first parts of a newer one that comes in parts; None: there is none.
        state: of the machine.
    """

    hosted: Hosted = Hosted()
    held: TopologyStamp | None = None
    topology: Registry = Registry()
    partial: Partial | None = None
    state: str = "detached"


class CoordinationData(Value):
    """The machines of coordination in one process, and what they share to read.

    Attributes:
        node: this process's node id.
    """

    node: str
    settings: CoordinationSettings = CoordinationSettings()
    monitor: ViewMonitorData = ViewMonitorData()
    coordinator: CoordinatorData = CoordinatorData()
    registrar: RegistrarData = RegistrarData()


def installed(context: CoordinationData) -> View:
    """The view that is installed; there is one whenever a guard or action asks."""
    view = context.monitor.view
    assert view is not None
    return view
