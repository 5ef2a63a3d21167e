"""Coordination alone, against everything that membership may do: any process may install any later view, at any time.

The views come from a chain that the model fixes, as M1 (one view a number) and M2 (one chain) demand; M3 (numbers
rise at a process, also across a crash), M4 (a process acts only in views that contain it) and M6 (a removed
incarnation never returns) hold in the environment below. Explore one model a chain.
"""

from functools import partial
from inspect import signature
from typing import Annotated

from statemachine import State

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Ordered, Property, no_commands
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import (
    Command,
    Composition,
    Effect,
    Input,
    Machine,
    Map,
    Notify,
    ParameterError,
    Part,
    Persist,
    Raise,
    Recover,
    Step,
    TimerFired,
    Value,
    Write,
    compile_machine,
)
from coordfsm.protocols.coordinator import CoordinationSettings, composition, initial
from coordfsm.protocols.coordinator.data import COOLDOWN, CoordinationData
from coordfsm.protocols.coordinator.messages import (
    ENTRY_PREFIX,
    STAMP_KEY,
    RegisterBubbles,
    TopologyStamp,
    UnregisterBubbles,
)
from coordfsm.protocols.coordinator.properties import (
    STATEMENTS,
    CooldownElapsed,
    History,
    Observation,
    Observations,
    fenced,
    monotonic,
    observe,
    one_host,
    quiet_means_agreed,
    rate_limited,
    remember,
    same_coordinator,
    settled,
)
from coordfsm.protocols.coordinator.registry import Hosting
from coordfsm.protocols.view import Member, Shunned, Unwedged, View, ViewInstalled, Wedged, coordinator, member_of

INSTALLED_KEY = "environment/view"
BUBBLE = "x"


# -- the environment: a membership that permits everything -----------------------------------------------------------


class InstallNext(Command):
    """The environment lets the process learn of a later view of the chain."""

    view: View


class LastView(Value):
    """Durable: the view that was installed last."""

    view: View


class EnvironmentData(Value):
    """Which process this is; the last view is kept in the store."""

    process: str
    state: str = "present"


def was_in_a_view(data: EnvironmentData, given: Recover) -> bool:
    """A view had been installed before the crash."""
    return any(record.key == INSTALLED_KEY for record in given.records)


def contains_this_process(data: EnvironmentData, given: InstallNext) -> bool:
    """The process is a member of the view."""
    return member_of(given.view, data.process) is not None


def return_to_last(data: EnvironmentData, given: Recover) -> tuple[EnvironmentData, tuple[Effect, ...]]:
    """A process that restarts is the same member of the same view."""
    last = next(record.value for record in given.records if record.key == INSTALLED_KEY)
    assert isinstance(last, LastView)
    inside = member_of(last.view, data.process) is not None
    return data, (Raise(ViewInstalled(last.view)),) if inside else ()


def install(data: EnvironmentData, given: InstallNext) -> tuple[EnvironmentData, tuple[Effect, ...]]:
    """Durable first, as M3 demands."""
    return data, (Persist((Write(INSTALLED_KEY, LastView(given.view)),)), Raise(ViewInstalled(given.view)))


def be_shunned(data: EnvironmentData, given: InstallNext) -> tuple[EnvironmentData, tuple[Effect, ...]]:
    """The view is without this process."""
    return data, (Persist((Write(INSTALLED_KEY, LastView(given.view)),)), Raise(Shunned()))


class PermissiveMembership(Machine):
    """Installs whatever the explorer chooses from the chain."""

    present = State(initial=True)

    local_recover = present.to(present, internal=True, cond=was_in_a_view, on=return_to_last)
    local_install_next = present.to(present, internal=True, cond=contains_this_process, on=install) | present.to(
        present, internal=True, on=be_shunned
    )
    ignored = {("present", "local_recover"): "the first start: no view yet"}


class ProcessData(Value):
    """One process of the model."""

    environment: EnvironmentData
    coordination: CoordinationData


MEMBERSHIP = compile_machine(PermissiveMembership)


def _step(process: Composition, data: ProcessData, given: Input) -> Step:
    """The process, with the cooldown's end made visible to the history."""
    step = process.step(data, given)
    if isinstance(given, TimerFired) and given.timer == COOLDOWN:
        return step._replace(effects=(Notify(CooldownElapsed()), *step.effects))
    return step


# -- chains of views -------------------------------------------------------------------------------------------------


