"""What an application may ask for while entities move, sensible or not; and a process that the cluster shuns.

Entities are created and removed, payloads are too large, migrations lead to the process itself, to nobody, or are
asked for where the entity is not; operators resolve what is not in doubt. Whatever is refused changes nothing. The
view is unsettled at any moment, majorities are lost, and the last process is removed from the view and told so.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration import LINEAGE
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Step, Value, Write
from coordfsm.protocols.migration import EntityData, MigrationData, composition, initial
from coordfsm.protocols.migration.messages import (
    CreateEntity,
    EntityRecord,
    Migrate,
    RemoveEntity,
    ResolveInDoubt,
    UpdateEntity,
    entity_key,
)
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.migration.properties import (
    STATEMENTS,
    History,
    Seen,
    at_rest,
    atomic,
    exclusive,
    faithful,
    no_duplicate,
    no_loss,
    observe,
    recorded,
    remember,
    some_commit,
    stable_view,
)
from coordfsm.protocols.migration.settings import MigrationSettings
from coordfsm.protocols.view import (
    Member,
    Shunned,
    Unwedged,
    View,
    ViewInstalled,
    ViewStable,
    ViewUnsettled,
    Wedged,
)

ENTITY = "e1"
LARGEST = 2
NAMES = ("p1", "p2")

X2_REMOVED = "As X2; an entity that was removed on purpose is nowhere, and stays so until it is created again."


class Past(Value):
    """A node's history: of its entities, and the newest view that it installed or was shunned in favour of."""

    entities: Map[str, History] = Map()
    view: int = 0


