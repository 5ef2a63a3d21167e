"""The designs in virtual time: messages, bytes and the machines' own processor time, without the machine's noise.

Bytes are the canonical bytes of messages, without the seal and the headers of a datagram. Processor time is that of the
machines' steps, without codec, seal and sockets.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.baseline.designs import Design, Everyone
from bench.baseline.figures import Agreement, Crash, Load, Storm, agreement
from coordfsm.kernel import encode
from coordfsm.protocols.coordinator.messages import RegisterBubbles
from coordfsm.simulate.cluster import Cluster
from coordfsm.simulate.faults import ChangeWeather
from coordfsm.simulate.faults import Crash as CrashFault
from coordfsm.simulate.network import CALM, Weather

SETTLING_MS = 6_000
BUBBLES = 4
"""What every process hosts while a cluster is at rest."""

CHANGES = 100
STORM_MS = 10_000


def names(count: int) -> Everyone:
    """Node ids; a node's endpoint is its name."""
    return {name: name for name in (f"n{number:03}" for number in range(count))}


def start(design: Design, count: int, seed: int) -> Cluster:
    """A cluster at rest, everyone hosting a few bubbles."""
    everyone = names(count)
    cluster = Cluster(
        {name: (design.machine.step, design.initial(name, everyone)) for name in everyone}, seed=seed, weigh=True
    )
    records = tuple(sorted(design.records(everyone), key=lambda write: write.key))
    for name, process in cluster.processes.items():
        process.durable = records
        cluster.start(name)
        for command in (*design.commands(everyone), RegisterBubbles(_bubbles(name))):
            cluster.command(name, command)
        # Real processes do not start in the same millisecond.
        cluster.run(cluster.random.randint(0, 1000 // count))
    cluster.run(SETTLING_MS)
    return cluster


def _bubbles(name: str) -> tuple[str, ...]:
    return tuple(f"{name}-{number}" for number in range(BUBBLES))


def _load(design: Design, cluster: Cluster, processes: int, for_ms: int) -> Load:
    """What happens from now on, a process and second."""
    cluster.sent.clear()
    cluster.sent_bytes.clear()
    before = {kind: meter.spent_ns for kind, meter in design.meters.items()}
    cluster.run(for_ms)
    share = 1000 / for_ms / processes

    def rates(counts: Mapping[tuple[str, str], int]) -> dict[str, float]:
        found: dict[str, float] = {}
        for (_, message), amount in counts.items():
            kind = design.kind(message)
            found[kind] = found.get(kind, 0.0) + amount * share
        return found

    cpu = {kind: (meter.spent_ns - before[kind]) / 1e6 * share for kind, meter in design.meters.items()}
    return Load(rates(cluster.sent), rates(cluster.sent_bytes), cpu)


def rest(design: Design, count: int, for_ms: int) -> tuple[Load, int]:
    """The load at rest, and the encoded bytes of one process's data."""
    cluster = start(design, count, seed=1)
    load = _load(design, cluster, count, for_ms)
    sizes = sorted(len(encode(process.data)) for process in cluster.processes.values())
    return load, sizes[len(sizes) // 2]


def crash(design: Design, count: int, window_ms: int, seeds: Iterable[int]) -> Crash:
    """The coordinator crashes; the load from then on, and when the survivors agree on another one."""
    loads, agreements = [], []
    for seed in seeds:
        cluster = start(design, count, seed)
        cluster.run(cluster.random.randint(0, 1000))  # anywhere between two heartbeats
        named = _named(design, cluster)
        (victim,) = set(named.values())
        cluster.told.clear()
        cluster.inflict(CrashFault(victim))
        began_ms = cluster.now_ms
        loads.append(_load(design, cluster, count - 1, window_ms))
        events = [
            (told.at_ms - began_ms, told.endpoint, leader)
            for told in cluster.told
            if (leader := design.leader(told.event)) is not None
        ]
        survivors = [name for name in cluster.processes if name != victim]
        agreements.append(agreement(events, survivors, victim))
    return Crash(loads, agreements)


def _named(design: Design, cluster: Cluster) -> dict[str, str]:
    """Whom each process named last."""
    return {told.endpoint: leader for told in cluster.told if (leader := design.leader(told.event)) is not None}


def storm(design: Design, count: int, weather: Weather) -> Storm:
    """A hundred changes in ten seconds, each by the next process in turn; then time to come to rest."""
    cluster = start(design, count, seed=1)
    cluster.told.clear()
    cluster.inflict(ChangeWeather(weather))
    order = tuple(cluster.processes)
    for number in range(CHANGES):
        name = order[number % count]
        cluster.command(name, RegisterBubbles((f"storm-{number}",)))
        cluster.run(STORM_MS // CHANGES)
    cluster.run(SETTLING_MS)
    broadcasts = sum(design.broadcasts(told.event) for told in cluster.told)
    expected = {f"storm-{number}": order[number % count] for number in range(CHANGES)}
    return Storm(broadcasts, holders(design, (process.data for process in cluster.up()), expected), count)


def holders(design: Design, states: Iterable[Any], expected: Mapping[str, str]) -> int:
    """How many processes hold a topology with all of `expected`."""
    return sum(expected.items() <= dict(design.hosts(data)).items() for data in states)


__all__ = ["CALM", "Agreement", "crash", "rest", "start", "storm"]
