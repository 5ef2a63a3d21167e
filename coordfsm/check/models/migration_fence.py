"""Who serves an entity after an operator's word that was not true, as the applications see it.

As in `migration-resolution` one process is thought lost and comes back; as in `migration-service` each application
reads what it is told late, and confirms later still, or never. The copies meet when the lost process hears of the
fence. From then on its application is waited for: the fence stays open, and the entity where it is, until it stopped.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration_resolution import asked_of, views_without
from coordfsm.check.models.migration_service import (
    CONFIRMS,
    ENTITY,
    NAMES,
    READS,
    X_SERVED_REST,
    Application,
    Confirm,
    Past,
    ReadEvent,
    Served,
    remember_view,
    step_served,
)
from coordfsm.kernel import Command, Value, Write
from coordfsm.protocols.migration import composition, initial
from coordfsm.protocols.migration.messages import EntityRecord, entity_key
from coordfsm.protocols.migration.properties import STATEMENTS, Seen, at_rest, observe, recorded
from coordfsm.protocols.view import View

X_SERVED_FENCE = "Once no fence is open, at most one application serves an entity, however late each reads."
X_STOPPING = "A process gave its copy up for a fence, and its application serves it still."


def _commands(chain: tuple[View, ...], lost: str, local: Local) -> Iterator[Command]:
    yield from asked_of(chain, lost, True, replace(local, data=local.data.migration))  # noqa: FBT003  (keep)
    if local.data.application.unread:
        yield ReadEvent()
    if local.data.application.owed:
        yield Confirm()


class Observed(Value):
    """One process as the properties see it: its entity, whether its application serves it, and has read all."""

    entity: Seen
    serving: bool
    done: bool


def _observe(local: Local) -> Observed:
    data: Served | None = local.data
    application = Application() if data is None else data.application
    machines = None if data is None else data.migration
    entity = observe(ENTITY, machines, local.durable, local.history.entities)
    return Observed(entity, application.serving, not application.unread)


def _served(observed: tuple[Observed, ...]) -> int:
    """How many applications serve the entity."""
    return sum(one.serving for one in observed)


def served_once_fenced(observed: tuple[Observed, ...]) -> bool:
    """X-served-fence."""
    return any(one.entity.record.fencing for one in observed) or _served(observed) <= 1


def served_at_rest(observed: tuple[Observed, ...]) -> bool:
    """X-served-rest."""
    agreed = all(one.done and one.serving == one.entity.serving for one in observed)
    fencing = any(one.entity.record.fencing for one in observed)
    return agreed and not fencing and at_rest(tuple(one.entity for one in observed)) and _served(observed) == 1


def is_stopping(observed: tuple[Observed, ...]) -> bool:
    """X-stopping."""
    return any(one.serving and one.entity.record.state == "departed" for one in observed)


def is_recorded(observed: tuple[Observed, ...]) -> bool:
    """X-record."""
    return recorded(tuple(one.entity for one in observed))


def build(
    *,
    lost: Annotated[str, Parameter("side thought gone for good", choices=("source", "destination"))] = "source",
    requests: Annotated[int, Parameter("requests to migrate", minimum=1)] = 1,
    confirmations: Annotated[int | None, Parameter("stops that are confirmed; none: no bound", minimum=0)] = None,
    freezes: Annotated[int, Parameter("times that an application is waited for too long", minimum=0)] = 1,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = 1,
    resends: Annotated[
        int | None, Parameter("times that each kind of resending timer may fire; none: no bound", minimum=0)
    ] = 0,
) -> Model:
    """A copy is fenced off while its application serves it."""
    given = dict(locals())
    missing = NAMES[lost == "destination"]
    chain = views_without(missing, returns=True)
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1)),)
    nodes = tuple(
        Node(
            name,
            Served(initial(name)),
            partial(step_served, composition),
            partial(_commands, chain, missing),
            boots=True,
            durable=owned if name == NAMES[0] else (),
            history=remember_view,
            first_history=Past(),
            rules=(*composition.rule_names, READS, CONFIRMS),
        )
        for name in NAMES
    )
    bounded = {"local_confirm": confirmations} if confirmations is not None else {}
    return Model(
        name="migration-fence",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss),
        faults=Faults(crash=crash),
        budgets={
            "local_migrate": requests,
            "local_resolve_in_doubt": 1,
            "local_remove_entity": 1,
            "timeout_freeze": freezes,
            **(
                {}
                if resends is None
                else dict.fromkeys(("timeout_vote", "timeout_decision", "timeout_inquiry"), resends)
            ),
            **bounded,
        },
        properties=(
            Property("X-served-fence", X_SERVED_FENCE, served_once_fenced, observe=_observe),
            Property("X-record", STATEMENTS["X-record"], is_recorded, observe=_observe),
            Property("X-stopping", X_STOPPING, is_stopping, "sometimes", _observe),
            *(
                (Property("X-served-rest", X_SERVED_REST, served_at_rest, "reachable", _observe),)
                if confirmations is None and resends is None
                else ()
            ),
        ),
    )


MODELS = {"migration-fence": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-fence": (
        {"lost": "source"},
        {"lost": "destination"},
        # The copies that meet are those of the second migration, of a freeze that was called off before.
        {"lost": "source", "requests": 2, "freezes": 2, "loss": 0},
        {"lost": "source", "loss": None, "resends": None},
        {"lost": "destination", "loss": None, "resends": None},
        {"lost": "source", "confirmations": 1},
        {"lost": "source", "crash": 1},
    )
}
