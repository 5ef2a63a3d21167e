"""The operator's word, and the fence that follows it, when a process thought gone for good comes back after all.

A migration from p1 to p2 is under way; one of them is lost. The survivor installs a view without it, and an operator
may resolve the doubt at any moment after that. The lost process may return at any moment, with what its store
holds. Until it has heard of the fence it may serve an older copy: that is why the word is not to be given while it
may live. What must hold under every schedule is that the fence ends this, and that nothing comes back after it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Step, Value, Write
from coordfsm.protocols.migration import MigrationData, composition, initial
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, RemoveEntity, ResolveInDoubt, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.migration.properties import STATEMENTS as X_STATEMENTS
from coordfsm.protocols.migration.properties import History, at_rest, no_duplicate, no_loss, observe, recorded, remember
from coordfsm.protocols.view import Member, View, ViewInstalled, ViewStable

ENTITY = "e1"

STATEMENTS = {
    "X1-fence": "Once no fence is open, exactly one process has the entity: no older copy is left or comes back.",
    "X1-yield": "A word that yields the entity to the lost process makes no second copy.",
    "X1-word": "An operator's word is taken only outside every view that the other process is a member of.",
    "X-token-word": "After an operator's word no token from before it counts as a new one.",
    "XL1": "From every state one is reachable with all processes up, no migration running and no fence open.",
    "X-fenced": "A lost process that comes back gives up its copy.",
    "X-yielded": "The lost process comes back and has the entity.",
}


class Past(Value):
    """A node's history: of its entities, and the newest view it installed."""

    entities: Map[str, History] = Map()
    view: int = 0


