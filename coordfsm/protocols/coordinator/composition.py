"""The machines of coordination behind one step function."""

from coordfsm.kernel import Composition, Part
from coordfsm.protocols.coordinator.coordinator import COORDINATOR
from coordfsm.protocols.coordinator.data import CoordinationData, CoordinationSettings
from coordfsm.protocols.coordinator.registrar import REGISTRAR
from coordfsm.protocols.coordinator.view_monitor import VIEW_MONITOR

# The monitor comes first: its siblings read the installed view in its data.
PARTS = (Part("monitor", VIEW_MONITOR), Part("coordinator", COORDINATOR), Part("registrar", REGISTRAR))

composition = Composition("coordination", PARTS)


def initial(node: str, settings: CoordinationSettings | None = None) -> CoordinationData:
    """The data of a process before its first input."""
    return CoordinationData(node, settings or CoordinationSettings())
