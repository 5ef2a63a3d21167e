"""The composed node: membership, coordination and migration as one process runs them, for the smallest cluster.

Each protocol alone is explored deeply by its own models, against everything that its neighbours may do. Here it is
the composition that is explored: that what one machine raises reaches the others in the right order, and that the
properties of all three hold together. Two processes start in a common view; the first owns an entity.
"""

from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Ordered, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.coordinator import restarted_records
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Step, TimerFired, Value, Write
from coordfsm.protocols.coordinator import properties as coordination
from coordfsm.protocols.coordinator.data import COOLDOWN
from coordfsm.protocols.membership import Settings
from coordfsm.protocols.membership import properties as membership
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.migration import properties as migration
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.node import NodeData, NodeSettings, composition, initial

ENTITY = "e1"
FIRST, SECOND = "a", "b"

REPEATING = ("takeover", "rejoin", "join", "reinforce", "condemned")
"""Timers that only ever ask again: other models let them fire."""

DOUBTING = ("probe", "probe_late", "rebuttal", "contact")
"""Timers that lead from a missed probe to a lost majority."""

RESENDING = ("proposal", "handover", "leave", "registration", "topology", "vote", "decision", "inquiry")


class Past(Value):
    """What the properties of the three protocols remember of one process."""

    of_membership: membership.History = membership.History()
    of_coordination: coordination.History = coordination.History()
    of_migration: Map[str, migration.History] = Map()


def remember(past: Past, event: Value) -> Past:
    """Fold one notification into all three histories."""
    return Past(
        membership.remember(past.of_membership, event),
        coordination.remember(past.of_coordination, event),
        migration.remember(past.of_migration, event),
    )


def timed_step(process: Composition, data: Any, given: Input) -> Step:
    """A step of the node, with the end of a cooldown made visible to the history."""
    step = prompt_step(process, data, given)
    if isinstance(given, TimerFired) and given.timer == COOLDOWN:
        return step._replace(effects=(Notify(coordination.CooldownElapsed()), *step.effects))
    return step


def _commands(local: Local) -> tuple[Command, ...]:
    data: NodeData = local.data
    if data.membership.node == FIRST:
        return (Migrate(ENTITY, SECOND),)
    return (Leave(), Migrate(ENTITY, FIRST))


def _seen_by_membership(local: Local) -> membership.Observed:
    data = None if local.data is None else local.data.membership
    return membership.observe(Local(data, local.durable, local.timers, local.history.of_membership))


def _seen_by_coordination(local: Local) -> coordination.Observation:
    kinds = tuple(timer.kind for timer in local.timers)
    data = None if local.data is None else local.data.coordination
    return coordination.observe(data, kinds, local.history.of_coordination)


def _seen_by_migration(local: Local) -> migration.Seen:
    data = None if local.data is None else local.data.migration
    return migration.observe(ENTITY, data, local.durable, local.history.of_migration)


class Joint(Value):
    """One process as the properties of the composition see it."""

    acting: str
    majority: bool
    monitor: str
    coordination: str
    migration: str


def _seen_jointly(local: Local) -> Joint | None:
    if local.data is None:
        return None
    data: NodeData = local.data
    state = data.membership.view_change.state
    acts = state not in ("outside", "retiring")
    view = data.membership.view_change.view
    return Joint(
        view.id if acts and view is not None else "",
        data.membership.lifecycle.state != "wedged",
        data.coordination.monitor.view.id if data.coordination.monitor.view is not None else "",
        data.coordination.coordinator.state,
        data.migration.service.state,
    )


def _same_view_inside(processes: tuple[Joint | None, ...]) -> bool:
    return all(process is None or process.monitor == process.acting for process in processes)


def _idle_without_majority(processes: tuple[Joint | None, ...]) -> bool:
    return all(
        process is None
        or process.majority
        or (process.coordination not in coordination.COORDINATING and process.migration != "settled")
        for process in processes
    )


