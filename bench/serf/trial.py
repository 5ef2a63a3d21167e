"""One trial: a cluster forms, rests and loses members, in a network namespace of its own.

Run by `python -m bench.serf` through ``unshare``: nothing else talks in the namespace, so that the counters of its
loopback interface are the cluster's traffic, whatever protocol it uses; each packet counts once, at its sender.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.serf.cluster import Cluster, TrialError
from bench.serf.contender import CONTENDERS, member

FORM_S = 120.0
DETECT_S = 60.0


@dataclass(frozen=True)
class Trial:
    """What was seen.

    Attributes:
        contender: key of `CONTENDERS`.
        size: members.
        form_seconds: from the start of all members but the first, until every view holds all.
        join_seconds: the part of it after the last member listened.
        packets_per_second: at rest, a member.
        bytes_per_second: at rest, a member, IP and UDP or TCP headers included.
        cpu_percent: of one core at rest, a member.
        resident_bytes: a member, pages shared with others counted in full.
        own_bytes: a member, shared pages counted by share.
        first_seconds: for each kill -9, until the first view was without the member.
        every_seconds: for each kill -9, until no view held the member.
    """

    contender: str
    size: int
    form_seconds: float
    join_seconds: float
    packets_per_second: float
    bytes_per_second: float
    cpu_percent: float
    resident_bytes: int
    own_bytes: int
    first_seconds: tuple[float, ...]
    every_seconds: tuple[float, ...]


def run_trial(name: str, size: int, settle_s: float, rest_s: float, kills: int) -> Trial:
    """In a namespace where the loopback interface is up and silent."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-serf-") as text,
        Cluster(CONTENDERS[name], Path(text)) as cluster,
    ):
        form, join = _form(cluster, size)
        cluster.rest(settle_s)
        pids = [process.running.pid for process in cluster.members.values()]
        before, began, cpu = _traffic(), time.perf_counter(), sum(map(_cpu_seconds, pids))
        cluster.rest(rest_s)
        after, took = _traffic(), time.perf_counter() - began
        cpu = sum(map(_cpu_seconds, pids)) - cpu
        memory = [_memory(pid) for pid in pids]
        times = [_lose(cluster, place, settle_s) for place in range(1, kills + 1)]
    share = took * size
    return Trial(
        contender=name,
        size=size,
        form_seconds=form,
        join_seconds=join,
        packets_per_second=(after[1] - before[1]) / share,
        bytes_per_second=(after[0] - before[0]) / share,
        cpu_percent=100 * cpu / share,
        resident_bytes=sum(resident for resident, _ in memory) // size,
        own_bytes=sum(own for _, own in memory) // size,
        first_seconds=tuple(first for first, _ in times),
        every_seconds=tuple(every for _, every in times),
    )


def _form(cluster: Cluster, size: int) -> tuple[float, float]:
    first = cluster.start(0)
    cluster.wait(lambda: first.ready_at > 0 and len(first.view) == 1, "the first member alone", FORM_S)
    began = time.perf_counter()
    for place in range(1, size):
        cluster.start(place)
    everyone = frozenset(map(member, range(size)))
    cluster.wait(
        lambda: all(process.view == everyone for process in cluster.members.values()), "all in every view", FORM_S
    )
    formed = max(process.changed_at for process in cluster.members.values())
    ready = max(process.ready_at for process in cluster.members.values())
    return formed - began, max(0.0, formed - ready)


def _lose(cluster: Cluster, place: int, settle_s: float) -> tuple[float, float]:
    """Kill a member (never the first): when it was out of the first view, and out of every view."""
    victim = member(place)
    killed = cluster.kill(victim)
    remaining = cluster.members.values()
    cluster.wait(lambda: all(victim not in process.view for process in remaining), f"{victim} out", DETECT_S)
    moments = [process.changed_at for process in remaining]
    cluster.rest(settle_s)
    return min(moments) - killed, max(moments) - killed


def _traffic() -> tuple[int, int]:
    """Bytes and packets that left over the loopback interface."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    fields = line.split(":")[1].split()
    return int(fields[8]), int(fields[9])


def _cpu_seconds(pid: int) -> float:
    """Time on a processor, of all threads, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _memory(pid: int) -> tuple[int, int]:
    """Resident memory, and resident memory with shared pages counted by share."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:] if ":" in line
    )
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("Rss", "Pss"))  # type: ignore[return-value]


def main() -> int:
    """Arguments: contender, size, settle seconds, rest seconds, kills. Prints the trial as JSON."""
    name, size, settle, rest, kills = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        print(json.dumps(asdict(run_trial(name, int(size), float(settle), float(rest), int(kills)))))
    except TrialError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
