"""What coordination promises, as predicates over what each process holds and what happened to it.

`History` folds a process's notifications; it survives crashes and no machine sees it. `Observation` is the
projection of one process that the predicates need.
"""

from collections.abc import Mapping

import msgspec

from coordfsm.kernel import Value
from coordfsm.protocols.coordinator.data import CoordinationData
from coordfsm.protocols.coordinator.messages import (
    BubblesRefused,
    CoordinatorNamed,
    Hosted,
    TopologyAccepted,
    TopologyBroadcast,
)
from coordfsm.protocols.coordinator.registry import BubbleConflict, Hosting, entries_of
from coordfsm.protocols.view import View

COORDINATING = frozenset({"collecting", "quiet", "cooldown", "dirty"})

STATEMENTS = {
    "C1": "Two processes in the same view name the same coordinator, which is a member of it.",
    "C2": "After a process installed view v, it accepts no topology of a view below v; at most one acts per view.",
    "C3": "A bubble has at most one host; no topology of view v names a process outside v.",
    "C4": "The topologies a process accepts strictly increase in (view, version); a version names one content.",
    "C5": "A coordinator starts at most one broadcast per cooldown.",
    "CL1": "The last change of the registry reaches every live member, also when it fell into a cooldown.",
    "CL1-rest": "Once nothing is in flight and no timer runs, no member lacks a change.",
    "CL2-rest": "Once nothing is in flight and no timer runs, the successor has published all live registrations.",
    "CL1-witness": "All members hold a topology that names all they host.",
    "CL2-witness": "All members of the last view hold its coordinator's topology that names all they host.",
    "VM1": "A view is called stable only when no news of it came for the stability time, with a majority in reach.",
    "VM2": "The siblings know a view to be stable exactly while it is, and it is the installed one.",
    "VM1-witness": "The last view becomes stable.",
    "C3-witness": "A registration is refused because another process hosts the bubble.",
    "CL2": "After a coordinator is removed, its successor publishes a topology with all live registrations.",
}


class CooldownElapsed(Value):
    """The environment saw the cooldown's timer fire."""


class History(Value):
    """What properties remember of one process.

    Attributes:
        installed: number of the newest view.
        coordinator: whom the process named for it.
        accepted: (view number, version) of the newest accepted topology.
        led: numbers of the views in which it broadcast.
        cooling: whether it broadcast since the cooldown's timer last fired.
        refused: whether a registration was refused because another process hosts the bubble.
        broken: ids of properties that an event broke.
    """

    installed: int = 0
    coordinator: str = ""
    accepted: tuple[int, int] = (0, 0)
    led: frozenset[int] = frozenset()
    cooling: bool = False
    refused: bool = False
    broken: frozenset[str] = frozenset()


def remember(history: History, event: Value) -> History:
    """The history after one more notification."""
    past = history
    match event:
        case CoordinatorNamed(number, _, coordinator):
            return msgspec.structs.replace(past, installed=max(number, past.installed), coordinator=coordinator)
        case TopologyAccepted(number, version):
            broken = past.broken
            broken |= {"C2"} if number < past.installed else frozenset()
            broken |= {"C4"} if (number, version) <= past.accepted else frozenset()
            return msgspec.structs.replace(past, accepted=max((number, version), past.accepted), broken=broken)
        case TopologyBroadcast(number, _):
            broken = past.broken | ({"C5"} if past.cooling else frozenset())
            return msgspec.structs.replace(past, led=past.led | {number}, cooling=True, broken=broken)
        case CooldownElapsed():
            return msgspec.structs.replace(past, cooling=False)
        case BubblesRefused(_, BubbleConflict()):
            return msgspec.structs.replace(past, refused=True)
        case _:
            return past


class Observation(Value):
    """One process as the properties see it.

    Attributes:
        process: node id, empty while down.
        view: the installed view, None while down or in no view.
        state: of its coordinator machine, empty while down.
        held: (view number, version) of the topology that it holds.
        topology: the entries of that topology.
        hosted: what it hosts.
        busy: whether it is down, wedged, or a timer runs that makes it send.
        history: see `History`.
    """

    process: str
    view: View | None
    state: str
    held: tuple[int, int]
    topology: tuple[Hosting, ...]
    hosted: Hosted
    busy: bool
    history: History


