"""Requests that come again, at any time and at any process, while only the last few tokens are kept.

Whoever makes a token knows the entity's epoch of that moment, and says so with every request that has the token.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.migration import LINEAGE
from coordfsm.kernel import Command, Composition, Effect, Input, Notify, Step, Value, Write
from coordfsm.protocols.migration import EntityData, MigrationData, MigrationSettings, composition, initial
from coordfsm.protocols.migration.messages import CommitDecided, EntityRecord, Migrate, MigrationEnded, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.view import Member, View, ViewInstalled, ViewStable

ENTITY = "e1"

STATEMENTS = {
    "X-token": "No token that says since when it is moves an entity twice; no other does while it is kept.",
    "X-token-fresh": "A token is answered TOKEN_EXPIRED only if the entity has moved by more than are kept since then.",
    "X-expired": "A token is answered TOKEN_EXPIRED.",
    "X-known": "A token is answered ALREADY_APPLIED by a process that did not carry it out.",
}


class Moved(Value):
    """The entity was given up: by the request with this token, in this epoch."""

    token: str
    epoch: int


class Answered(Value):
    """A request was refused.

    Attributes:
        outcome: in a word.
        token: of the request.
        passed: how often the entity had moved since the epoch that the request states.
    """

    outcome: str
    token: str
    passed: int


class Tokens(Value):
    """What properties remember of one process.

    Attributes:
        moved: each move that it committed, as (token, epoch).
        expired: the fewest moves after which it called a token expired; -1 if it never did.
        known: it answered that a token was used which another process had carried out.
    """

    moved: tuple[tuple[str, int], ...] = ()
    expired: int = -1
    known: bool = False

    least_number = -1


def remember(tokens: Tokens, event: Value) -> Tokens:
    """Fold a move or a refusal into what is remembered."""
    if isinstance(event, Moved):
        return replace(tokens, moved=(*tokens.moved, (event.token, event.epoch)))
    if isinstance(event, Answered) and event.outcome == "TOKEN_EXPIRED":
        fewest = event.passed if tokens.expired < 0 else min(tokens.expired, event.passed)
        return replace(tokens, expired=fewest)
    if isinstance(event, Answered) and event.outcome == "ALREADY_APPLIED":
        return replace(tokens, known=tokens.known or event.token not in {token for token, _ in tokens.moved})
    return tokens


def _step(machines: Composition, data: Any, given: Input) -> Step:
    """The machines; moves and refusals are told with what the properties ask for."""
    step = prompt_step(machines, data, given)
    before = data.entities.get(ENTITY, EntityData(ENTITY))

    def told(effect: Effect) -> Effect:
        event = effect.event if isinstance(effect, Notify) else None
        if isinstance(event, CommitDecided):
            return Notify(Moved(before.token, before.epoch))
        if isinstance(event, MigrationEnded) and isinstance(given, Migrate):
            return Notify(Answered(event.outcome, given.token, before.epoch - given.since))
        return effect

    return step._replace(effects=tuple(map(told, step.effects)))


def _commands(names: int, view: View, local: Local, *, stated: bool) -> Iterator[Command]:
    data: MigrationData = local.data
    if data.service.state == "outside":
        yield ViewInstalled(view)
    elif data.service.state == "unsettled":
        yield ViewStable(view.id)
    else:
        held = data.entities.get(ENTITY, EntityData(ENTITY))
        for number in range(names):
            for since in range(1, held.epoch + 1) if stated else (0,):
                for member in view.members:
                    if member.node != data.node:
                        yield Migrate(ENTITY, member.node, f"{'abc'[number]}{since or ''}", since=since)


def moves_once(kept: int, observed: tuple[Tokens, ...]) -> bool:
    """X-token."""
    moves = sorted(move for one in observed for move in one.moved)
    pairs = pairwise(moves)
    return all(one[0] != other[0] or (len(one[0]) == 1 and other[1] - one[1] > kept) for one, other in pairs)


def expires_late(kept: int, observed: tuple[Tokens, ...]) -> bool:
    """X-token-fresh."""
    return all(one.expired < 0 or one.expired > kept for one in observed)


def build(
    *,
    processes: Annotated[int, Parameter("processes; the first owns the entity", minimum=2, maximum=4)] = 2,
    requests: Annotated[int, Parameter("requests to migrate, over all processes", minimum=1)] = 4,
    kept: Annotated[int, Parameter("tokens that are kept with the entity", minimum=1)] = 1,
    names: Annotated[int, Parameter("tokens that are made in each epoch, or at all", minimum=1, maximum=3)] = 2,
    stated: Annotated[bool, Parameter("requests state the epoch in which their token was made")] = True,
    crash: Annotated[int, Parameter("crashes, also between two effects", minimum=0)] = 0,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 0,
    resends: Annotated[int, Parameter("times that each kind of resending timer may fire", minimum=0)] = 0,
) -> Model:
    """Repeated requests while tokens are forgotten: none moves the entity twice, none is refused without need."""
    given = dict(locals())
    members = tuple(Member(f"p{number}", 1, f"p{number}") for number in range(1, processes + 1))
    view = View(LINEAGE, 1, "", members)
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1, payload=b"x")),)
    nodes = tuple(
        Node(
            member.node,
            initial(member.node, MigrationSettings(tokens_per_entity=kept)),
            partial(_step, composition),
            partial(_commands, names, view, stated=stated),
            boots=True,
            durable=owned if member.node == "p1" else (),
            history=remember,
            first_history=Tokens(),
            rules=composition.rule_names,
        )
        for member in members
    )

    def seen(local: Local) -> Tokens:
        history: Tokens = local.history
        return history

    def some_expired(observed: tuple[Tokens, ...]) -> bool:
        return any(one.expired >= 0 for one in observed)

    def some_known(observed: tuple[Tokens, ...]) -> bool:
        return any(one.known for one in observed)

    witnesses = {"X-known": some_known} | ({"X-expired": some_expired} if stated else {})
    return Model(
        name="migration-tokens",
        parameters=given,
        nodes=nodes,
        network=Multiset(0, duplicate),
        faults=Faults(crash=crash),
        budgets={"local_migrate": requests, "timeout_fence": 0, "timeout_freeze": 0}
        | dict.fromkeys(("timeout_vote", "timeout_decision", "timeout_inquiry"), resends),
        properties=(
            Property("X-token", STATEMENTS["X-token"], partial(moves_once, kept), observe=seen),
            Property("X-token-fresh", STATEMENTS["X-token-fresh"], partial(expires_late, kept), observe=seen),
            *(Property(name, STATEMENTS[name], check, "sometimes", seen) for name, check in witnesses.items()),
        ),
    )


MODELS = {"migration-tokens": build}

DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {
    "migration-tokens": (
        {},
        {"requests": 3, "crash": 1},
        {"requests": 4, "kept": 2, "names": 1},
        {"requests": 3, "stated": False, "crash": 1},
        # The entity comes back to its first process by way of a third.
        {"requests": 3, "processes": 3, "names": 1},
    ),
}
