"""Who asks for a migration is answered: several requests at once, with and without a common token.

The source may abort, restart or doubt its view at any moment.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration import LINEAGE
from coordfsm.kernel import Command, Composition, Input, Notify, Recover, Step, Value, Write
from coordfsm.protocols.migration import MigrationData, composition, initial
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, MigrationEnded, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.view import Member, View, ViewInstalled, ViewStable, ViewUnsettled

ENTITY = "e1"
SOURCE, DESTINATION = "p1", "p2"
TOKEN = "twice"  # noqa: S105  (an idempotency token)

STATEMENTS = {
    "X-answered": "From every state one can be reached in which no caller of a running process waits.",
    "X-answered-once": "No request is answered twice, and none that was not asked.",
    "X-answered-true": "A request is told that the entity moved only if it was given up.",
    "X-shared": "A request with the token of a migration that is under way is never told that another is under way.",
}


class Asked(Value):
    """What properties remember of one process's callers.

    Attributes:
        waiting: ids of requests that were asked and not answered, sorted.
        answered: (id, outcome) of those that were answered, sorted.
        gone: ids of requests whose callers ended with the process.
        twice: an answer came for a request that did not wait.
    """

    waiting: tuple[int, ...] = ()
    answered: tuple[tuple[int, str], ...] = ()
    gone: tuple[int, ...] = ()
    twice: bool = False


def remember(asked: Asked, event: Value) -> Asked:
    """Fold a request, an answer or a restart into what is remembered."""
    if isinstance(event, Migrate):
        return replace(asked, waiting=tuple(sorted((*asked.waiting, event.request))))
    if isinstance(event, Recover):
        return replace(asked, waiting=(), gone=tuple(sorted((*asked.gone, *asked.waiting))))
    if not isinstance(event, MigrationEnded):
        return asked
    waiting = tuple(request for request in asked.waiting if request not in event.requests)
    told = ((request, event.outcome) for request in event.requests)
    return replace(
        asked,
        waiting=waiting,
        answered=tuple(sorted((*asked.answered, *told))),
        twice=asked.twice or len(waiting) + len(event.requests) != len(asked.waiting),
    )


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines, with requests and restarts made visible to the history."""
    step = prompt_step(machines, data, given)
    if isinstance(given, Migrate):
        return step._replace(effects=(Notify(given), *step.effects))
    return step._replace(effects=(Notify(Recover(())), *step.effects)) if isinstance(given, Recover) else step


def _commands(requests: int, tokens: int, view: View, local: Local) -> Iterator[Command]:
    data: MigrationData = local.data
    if data.service.state == "outside":
        yield ViewInstalled(view)
        return
    if data.service.state == "unsettled":
        yield ViewStable(view.id)
    if data.node != SOURCE:
        return
    if data.service.state == "settled":
        yield ViewUnsettled(view.id)
    asked: Asked = local.history
    used = {*asked.waiting, *asked.gone, *(request for request, _ in asked.answered)}
    request = next((number for number in range(1, requests + 1) if number not in used), None)
    if request is not None:
        yield Migrate(ENTITY, DESTINATION, TOKEN if request <= tokens else "", request)


def build(
    *,
    requests: Annotated[int, Parameter("requests to migrate", minimum=1, maximum=4)] = 2,
    tokens: Annotated[int, Parameter("how many of them have one common token", minimum=0, maximum=4)] = 2,
    crash: Annotated[int, Parameter("crashes of the source, also between two effects", minimum=0)] = 1,
    unsettles: Annotated[int, Parameter("times that the view is in doubt", minimum=0)] = 1,
    resends: Annotated[int, Parameter("times that each kind of resending timer may fire", minimum=0)] = 0,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
) -> Model:
    """Requests to migrate at once: each caller is told what became of its own, once."""
    given = dict(locals())
    view = View(LINEAGE, 1, "", (Member(SOURCE, 1, SOURCE), Member(DESTINATION, 1, DESTINATION)))
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1, payload=b"x")),)
    nodes = tuple(
        Node(
            name,
            initial(name),
            partial(_step, composition),
            partial(_commands, requests, tokens, view),
            boots=True,
            durable=owned if name == SOURCE else (),
            history=remember,
            first_history=Asked(),
            rules=composition.rule_names,
        )
        for name in (SOURCE, DESTINATION)
    )

    def seen(local: Local) -> tuple[Asked, str, bool]:
        record = next((write.value for write in local.durable if write.key == entity_key(ENTITY)), None)
        return local.history, record.state if isinstance(record, EntityRecord) else "absent", local.data is not None

    def once(observed: Any) -> bool:
        asked: Asked = observed[0][0]
        return not asked.twice and len({request for request, _ in asked.answered}) == len(asked.answered)

    def true(observed: Any) -> bool:
        asked, state, _ = observed[0]
        moved = any(outcome in ("COMMITTED", "ALREADY_APPLIED") for _, outcome in asked.answered)
        return not moved or state in ("departing", "departed")

    def shared(observed: Any) -> bool:
        asked: Asked = observed[0][0]
        return tokens < requests or all(outcome != "ALREADY_MIGRATING" for _, outcome in asked.answered)

    def answered(observed: Any) -> bool:
        asked, _, up = observed[0]
        return bool(up) and not asked.waiting

    def both(observed: Any) -> bool:
        asked: Asked = observed[0][0]
        return [outcome for request, outcome in asked.answered if request <= tokens].count("COMMITTED") > 1

    witness = "Two requests with one token are both told COMMITTED."
    return Model(
        name="migration-requests",
        parameters=given,
        nodes=nodes,
        network=Multiset(duplicate=duplicate),
        faults=Faults(crash=crash, crashable=(SOURCE,)),
        # Nothing is lost, so nothing has to be sent again.
        budgets={"local_view_unsettled": unsettles}
        | dict.fromkeys(("timeout_vote", "timeout_decision", "timeout_inquiry"), resends),
        properties=(
            Property("X-answered-once", STATEMENTS["X-answered-once"], once, observe=seen),
            Property("X-answered-true", STATEMENTS["X-answered-true"], true, observe=seen),
            Property("X-shared", STATEMENTS["X-shared"], shared, observe=seen),
            Property("X-answered", STATEMENTS["X-answered"], answered, "reachable", seen),
            *((Property("X-both", witness, both, "sometimes", seen),) if tokens > 1 else ()),
        ),
    )


MODELS = {"migration-requests": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-requests": (
        {},
        {"requests": 3, "crash": 0},
        {"crash": 0, "duplicate": 1},
        # Two requests with the token and two without.
        {"requests": 4, "crash": 0},
    ),
}