def _remember(past: Past, event: Value) -> Past:
    if isinstance(event, ViewInstalled):
        return Past(past.entities, event.view.number)
    if isinstance(event, Shunned):
        return Past(past.entities, past.view + 1)
    return Past(remember(past.entities, event), past.view)


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines, with what membership says made visible to the history."""
    step = prompt_step(machines, data, given)
    return step._replace(effects=(Notify(given), *step.effects)) if isinstance(given, ViewInstalled | Shunned) else step


def _chain() -> tuple[View, View]:
    """Both; then the first alone."""
    members = tuple(Member(name, 1, name) for name in NAMES)
    first = View(LINEAGE, 1, "", members)
    return first, View(LINEAGE, 2, first.id, members[:1])


def _membership(chain: tuple[View, View], local: Local) -> Iterator[Command]:
    data: MigrationData = local.data
    service, newest = data.service, local.history.view
    for view in chain:
        again = service.state == "outside" and view.number == newest
        if (view.number > newest or again) and any(member.node == data.node for member in view.members):
            yield ViewInstalled(view)
    if service.view is None:
        return
    if data.node == NAMES[-1] and newest == 1:
        yield Shunned()  # it is not in the second view
    if service.state == "unsettled":
        yield ViewStable(service.view.id)
    if service.state == "settled":
        yield ViewUnsettled(service.view.id)
    yield Unwedged() if service.state == "wedged" else Wedged((), 1)


def _commands(chain: tuple[View, View], local: Local) -> Iterator[Command]:
    yield from _membership(chain, local)
    node = local.data.node
    held = local.data.entities.get(ENTITY, EntityData(ENTITY))
    if held.state != "absent" or held.epoch > 0:  # of an entity never heard of, the caller knows that it is new
        yield CreateEntity(ENTITY, b"")
    yield CreateEntity(ENTITY, b"too large")
    yield UpdateEntity(ENTITY, b"+" * ((len(held.payload) + 1) % (LARGEST + 1)))
    yield UpdateEntity(ENTITY, b"too large")
    yield RemoveEntity(ENTITY)
    for destination in (*NAMES, "nobody"):
        yield Migrate(ENTITY, destination)
    if local.history.view == 1:  # the other process is a member: every word is refused
        yield ResolveInDoubt(ENTITY, commit=node == "p1")


def is_removed(seen: tuple[Seen, ...]) -> bool:
    """The process that had it last removed it: its record is of the highest epoch, without an entity."""
    newest = max(one.record.epoch for one in seen)
    return any(one.record.state == "absent" and not one.record.peer and one.record.epoch == newest > 0 for one in seen)


def no_loss_unless_removed(seen: tuple[Seen, ...]) -> bool:
    """X2, and nothing is left of a removed entity."""
    if is_removed(seen):
        return not any(one.record.state in {"owned", "frozen", "departing"} for one in seen if not _is_old(one, seen))
    return no_loss(seen)


def _is_old(one: Seen, seen: tuple[Seen, ...]) -> bool:
    """A departing record whose entity has arrived: the acknowledgement is missing."""
    return one.record.state == "departing" and any(other.record.epoch > one.record.epoch for other in seen)


def fits(seen: tuple[Seen, ...]) -> bool:
    """X-fits."""
    return all(len(one.record.payload) <= LARGEST for one in seen)


def some_removal(seen: tuple[Seen, ...]) -> bool:
    """An entity was removed."""
    return is_removed(seen)


def build(
    *,
    requests: Annotated[int, Parameter("requests to migrate, refused ones included", minimum=0)] = 1,
    commands: Annotated[int, Parameter("creations, updates, removals and resolutions, each", minimum=0)] = 1,
    wedges: Annotated[int, Parameter("times that a process loses its majority", minimum=0)] = 1,
    unsettles: Annotated[int, Parameter("times that a view is in doubt", minimum=0)] = 1,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[
        int | None, Parameter("times that each kind of resending timer may fire; none: no bound", minimum=0)
    ] = 0,
) -> Model:
    """Whatever an application asks for while an entity moves, and a destination that is shunned."""
    given = dict(locals())
    chain = _chain()
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1)),)
    nodes = tuple(
        Node(
            name,
            initial(name, MigrationSettings(maximum_payload_bytes=LARGEST)),
            partial(_step, composition),
            partial(_commands, chain),
            boots=True,
            durable=owned if name == "p1" else (),
            history=_remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for name in NAMES
    )

    def seen(local: Local) -> Seen:
        return observe(ENTITY, local.data, local.durable, local.history.entities)

    invariants = {
        "X1": (STATEMENTS["X1"], no_duplicate),
        "X2-removed": (X2_REMOVED, no_loss_unless_removed),
        "X3": (STATEMENTS["X3"], atomic),
        "X5": (STATEMENTS["X5"], exclusive),
        "X6": (STATEMENTS["X6"], stable_view),
        "X7": (STATEMENTS["X7"], faithful),
        "X-record": (STATEMENTS["X-record"], recorded),
        "X-fits": ("No payload is larger than may travel.", fits),
    }
    resending = ("timeout_vote", "timeout_decision", "timeout_inquiry")
    asked = ("local_create_entity", "local_update_entity", "local_remove_entity", "local_resolve_in_doubt")
    return Model(
        name="migration-application",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": requests,
            **dict.fromkeys(asked, commands),
            "local_wedged": wedges,
            "local_view_unsettled": unsettles,
            **({} if resends is None else dict.fromkeys(resending, resends)),
        },
        properties=(
            *(Property(name, text, check, observe=seen) for name, (text, check) in invariants.items()),
            Property("X-commits", STATEMENTS["X-commits"], some_commit, "sometimes", seen),
            *((Property("X-removed", "An entity is removed.", some_removal, "sometimes", seen),) if commands else ()),
            *((Property("XL1", STATEMENTS["XL1"], at_rest, "reachable", seen),) if resends is None else ()),
        ),
    )


MODELS = {"migration-application": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-application": (
        {"crash": 1, "wedges": 0, "unsettles": 0},
        {"requests": 2, "duplicate": 1, "wedges": 0, "unsettles": 0},
        {"unsettles": 1, "wedges": 1},
    )
}