def _remember(past: Past, event: Value) -> Past:
    if isinstance(event, ViewInstalled):
        return Past(past.entities, event.view.number)
    return Past(remember(past.entities, event), past.view)


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines, with installed views made visible to the history."""
    step = prompt_step(machines, data, given)
    return step._replace(effects=(Notify(given), *step.effects)) if isinstance(given, ViewInstalled) else step


def views_without(lost: str, *, returns: bool) -> tuple[View, ...]:
    """Both; the survivor alone; both again, the lost one as a new member."""
    names = ("p1", "p2")
    first = View("model", 1, "", tuple(Member(name, 1, name) for name in names))
    second = View("model", 2, first.id, tuple(member for member in first.members if member.node != lost))
    again = tuple(Member(name, 1 + (name == lost), name) for name in names)
    third = View("model", 3, second.id, again)
    return (first, second, third) if returns else (first, second)


def asked_of(chain: tuple[View, ...], lost: str, keep: bool, local: Local) -> Iterator[Command]:  # noqa: FBT001
    """What membership, the application and the operator may say to a process."""
    data: MigrationData = local.data
    newest = local.history.view
    for view in chain:
        again = data.service.state == "outside" and view.number == newest
        if (view.number > newest or again) and any(member.node == data.node for member in view.members):
            yield ViewInstalled(view)
    if data.service.view is not None and data.service.state == "unsettled":
        yield ViewStable(data.service.view.id)
    held = data.entities.get(ENTITY)
    if held is not None and held.state == "owned":
        yield Migrate(ENTITY, "p2" if data.node == "p1" else "p1")
        if held.fencing:
            yield RemoveEntity(ENTITY)  # refused
    if data.node != lost:
        # The word that keeps the survivor's copy commits at the destination, and takes back at the source. Which of the
        # two it is, the last migration says: the entity may have come back before its former owner was lost.
        is_destination = held is not None and held.state == "prepared"
        yield ResolveInDoubt(ENTITY, commit=keep == is_destination)


class Seen(Value):
    """One process as the properties see it: what `observe` gives, and the newest view it installed."""

    of_entity: Any
    view: int


def _seen(local: Local) -> Seen:
    return Seen(observe(ENTITY, local.data, local.durable, local.history.entities), local.history.view)


def _of_entity(seen: tuple[Seen, ...]) -> tuple[Any, ...]:
    return tuple(one.of_entity for one in seen)


def is_fenced_off(seen: tuple[Seen, ...]) -> bool:
    """X1-fence: while a fence is open it may be too early to tell; after it, and without one, one copy is left."""
    held = _of_entity(seen)
    return any(one.record.fencing for one in held) or no_loss(held)


def is_word_in_time(seen: tuple[Seen, ...]) -> bool:
    """X1-word: whoever has a fence open has left the first view, in which both are members."""
    return all(one.view > 1 for one in seen if one.of_entity.record.fencing)


def is_horizon_raised(seen: tuple[Seen, ...]) -> bool:
    """X-token-word: the horizon is the epoch before the one that the word began."""
    records = [one.of_entity.record for one in seen]
    return all(record.forgotten == record.epoch - 1 for record in records if record.fencing)


def is_settled(seen: tuple[Seen, ...]) -> bool:
    """XL1, with the fence."""
    held = _of_entity(seen)
    return at_rest(held) and not any(one.record.fencing for one in held)


def some_fenced(seen: tuple[Seen, ...]) -> bool:
    """A copy was given up because of a fence: its record points elsewhere without a transaction of its own."""
    return any(one.record.state == "departed" and not one.record.transaction.source for one in _of_entity(seen))


def is_single(seen: tuple[Seen, ...]) -> bool:
    """X1-yield: as X1."""
    return no_duplicate(_of_entity(seen))


def is_recorded(seen: tuple[Seen, ...]) -> bool:
    """X-record."""
    return recorded(_of_entity(seen))


def is_yielded(seen: tuple[Seen, ...]) -> bool:
    """The survivor left the first view with an open migration, and the other one has the entity at rest."""
    return any(one.view > 1 for one in seen) and is_settled(seen) and no_loss(_of_entity(seen))


def _properties(lost: str, word: str, *, live: bool) -> tuple[Property, ...]:
    """Of a model with this side lost and this word given."""
    kept = Property("X-record", X_STATEMENTS["X-record"], is_recorded, observe=_seen)
    reachable = (Property("XL1", STATEMENTS["XL1"], is_settled, "reachable", _seen),) if live else ()
    if word == "yield":
        yielded = Property("X-yielded", STATEMENTS["X-yielded"], is_yielded, "sometimes", _seen)
        single = Property("X1-yield", STATEMENTS["X1-yield"], is_single, observe=_seen)
        # A source that had committed and whose destination was told to forget waits for a word of its own.
        return (single, yielded, kept, *(reachable if lost == "destination" else ()))
    return (
        Property("X1-fence", STATEMENTS["X1-fence"], is_fenced_off, observe=_seen),
        Property("X1-word", STATEMENTS["X1-word"], is_word_in_time, observe=_seen),
        Property("X-token-word", STATEMENTS["X-token-word"], is_horizon_raised, observe=_seen),
        Property("X-fenced", STATEMENTS["X-fenced"], some_fenced, "sometimes", _seen),
        kept,
        *reachable,
    )


def build(
    *,
    lost: Annotated[str, Parameter("side thought gone for good", choices=("source", "destination"))] = "source",
    word: Annotated[str, Parameter("whose copy the operator keeps", choices=("keep", "yield"))] = "keep",
    requests: Annotated[int, Parameter("requests to migrate", minimum=1)] = 1,
    crash: Annotated[int, Parameter("crashes of either process, also between two effects", minimum=0)] = 1,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[
        int | None, Parameter("times that each kind of resending timer may fire; none: no bound", minimum=0)
    ] = None,
    rejoins: Annotated[bool, Parameter("the lost process becomes a member again")] = True,
) -> Model:
    """An operator resolves a migration whose other side is gone; the lost side comes back and is fenced."""
    given = dict(locals())
    missing = "p1" if lost == "source" else "p2"
    chain = views_without(missing, returns=rejoins)
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1)),)
    nodes = tuple(
        Node(
            name,
            initial(name),
            partial(_step, composition),
            partial(asked_of, chain, missing, word == "keep"),
            boots=True,
            durable=owned if name == "p1" else (),
            history=_remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for name in ("p1", "p2")
    )
    return Model(
        name="migration-resolution",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": requests,
            "local_resolve_in_doubt": 1,
            "local_remove_entity": 1,
            **(
                {}
                if resends is None
                else dict.fromkeys(("timeout_vote", "timeout_decision", "timeout_inquiry"), resends)
            ),
        },
        properties=_properties(lost, word, live=resends is None),
    )


MODELS = {"migration-resolution": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-resolution": (
        {"lost": "source", "crash": 1},
        {"lost": "destination", "crash": 0},
        {"lost": "source", "word": "yield", "crash": 0},
        {"lost": "destination", "word": "yield", "crash": 0},
        # The entity moves on after the fence, and meets what is left of it.
        {"lost": "destination", "crash": 0, "requests": 3, "resends": 0},
        # The former owner has it back, or is about to, when it is lost.
        {"lost": "source", "crash": 0, "requests": 2, "resends": 0},
    )
}
