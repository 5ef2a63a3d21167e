"""Who serves an entity, as the applications see it: each reads what it is told late, and confirms later still.

An application serves an entity from the moment it reads that the entity arrived or is in service again, until it
reads that it is to stop. It may then confirm at once, later, after the freeze was called off, or never. It ends with
its process.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration import LINEAGE
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Step, Value, Write
from coordfsm.protocols.migration import EntityData, MigrationData, composition, initial
from coordfsm.protocols.migration.messages import (
    ConfirmStopped,
    CreateEntity,
    EntityArrived,
    EntityRecord,
    EntityThawed,
    Migrate,
    RemoveEntity,
    ResolveInDoubt,
    UpdateEntity,
    confirmation_of,
    entity_key,
)
from coordfsm.protocols.migration.properties import (
    STATEMENTS,
    History,
    Seen,
    at_rest,
    atomic,
    no_loss,
    observe,
    recorded,
    remember,
    some_commit,
    stable_view,
)
from coordfsm.protocols.view import Member, Shunned, Unwedged, View, ViewInstalled, ViewStable, Wedged

ENTITY = "e1"
NAMES = ("p1", "p2")
SERVE = 0
"""Read by an application: the entity is in service here. Any other number is that of a freeze."""

READS = "Application: running --local_read_event--> running"
CONFIRMS = "Application: running --local_confirm--> running"

X_SERVED = "At every moment at most one application serves an entity, however late each reads what it is told."
X_SERVED_REST = "From every state one is reachable at rest in which the application of the owner serves the entity."


class ReadEvent(Command):
    """The application reads the next event."""


class Confirm(Command):
    """The application confirms the freeze that it read last."""


class Application(Value):
    """What an application knows.

    Attributes:
        serving: it serves the entity.
        unread: what it was told and has not read: `SERVE`, or the number of a freeze.
        owed: the freeze that it has still to confirm; 0: none.
    """

    serving: bool = False
    unread: tuple[int, ...] = ()
    owed: int = 0


class Served(Value):
    """A process: its machines and its application."""

    migration: MigrationData
    application: Application = Application()


class Past(Value):
    """A node's history: of its entity, and the newest view that it installed."""

    entities: Map[str, History] = Map()
    view: int = 0


def remember_view(past: Past, event: Value) -> Past:
    """Fold an event into the history: the newest view is the one installed last."""
    if isinstance(event, ViewInstalled):
        return Past(past.entities, event.view.number)
    return Past(remember(past.entities, event), past.view)


def _told(event: Value) -> tuple[int, ...]:
    """What an application makes of an event."""
    if isinstance(event, EntityArrived | EntityThawed):
        return (SERVE,)
    confirmation = confirmation_of(event)
    return () if confirmation is None else (confirmation.freeze,)


def read(application: Application) -> Application:
    """The next event: serve, or stop and owe the confirmation."""
    first, *rest = application.unread
    if first == SERVE:
        return replace(application, serving=True, unread=tuple(rest))
    return Application(serving=False, unread=tuple(rest), owed=first)


def step_served(machines: Composition, data: Served, given: Input) -> Step:
    """The machines, with their application behind them."""
    application = data.application
    if isinstance(given, ReadEvent):
        return Step(replace(data, application=read(application)), (), (READS,))
    confirms = isinstance(given, Confirm)
    step = machines.step(data.migration, ConfirmStopped(ENTITY, application.owed) if confirms else given)
    heard = tuple(what for effect in step.effects if isinstance(effect, Notify) for what in _told(effect.event))
    owed = 0 if confirms else application.owed
    after = replace(application, unread=(*application.unread, *heard), owed=owed)
    seen = (Notify(given),) if isinstance(given, ViewInstalled) else ()
    fired = (*step.fired, CONFIRMS) if confirms else step.fired
    return Step(Served(step.data, after), (*seen, *step.effects), fired)


def _membership(chain: tuple[View, ...], local: Local) -> Iterator[Command]:
    service, newest = local.data.migration.service, local.history.view
    for view in chain:
        if view.number > newest or (service.state == "outside" and view.number == newest):
            yield ViewInstalled(view)
    if service.view is None:
        return
    if service.state == "unsettled":
        yield ViewStable(service.view.id)
    yield Unwedged() if service.state == "wedged" else Wedged((), 1)
    if service.state == "settled":
        yield Shunned()


def _commands(chain: tuple[View, ...], local: Local) -> Iterator[Command]:
    yield from _membership(chain, local)
    data, application = local.data.migration, local.data.application
    if application.unread:
        yield ReadEvent()
    if application.owed:
        yield Confirm()
    held = data.entities.get(ENTITY, EntityData(ENTITY))
    other = NAMES[data.node == NAMES[0]]
    if held.state == "owned" and data.service.state == "settled":
        yield Migrate(ENTITY, other, f"from epoch {held.epoch}")
    if held.state == "freezing":  # joined, and all refused
        yield Migrate(ENTITY, other, held.token)
        yield Migrate(ENTITY, other)
        yield CreateEntity(ENTITY)
        yield UpdateEntity(ENTITY, b"+")
        yield RemoveEntity(ENTITY)
        yield ResolveInDoubt(ENTITY, commit=True)


