"""Coordination: who leads a view, what every process hosts, and the topology that all of them read."""