def observe(data: CoordinationData | None, timers: tuple[str, ...], history: History) -> Observation:
    """The observation of one process; `data` None while it is down, `timers` the kinds that are set."""
    if data is None:
        return Observation("", None, "", (0, 0), (), Hosted(), busy=True, history=history)
    registrar = data.registrar
    held = (0, 0) if registrar.held is None else (registrar.held.view_number, registrar.held.version)
    waiting = any(kind in ("registration", "cooldown", "topology") for kind in timers)
    return Observation(
        data.node,
        data.monitor.view,
        data.coordinator.state,
        held,
        entries_of(registrar.topology),
        registrar.hosted,
        busy=waiting or data.coordinator.state == "suspended",
        history=history,
    )


Observations = tuple[Observation, ...]


def same_coordinator(processes: Observations) -> bool:
    """C1."""
    named: dict[str, str] = {}
    for process in processes:
        if process.view is not None:
            coordinator = process.history.coordinator
            members = {member.node for member in process.view.members}
            if coordinator not in members or named.setdefault(process.view.id, coordinator) != coordinator:
                return False
    return True


def fenced(processes: Observations) -> bool:
    """C2."""
    if any("C2" in process.history.broken for process in processes):
        return False
    led = [number for process in processes for number in process.history.led]
    acting = [p.view.id for p in processes if p.view is not None and p.state in COORDINATING]
    return len(led) == len(set(led)) and len(acting) == len(set(acting))


def one_host(processes: Observations, members: Mapping[int, frozenset[tuple[str, int]]]) -> bool:
    """C3. `members` maps a view's number to its (node, incarnation) pairs."""
    for process in processes:
        bubbles = [bubble for entry in process.topology for bubble in entry.bubbles]
        if len(bubbles) != len(set(bubbles)):
            return False
        if process.held[0] and any(
            (entry.process, entry.incarnation) not in members[process.held[0]] for entry in process.topology
        ):
            return False
    return True


def monotonic(processes: Observations) -> bool:
    """C4."""
    contents: dict[tuple[int, int], tuple[Hosting, ...]] = {}
    if any("C4" in process.history.broken for process in processes):
        return False
    return all(contents.setdefault(p.held, p.topology) == p.topology for p in processes if p.held != (0, 0))


def rate_limited(processes: Observations) -> bool:
    """C5."""
    return not any("C5" in process.history.broken for process in processes)


def agreed(processes: Observations, number: int) -> bool:
    """All members of the view `number` are up, in it, and hold a topology of it that names all they host."""
    inside = [process for process in processes if process.view is not None and process.view.number == number]
    if not inside or inside[0].view is None or len(inside) != len(inside[0].view.members):
        return False
    if len({(process.held, process.topology) for process in inside}) != 1 or inside[0].held[0] != number:
        return False
    named = {entry.process: (entry.version, entry.bubbles) for entry in inside[0].topology}
    return all(named.get(p.process) == (p.hosted.version, p.hosted.bubbles) for p in inside)


def settled(processes: Observations, number: int) -> bool:
    """CL1 and CL2: agreed in the view `number`, and nobody has anything left to send."""
    return agreed(processes, number) and not any(
        process.busy for process in processes if process.view is not None and process.view.number == number
    )


def quiet_means_agreed(processes: Observations, in_flight: int, after: int = 0) -> bool:
    """CL1, CL2 as a safety property: once nothing is in flight and no timer runs, nobody lacks anything.

    Only where it can be judged: the newest installed view has a number above `after`, and all its members are in it.
    """
    installed = [process.view for process in processes if process.view is not None]
    if in_flight or not installed or any(process.busy for process in processes):
        return True
    newest = max(installed, key=lambda view: view.number)
    inside = [process for process in processes if process.view == newest]
    return newest.number <= after or len(inside) < len(newest.members) or agreed(processes, newest.number)
