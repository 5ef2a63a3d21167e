"""Messages to an entity that moves, from senders that know nothing for certain of where it is.

Whoever asks where the entity is may be told anything: any process, any epoch. A wrong answer costs time, and no message
is handed over twice because of it. The entity moves by the real protocol; applications answer late, or never.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration import LINEAGE
from coordfsm.kernel import Command, Composition, Input, Map, Notify, Part, Step, Value, Write
from coordfsm.protocols import delivery, migration
from coordfsm.protocols.delivery import DeliverySettings, InboxData, RequestData, SessionData
from coordfsm.protocols.delivery.messages import (
    AnswerRequest,
    EntityLocated,
    RequestArrived,
    RequestEnded,
    RequestId,
    Route,
    SendToEntity,
)
from coordfsm.protocols.delivery.properties import (
    STATEMENTS,
    Exchange,
    answered_truly,
    at_most_once,
    remember,
    some_moved,
    some_unconfirmed,
    undelivered_truly,
)
from coordfsm.protocols.migration import EntityData, MigrationData
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.view import Member, View, ViewInstalled, ViewStable

ENTITY = "e1"
LONGEST = 1


class Process(Value):
    """Delivery, over the entities of a process."""

    migration: MigrationData
    session: SessionData
    inboxes: Map[str, InboxData] = Map()
    requests: Map[str, RequestData] = Map()


composition = Composition("delivery", (Part("migration", migration.composition), *delivery.PARTS))


class Happened(Value):
    """A message arrived or ended, and the epoch in which the entity was in service at that moment."""

    event: Value
    owned: int


class Past(Value):
    """A node's history.

    Attributes:
        exchange: what arrived and what callers were told.
        sent: numbers that were used, over all runs.
        view: the newest view that was installed.
    """

    exchange: Exchange = Exchange()
    sent: int = 0
    view: int = 0


def _remember(past: Past, event: Value) -> Past:
    if isinstance(event, Happened):
        return replace(past, exchange=remember(past.exchange, event.event, event.owned))
    if isinstance(event, SendToEntity):
        return replace(past, sent=past.sent + 1)
    return replace(past, view=event.view.number) if isinstance(event, ViewInstalled) else past


def _owned(data: Process) -> int:
    held = data.migration.entities.get(ENTITY, EntityData(ENTITY))
    return held.epoch if held.state == "owned" else 0


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines, with what is asked and what comes of it made visible to the history."""
    step = prompt_step(machines, data, given)
    effects = tuple(
        Notify(Happened(effect.event, _owned(step.data)))
        if isinstance(effect, Notify) and isinstance(effect.event, RequestArrived | RequestEnded)
        else effect
        for effect in step.effects
    )
    seen = (Notify(given),) if isinstance(given, ViewInstalled | SendToEntity) else ()
    return step._replace(effects=(*seen, *effects))


def _located(data: Process, processes: int, epochs: int) -> Iterator[Command]:
    """Whatever an answer to "where is it" may say, right or wrong."""
    places = [Route(f"p{owner}", epoch) for owner in range(1, processes + 1) for epoch in range(1, epochs + 1)]
    for request in data.requests.values():
        if request.state == "locating":
            yield from (EntityLocated(request.id.number, place) for place in places)
            yield EntityLocated(request.id.number, Route(), "unknown")


def _commands(chain: tuple[View, ...], epochs: int, senders: tuple[str, ...], local: Local) -> Iterator[Command]:
    data: Process = local.data
    past: Past = local.history
    service, node = data.migration.service, data.session.node
    for view in chain:
        again = service.state == "outside" and view.number == past.view
        if (view.number > past.view or again) and any(member.node == node for member in view.members):
            yield ViewInstalled(view)
    if service.view is None:
        return
    if service.state == "unsettled":
        yield ViewStable(service.view.id)
    if node in senders and not data.requests:
        yield SendToEntity(past.sent + 1, ENTITY, b"")
        yield SendToEntity(past.sent + 1, ENTITY, b"", Route(chain[0].members[-1].node, 1))
        yield SendToEntity(past.sent + 1, ENTITY, b"too long")
    yield from _located(data, len(chain[0].members), epochs)
    yield from _answers(data)
    if data.migration.entities.get(ENTITY, EntityData(ENTITY)).state == "owned":
        yield from (Migrate(ENTITY, member.node) for member in chain[0].members if member.node != node)