class Observed(Value):
    """One process as the properties see it."""

    entity: Seen
    serving: bool
    done: bool


def _observe(local: Local) -> Observed:
    data: Served | None = local.data
    machines = None if data is None else data.migration
    application = Application() if data is None else data.application
    entity = observe(ENTITY, machines, local.durable, local.history.entities)
    return Observed(entity, application.serving, not application.unread)


def _of_entity(holds: Any) -> Any:
    """A predicate of migration, over what these models observe."""

    def of_entity(observed: tuple[Observed, ...]) -> bool:
        return bool(holds(tuple(one.entity for one in observed)))

    return of_entity


def served_once(observed: tuple[Observed, ...]) -> bool:
    """X-served."""
    return sum(one.serving for one in observed) <= 1


def served_at_rest(observed: tuple[Observed, ...]) -> bool:
    """X-served-rest."""
    agreed = all(one.done and one.serving == one.entity.serving for one in observed)
    return agreed and at_rest(tuple(one.entity for one in observed)) and sum(one.serving for one in observed) == 1


def called_off(observed: tuple[Observed, ...]) -> bool:
    """An application has still to read of a freeze whose entity is in service again."""
    return any(not one.done and one.entity.serving and one.entity.history.frozen for one in observed)


def build(  # noqa: PLR0913  (each a dimension of the model)
    *,
    requests: Annotated[int, Parameter("requests to migrate, over both processes", minimum=0)] = 1,
    confirmations: Annotated[int | None, Parameter("freezes that are confirmed; none: no bound", minimum=0)] = None,
    freezes: Annotated[int, Parameter("times that an application is waited for too long", minimum=0)] = 1,
    views: Annotated[int, Parameter("views in the chain", minimum=1)] = 1,
    wedges: Annotated[int, Parameter("times that a process loses its majority", minimum=0)] = 0,
    shuns: Annotated[int, Parameter("times that a process is shunned", minimum=0)] = 0,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[int, Parameter("times that each kind of resending timer may fire", minimum=0)] = 0,
) -> Model:
    """Applications that stop late, and entities that move only when they have."""
    given = dict(locals())
    members = tuple(Member(name, 1, name) for name in NAMES)
    chain = [View(LINEAGE, 1, "", members)]
    for number in range(2, views + 1):
        chain.append(View(LINEAGE, number, chain[-1].id, members))
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1)),)
    nodes = tuple(
        Node(
            name,
            Served(initial(name)),
            partial(step_served, composition),
            partial(_commands, tuple(chain)),
            boots=True,
            durable=owned if name == NAMES[0] else (),
            history=remember_view,
            first_history=Past(),
            rules=(*composition.rule_names, READS, CONFIRMS),
        )
        for name in NAMES
    )
    invariants = {"X2": no_loss, "X3": atomic, "X6": stable_view, "X-record": recorded}
    bounded = {"local_confirm": confirmations} if confirmations is not None else {}
    return Model(
        name="migration-service",
        parameters=given,
        nodes=nodes,
        network=Multiset(None if crash or resends else 0, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": requests,
            "local_wedged": wedges,
            "local_shunned": shuns,
            "timeout_freeze": freezes,
            "timeout_vote": resends,
            "timeout_decision": resends,
            **bounded,
        },
        properties=(
            Property("X-served", X_SERVED, served_once, observe=_observe),
            *(
                Property(name, STATEMENTS[name], _of_entity(check), observe=_observe)
                for name, check in invariants.items()
            ),
            *(
                (Property("X-commits", STATEMENTS["X-commits"], _of_entity(some_commit), "sometimes", _observe),)
                if confirmations is None
                else ()
            ),
            *(
                (
                    Property(
                        "X-called-off",
                        "A freeze is called off before its application has read of it.",
                        called_off,
                        "sometimes",
                        _observe,
                    ),
                )
                if freezes
                else ()
            ),
            *(
                (Property("X-served-rest", X_SERVED_REST, served_at_rest, "reachable", _observe),)
                if not crash and freezes >= requests
                else ()
            ),
        ),
    )


MODELS = {"migration-service": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-service": (
        {"requests": 2, "freezes": 2},
        {"requests": 1, "confirmations": 0},
        {"requests": 1, "freezes": 0, "views": 2, "wedges": 1, "shuns": 1},
        {"requests": 2, "crash": 1},
        {"requests": 2, "duplicate": 1},
    )
}