def _wedged(processes: tuple[Joint | None, ...]) -> bool:
    return any(process is not None and not process.majority for process in processes)


def joint_properties(*, doubts: bool, migrations: bool) -> tuple[Property, ...]:
    """The properties of all three protocols and of the composition; witnesses where the model can reach them."""
    by_membership = {"M1": membership.agreement, "M3": membership.monotonic, "M4": membership.self_inclusion}
    by_coordination = {
        "C1": coordination.same_coordinator,
        "C2": coordination.fenced,
        "C4": coordination.monotonic,
        "C5": coordination.rate_limited,
    }
    by_migration = {
        "X1": migration.no_duplicate,
        "X2": migration.no_loss,
        "X3": migration.atomic,
        "X5": migration.exclusive,
        "X6": migration.stable_view,
        "X7": migration.faithful,
    }
    groups = (
        (by_membership, membership.STATEMENTS, _seen_by_membership),
        (by_coordination, coordination.STATEMENTS, _seen_by_coordination),
        (by_migration, migration.STATEMENTS, _seen_by_migration),
    )
    together = {
        "N1": (
            "The siblings of membership act in the view that it acts in, and in none when it acts in none.",
            _same_view_inside,
        ),
        "N2": ("A process without a majority neither coordinates nor begins a migration.", _idle_without_majority),
    }
    return (
        *(
            Property(name, statements[name], check, observe=seen)
            for checks, statements, seen in groups
            for name, check in checks.items()
        ),
        *(Property(name, statement, check, observe=_seen_jointly) for name, (statement, check) in together.items()),
        *(_witnesses_of_doubt if doubts else ()),
        *(_witnesses_of_migration if migrations else ()),
    )


_witnesses_of_doubt = (Property("N2-witness", "A process loses its majority.", _wedged, "sometimes", _seen_jointly),)

_witnesses_of_migration = (
    Property("X-commits", migration.STATEMENTS["X-commits"], migration.some_commit, "sometimes", _seen_by_migration),
    Property("X-aborts", migration.STATEMENTS["X-aborts"], migration.some_abort, "sometimes", _seen_by_migration),
)


def build(
    *,
    migrations: Annotated[int, Parameter("requests to migrate, over both processes", minimum=0)] = 1,
    leaves: Annotated[int, Parameter("whether the second process may leave", minimum=0, maximum=1)] = 1,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = 0,
    resends: Annotated[int, Parameter("timeouts that send again, of each kind", minimum=0)] = 0,
    doubts: Annotated[
        int, Parameter("missed probes, unanswered accusations, and checks of the majority", minimum=0)
    ] = 0,
) -> Model:
    """The composed node: two processes in one view, an entity that moves, a view change while it does."""
    given = dict(locals())
    view = first_view(2)
    shared = (Write(IDENTITY_KEY, IdentityRecord(1, None)), Write(VIEW_KEY, view), *restarted_records(view))
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1, payload=b"e")),)
    nodes = tuple(
        Node(
            name,
            initial(NodeSettings(name, name, Settings(takeover_ms=0, missed_limit=1, contact_attempts=1))),
            partial(timed_step, composition),
            _commands,
            boots=True,
            durable=tuple(sorted((*shared, *(owned if name == FIRST else ())), key=lambda write: write.key)),
            history=remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for name in (FIRST, SECOND)
    )
    return Model(
        name="node",
        parameters=given,
        nodes=nodes,
        network=Ordered(loss, capacity=2),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": migrations,
            "local_leave": leaves,
            "timeout_cooldown": 1,
            **{f"timeout_{kind}": 0 for kind in REPEATING},
            **{f"timeout_{kind}": resends for kind in RESENDING},
            **{f"timeout_{kind}": doubts for kind in DOUBTING},
        },
        properties=joint_properties(doubts=doubts > 0, migrations=migrations > 0),
    )


DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {"node": ({}, {"migrations": 0, "leaves": 0, "doubts": 1})}
