"""Whole clusters in virtual time, for sizes and durations that no exhaustive exploration reaches.

::

    from coordfsm.simulate import ROUGH, CoordinationWatch, agree, form, node_cluster, random_schedule

    cluster = node_cluster(5, seed=1)
    CoordinationWatch(cluster)  # C1 to C5 after every step
    form(cluster)  # n1 founds, the others join
    for at_ms, fault in random_schedule(1, tuple(cluster.processes), until_ms=60_000, weather=ROUGH):
        cluster.agenda.add(at_ms, fault)
    cluster.run(60_000)
    cluster.run_until(lambda: agree(cluster, 5), limit_ms=120_000)

The same seed gives the same run, event for event. Any machine can be simulated: `Cluster` takes a step function and
the data that a process starts with.
"""

from coordfsm.simulate.cluster import Cluster, Happening, Told
from coordfsm.simulate.faults import (
    ChangeWeather,
    Crash,
    CutLinks,
    Fault,
    Heal,
    Partition,
    Restart,
    Schedule,
    random_schedule,
)
from coordfsm.simulate.network import CALM, ROUGH, Weather
from coordfsm.simulate.nodes import CoordinationWatch, Pace, agree, form, node_cluster, view_at
from coordfsm.simulate.process import Process

__all__ = [
    "CALM",
    "ROUGH",
    "ChangeWeather",
    "Cluster",
    "CoordinationWatch",
    "Crash",
    "CutLinks",
    "Fault",
    "Happening",
    "Heal",
    "Pace",
    "Partition",
    "Process",
    "Restart",
    "Schedule",
    "Told",
    "Weather",
    "agree",
    "form",
    "node_cluster",
    "random_schedule",
    "view_at",
]