def chain_of(text: str) -> tuple[View, ...]:
    """The views of a chain such as ``abc/ba/bac``: members as letters, the coordinator first.

    A process that comes back after an absence has the next incarnation.

    Raises:
        ParameterError: a view is empty, or names a process twice.
    """
    views: list[View] = []
    incarnations: dict[str, int] = {}
    before: frozenset[str] = frozenset()
    for number, names in enumerate(text.split("/"), 1):
        if not names.isalpha() or len(set(names)) != len(names):
            raise ParameterError(f"chain {text!r}: view {names!r} must be distinct letters, the coordinator first")
        for name in set(names) - before:
            incarnations[name] = incarnations.get(name, 0) + 1
        members = tuple(Member(name, incarnations[name], name) for name in sorted(names))
        views.append(_led_by(names[0], number, members))
        before = frozenset(names)
    return tuple(views)


def _led_by(leader: str, number: int, members: tuple[Member, ...]) -> View:
    """A view with this coordinator: the lineage is tried out, as the ring order is a hash."""
    candidates = (View(f"model-{attempt}", number, "", members) for attempt in range(1000))
    return next(view for view in candidates if coordinator(view).node == leader)


def restarted_records(view: View) -> tuple[Write, ...]:
    """The records of a process that was in this view, with everyone registered, when all were restarted."""
    entries = (Hosting(m.node, m.incarnation, 0, (), changed_at=1) for m in view.members)
    return (
        Write(STAMP_KEY, TopologyStamp(view.number, view.id, 1)),
        *(Write(ENTRY_PREFIX + entry.process, entry) for entry in entries),
        Write(INSTALLED_KEY, LastView(view)),
    )


# -- the model -------------------------------------------------------------------------------------------------------


def _commands(chain: tuple[View, ...], invalid: bool, wedges: bool, local: Local) -> tuple[Command, ...]:  # noqa: FBT001  (bound once)
    data: ProcessData = local.data
    hosts = BUBBLE in data.coordination.registrar.hosted.bubbles
    return (
        *(InstallNext(view) for view in chain if view.number > _reached(local)),
        UnregisterBubbles((BUBBLE,)) if hosts else RegisterBubbles((BUBBLE,)),
        *((RegisterBubbles(("",)),) if invalid else ()),
        *((Wedged((), 1), Unwedged()) if wedges and data.coordination.monitor.view is not None else ()),
    )


def _reached(local: Local) -> int:
    return next((write.value.view.number for write in local.durable if isinstance(write.value, LastView)), 0)


def _observe(local: Local) -> Observation:
    data: ProcessData | None = local.data
    kinds = tuple(timer.kind for timer in local.timers)
    return observe(None if data is None else data.coordination, kinds, local.history)


def _properties(chain: tuple[View, ...], *, conflicts: bool, live: bool, whole: bool) -> tuple[Property, ...]:
    last = chain[-1].number
    members = Map({view.number: frozenset((m.node, m.incarnation) for m in view.members) for view in chain})

    def hosts_are_members(processes: Observations) -> bool:
        return one_host(processes, members)

    def all_agree_at_the_end(processes: Observations) -> bool:
        return settled(processes, last)

    def refused(processes: Observations) -> bool:
        return any(process.history.refused for process in processes)

    def at_rest(processes: Observations, envelopes: frozenset[object]) -> bool:
        return quiet_means_agreed(processes, len(envelopes))

    def successor_at_rest(processes: Observations, envelopes: frozenset[object]) -> bool:
        return quiet_means_agreed(processes, len(envelopes), after=1)

    goal = "CL2" if len(chain) > 1 else "CL1"
    checks = {"C1": same_coordinator, "C2": fenced, "C3": hosts_are_members, "C4": monotonic, "C5": rate_limited}
    properties = [Property(name, STATEMENTS[name], check, observe=_observe) for name, check in checks.items()]
    properties += [
        Property("CL1-rest", STATEMENTS["CL1-rest"], at_rest, observe=_observe, messages=True),
        Property("CL2-rest", STATEMENTS["CL2-rest"], successor_at_rest, observe=_observe, messages=True),
    ]
    if whole:
        witness = f"{goal}-witness"
        properties.append(Property(witness, STATEMENTS[witness], all_agree_at_the_end, "sometimes", _observe))
    if conflicts:
        properties.append(Property("C3-witness", STATEMENTS["C3-witness"], refused, "sometimes", _observe))
    if live and whole:
        properties.append(Property(goal, STATEMENTS[goal], all_agree_at_the_end, "reachable", _observe))
    return tuple(properties)


