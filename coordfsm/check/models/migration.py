"""Migration alone, against every sequence of views that membership permits.

Every process may install any later view of a chain at any time; numbers rise at a process, also across a crash (M1
to M4). The first process owns the entities at the start.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Step, Value, Write
from coordfsm.protocols.migration import EntityData, MigrationData, composition, initial
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, UpdateEntity, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.migration.properties import (
    STATEMENTS,
    History,
    Seen,
    at_rest,
    atomic,
    exactly_once,
    exclusive,
    faithful,
    no_duplicate,
    no_loss,
    observe,
    recorded,
    remember,
    some_abort,
    some_commit,
    some_return,
    stable_view,
)
from coordfsm.protocols.view import Member, Unwedged, View, ViewInstalled, ViewStable, Wedged

LINEAGE = "model"


class Past(Value):
    """A node's history in these models: of its entities, and the newest view it installed."""

    entities: Map[str, History] = Map()
    view: int = 0


def _members(processes: int) -> tuple[Member, ...]:
    return tuple(Member(f"p{number}", 1, f"p{number}") for number in range(1, processes + 1))


def _chain(processes: int, views: int, *, shrinking: bool) -> tuple[View, ...]:
    """Views numbered from 1: all members in each, or, if shrinking, the last process missing from the second on."""
    chain: list[View] = []
    parent = ""
    for number in range(1, views + 1):
        members = _members(processes - (shrinking and number > 1))
        chain.append(View(LINEAGE, number, parent, members))
        parent = chain[-1].id
    return tuple(chain)


