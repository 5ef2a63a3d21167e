"""Coordination: who leads a view, what every process hosts, and the topology that all of them read."""

from coordfsm.protocols.coordinator.composition import PARTS, composition, initial
from coordfsm.protocols.coordinator.data import CoordinationData, CoordinationSettings

__all__ = ["PARTS", "CoordinationData", "CoordinationSettings", "composition", "initial"]