def _answers(data: Process) -> Iterator[Command]:
    """The application answers what it was handed, at any time or never."""
    for inbox in data.inboxes.values():
        name, _, incarnation = inbox.origin.partition(".")
        for number, kept in inbox.kept.items():
            if kept.answer is None:
                request = RequestId(name, int(incarnation), inbox.session, number)
                yield AnswerRequest(request, b"!")
                yield AnswerRequest(request, b"too long")


def _views(processes: int, views: int) -> tuple[View, ...]:
    """All, then all but the last process, which comes back in a new incarnation."""
    chain: list[View] = []
    for number in range(1, views + 1):
        members = tuple(
            Member(f"p{place}", 2 if place == processes and number > 2 else 1, f"p{place}")
            for place in range(1, processes + 1)
            if place < processes or number != 2
        )
        chain.append(View(LINEAGE, number, chain[-1].id if chain else "", members))
    return tuple(chain)


def build(  # noqa: PLR0913  (each a dimension of the model)
    *,
    processes: Annotated[int, Parameter("processes; the first owns the entity", minimum=2, maximum=3)] = 2,
    senders: Annotated[int, Parameter("processes that send, from the last one on", minimum=1, maximum=3)] = 1,
    sends: Annotated[int, Parameter("messages to the entity, over all processes", minimum=1)] = 1,
    moves: Annotated[int, Parameter("requests to migrate, over all processes", minimum=0)] = 1,
    epochs: Annotated[int, Parameter("epochs that may be told, from the first on", minimum=1)] = 2,
    views: Annotated[int, Parameter("views; the last process is not in the second", minimum=1, maximum=3)] = 1,
    kept: Annotated[int, Parameter("requests of a sender that an owner knows", minimum=1)] = 4,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 1,
    resends: Annotated[int, Parameter("times that each kind of resending timer may fire", minimum=0)] = 1,
) -> Model:
    """Messages to an entity that moves: handed over at most once, by its owner, and each caller is told the truth."""
    given = dict(locals())
    chain = _views(processes, views)
    settings = DeliverySettings(
        kept_requests=kept, hops_limit=3, maximum_message_bytes=LONGEST, maximum_answer_bytes=LONGEST
    )
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1)),)
    sending = tuple(f"p{place}" for place in range(processes - senders + 1, processes + 1))
    names = tuple(member.node for member in chain[0].members)
    nodes = tuple(
        Node(
            name,
            Process(migration.initial(name), delivery.first_session(name, settings)),
            partial(_step, composition),
            partial(_commands, chain, epochs, sending),
            boots=True,
            durable=owned if name == "p1" else (),
            history=_remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for name in names
    )

    def seen(local: Local) -> Exchange:
        past: Past = local.history
        return past.exchange

    def waiting(local: Local) -> bool:
        return local.data is not None and not local.data.requests

    def over(check: Any) -> Any:
        return lambda exchanges: check(tuple(zip(names, exchanges, strict=True)))

    statements = {"D5": at_most_once, "D5-answered": answered_truly, "D5-undelivered": undelivered_truly}
    witnesses = {"D5-unconfirmed": some_unconfirmed, **({"D5-moved": some_moved} if moves else {})}
    return Model(
        name="delivery",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss, duplicate),
        faults=Faults(crash=crash),
        budgets={
            "local_send_to_entity": sends,
            "local_migrate": moves,
            **dict.fromkeys(("timeout_vote", "timeout_decision", "timeout_inquiry", "timeout_request"), resends),
        },
        properties=(
            *(Property(name, STATEMENTS[name], over(check), observe=seen) for name, check in statements.items()),
            *(Property(name, STATEMENTS[name], over(check), "sometimes", seen) for name, check in witnesses.items()),
            Property("DL1-send", STATEMENTS["DL1-send"], all, "reachable", waiting),
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "delivery": (
        {"duplicate": 0},
        {"duplicate": 0, "resends": 0, "crash": 1},
        {"duplicate": 0, "resends": 0, "moves": 2, "epochs": 3},
        {"moves": 0, "epochs": 1, "crash": 1},
        # More messages than an owner keeps; and a sender that is removed and comes back.
        {"moves": 0, "epochs": 1, "sends": 2, "kept": 1, "resends": 0},
        {"moves": 0, "epochs": 1, "views": 3, "resends": 0},
        {"duplicate": 0, "resends": 0, "sends": 2},
        # The owner is removed while it is written to.
        {"duplicate": 0, "resends": 0, "senders": 2, "views": 2},
    )
}