def build(  # noqa: PLR0913  (each a dimension of the model)
    *,
    chain: Annotated[str, Parameter("views as members' letters, the coordinator first")] = "abc/bc",
    restarted: Annotated[bool, Parameter("start after a restart of all in the settled first view")] = True,
    changes: Annotated[int, Parameter("registrations of the one bubble, over all processes", minimum=0)] = 0,
    removals: Annotated[int, Parameter("removals of the bubble, over all processes", minimum=0)] = 0,
    network: Annotated[
        str, Parameter("any order, or one message a link at a time", choices=("multiset", "ordered"))
    ] = "multiset",
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = 0,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[int | None, Parameter("timeouts that resend, of each kind; none: no bound", minimum=0)] = 0,
    crash: Annotated[int, Parameter("crashes, also between two effects; all recover", minimum=0)] = 0,
    wedge: Annotated[int, Parameter("times that a process loses its majority", minimum=0)] = 0,
    split: Annotated[bool, Parameter("topologies go in parts, one entry each")] = False,
    silent: Annotated[str, Parameter("members, as letters, that never learn of a view")] = "",
) -> Model:
    """Coordinator, registry and topology, for the processes and the sequence of views that a chain names.

    CL1 and CL2 need resending without bound and members that all take part, and are left out otherwise.

    Raises:
        ParameterError: the chain cannot be read.
    """
    given = {name: value for name, value in locals().items() if name in signature(build).parameters}
    views = chain_of(chain)
    process = Composition("process", (Part("environment", MEMBERSHIP), Part("coordination", composition)))
    settings = CoordinationSettings(part_bytes=0) if split else CoordinationSettings()
    nodes = tuple(
        Node(
            name,
            ProcessData(EnvironmentData(name), initial(name, settings)),
            partial(_step, process),
            no_commands if name in silent else partial(_commands, views, changes > 1, wedge > 0),
            boots=True,
            durable=restarted_records(views[0]) if restarted and member_of(views[0], name) else (),
            history=remember,
            first_history=History(),
            rules=tuple(rule for rule in composition.rule_names if not rule.startswith("ViewMonitor")),
            events=("timeout_stability",),
        )
        for name in sorted({member.node for view in views for member in view.members})
    )
    resending = {} if resends is None else {"timeout_registration": resends, "timeout_topology": resends}
    return Model(
        name="coordinator",
        parameters=given,
        nodes=nodes,
        network=Ordered(loss, duplicate, capacity=1) if network == "ordered" else Multiset(loss, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "timeout_stability": 0,  # the model of the view monitor explores stability
            "local_register_bubbles": changes,
            "local_unregister_bubbles": removals,
            "local_wedged": wedge,
            **resending,
        },
        properties=_properties(views, conflicts=changes > 1, live=resends is None, whole=not silent),
    )


_UNBOUNDED = {"network": "ordered", "loss": None, "resends": None}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "coordinator": (
        {},
        {"chain": "ab/ba", "changes": 1, **_UNBOUNDED},
        {"chain": "ab/ba", "crash": 1, **_UNBOUNDED},
        {"chain": "ab/ba", "wedge": 1, **_UNBOUNDED},
        {"chain": "ab", "changes": 2, "restarted": False, **_UNBOUNDED},
        {"chain": "ab/a/ab", "restarted": False, **_UNBOUNDED},
        {"chain": "ab/b", "changes": 1, "removals": 1, "restarted": False, "network": "ordered"},
        {"chain": "ab/b", "wedge": 1, "duplicate": 1},
        {"chain": "ab/ba", "split": True, **_UNBOUNDED},
        {"chain": "ab", "split": True, "changes": 1, "crash": 1, **_UNBOUNDED},
        {"chain": "ab", "split": True, "changes": 1, "duplicate": 1, "loss": 1},
        {"chain": "ab/ba", "restarted": False, **_UNBOUNDED},
        {"chain": "abc", "changes": 2, "restarted": False, "network": "ordered", "silent": "c"},
    )
}

_ROUGH = {
    "chain": "abcde/bcde/cdea",
    "restarted": False,
    "changes": 3,
    "removals": 2,
    "loss": None,
    "duplicate": 3,
    "resends": None,
    "crash": 3,
    "wedge": 1,
}

FUZZ: dict[str, tuple[dict[str, object], ...]] = {"coordinator": (_ROUGH, {**_ROUGH, "split": True})}