def _remember(past: Past, event: Value) -> Past:
    if isinstance(event, ViewInstalled):
        return Past(past.entities, event.view.number)
    return Past(remember(past.entities, event), past.view)


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines, with installed views made visible to the history."""
    step = prompt_step(machines, data, given)
    return step._replace(effects=(Notify(given), *step.effects)) if isinstance(given, ViewInstalled) else step


class Environment(Value):
    """What the surroundings of the processes may do.

    Attributes:
        chain: the views, in order.
        entities: the entity ids.
        tokens: requests carry idempotency tokens, the same for each path, and may come again at any time.
        wedges: processes may lose sight of a majority.
    """

    chain: tuple[View, ...]
    entities: tuple[str, ...]
    tokens: bool
    wedges: bool


def _commands(environment: Environment, local: Local) -> Iterator[Command]:
    data: MigrationData = local.data
    service = data.service
    newest = local.history.view
    for view in environment.chain:
        again = service.state == "outside" and view.number == newest
        if (view.number > newest or again) and any(member.node == data.node for member in view.members):
            yield ViewInstalled(view)
    if service.view is not None:
        if service.state == "unsettled":
            yield ViewStable(service.view.id)
        if environment.wedges:
            yield Unwedged() if service.state == "wedged" else Wedged((), 1)
    for entity in environment.entities:
        held = data.entities.get(entity, EntityData(entity))
        if held.state == "owned":
            yield UpdateEntity(entity, held.payload + b"+")
        if held.state == "owned" or environment.tokens:
            for member in environment.chain[0].members:
                if member.node != data.node:
                    yield Migrate(entity, member.node, f"{data.node}-{member.node}" if environment.tokens else "")


def _properties(entity: str, requests: int, *, several: bool, live: bool) -> tuple[Property, ...]:
    suffix = f"@{entity}" if several else ""

    def seen(local: Local) -> Seen:
        return observe(entity, local.data, local.durable, local.history.entities)

    def at_most_requested(observations: tuple[Seen, ...]) -> bool:
        return exactly_once(requests, observations)

    invariants = {
        "X1": no_duplicate,
        "X2": no_loss,
        "X3": atomic,
        "X4": at_most_requested,
        "X5": exclusive,
        "X6": stable_view,
        "X7": faithful,
        "X-record": recorded,
    }
    properties = [
        Property(f"{name}{suffix}", STATEMENTS[name], check, observe=seen) for name, check in invariants.items()
    ]
    properties.append(Property(f"X-commits{suffix}", STATEMENTS["X-commits"], some_commit, "sometimes", seen))
    properties.append(Property(f"X-aborts{suffix}", STATEMENTS["X-aborts"], some_abort, "sometimes", seen))
    if requests > 1:
        properties.append(Property(f"X-returns{suffix}", STATEMENTS["X-returns"], some_return, "sometimes", seen))
    if live:
        properties.append(Property(f"XL1{suffix}", STATEMENTS["XL1"], at_rest, "reachable", seen))
    return tuple(properties)


def build(  # noqa: PLR0913  (each a dimension of the model)
    *,
    processes: Annotated[int, Parameter("processes; the first owns the entities", minimum=2, maximum=4)] = 2,
    entities: Annotated[int, Parameter("entities", minimum=1, maximum=3)] = 1,
    requests: Annotated[int, Parameter("requests to migrate, over all processes", minimum=0)] = 2,
    updates: Annotated[int, Parameter("updates of entities, over all processes", minimum=0)] = 0,
    views: Annotated[int, Parameter("views in the chain", minimum=1)] = 1,
    shrinking: Annotated[bool, Parameter("the last process is in the first view only")] = False,
    tokens: Annotated[bool, Parameter("requests carry idempotency tokens and may come again")] = False,
    wedges: Annotated[int, Parameter("times that a process loses its majority", minimum=0)] = 0,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 1,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[
        int | None, Parameter("times that each kind of resending timer may fire; none: no bound", minimum=0)
    ] = None,
    live: Annotated[bool, Parameter("check XL1, too, if resends are not bounded")] = True,
) -> Model:
    """Two-phase migration of entities between processes, with a durable log and recovery."""
    given = dict(locals())
    chain = _chain(processes, views, shrinking=shrinking)
    names = tuple(f"e{number}" for number in range(1, entities + 1))
    environment = Environment(chain, names, tokens, wedges > 0)
    owned = tuple(Write(entity_key(name), EntityRecord("owned", epoch=1)) for name in names)
    nodes = tuple(
        Node(
            member.node,
            initial(member.node),
            partial(_step, composition),
            partial(_commands, environment),
            boots=True,
            durable=owned if member.node == "p1" else (),
            history=_remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for member in chain[0].members
    )
    resending = ("timeout_vote", "timeout_decision", "timeout_inquiry")
    return Model(
        name="migration",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": requests,
            "local_update_entity": updates,
            "local_wedged": wedges,
            "timeout_fence": 0,
            **({} if resends is None else dict.fromkeys(resending, resends)),
        },
        properties=tuple(
            item
            for name in names
            for item in _properties(name, requests, several=entities > 1, live=live and resends is None)
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration": (
        {"requests": 2, "crash": 0},
        {"requests": 1, "crash": 1, "views": 2, "updates": 1},
        {"requests": 1, "crash": 2, "tokens": True},
        {"requests": 1, "crash": 0, "wedges": 1, "views": 2, "shrinking": True, "duplicate": 1},
        {"requests": 1, "crash": 0, "processes": 3, "duplicate": 1},
        {"requests": 2, "crash": 0, "entities": 2, "resends": 0},
        # There, back and there again, with two crashes; what resends add is in the others.
        {"requests": 3, "crash": 2, "resends": 0},
        {"requests": 3, "crash": 0, "resends": 0, "duplicate": 1},
        # Three processes compete for one entity.
        {"requests": 2, "crash": 1, "resends": 0, "processes": 3, "views": 2},
        {"requests": 2, "crash": 1, "resends": 0, "processes": 3, "tokens": True},
        {"requests": 2, "crash": 1, "resends": 0, "entities": 2, "views": 2},
        {"requests": 2, "crash": 2, "resends": 0, "wedges": 1, "views": 2, "shrinking": True},
    )
}

FUZZ: dict[str, tuple[dict[str, object], ...]] = {
    "migration": (
        {
            "processes": 3,
            "entities": 2,
            "requests": 4,
            "updates": 2,
            "views": 3,
            "wedges": 1,
            "crash": 3,
            "duplicate": 2,
        },
    )
}
