"""What is right when an application or an operator asks: it is done, unless something true speaks against it."""

from collections.abc import Callable
from typing import Any

import xxhash
from msgspec.structs import replace

from coordfsm.check.models._migration_scene import (
    UNDER_WAY,
    Reason,
    Right,
    Scene,
    become,
    departed,
    dropped,
    ending,
    offering,
    to_peer,
    words,
)
from coordfsm.check.models._migration_situations import ENTITY, ME
from coordfsm.kernel import Endpoint
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    ConfirmStopped,
    CreateEntity,
    Migrate,
    MigrationEnded,
    MigrationFenced,
    RemoveEntity,
    ResolveInDoubt,
    TransactionId,
    UpdateEntity,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome as Outcome
from coordfsm.protocols.migration.rules import REQUESTS_LIMIT

# -- what an application asks for -----------------------------------------------------------------------------------


def _against(scene: Scene, asked: CreateEntity | UpdateEntity | RemoveEntity) -> frozenset[str]:
    """All that speaks against it."""
    held, payload = scene.held, getattr(asked, "payload", b"")
    where = (
        f"the entity is {held.state} here"
        if held.state in {"owned", *UNDER_WAY}
        else f"the entity is at {held.peer}"
        if held.peer
        else "the entity is not here"
    )
    wanted = held.state == "absent" and not held.peer if isinstance(asked, CreateEntity) else held.state == "owned"
    return frozenset(
        reason
        for reason, holds in (
            (f"payload of {len(payload)} bytes, expected at most 5", len(payload) > len(b"cargo")),
            ("not an id, expected 1 to 64 printable characters without spaces", " " in held.entity),
            (where, not wanted),
            (f"the former owner {held.peer} is still being fenced", isinstance(asked, RemoveEntity) and held.fencing),
        )
        if holds
    )


def _create(scene: Scene, asked: CreateEntity, _sender: Endpoint) -> Right:
    reasons = _against(scene, asked)
    created = become(scene.held, "owned", epoch=scene.held.epoch + 1, payload=asked.payload)
    return Right(scene.held if reasons else created, reasons=reasons)


def _update(scene: Scene, asked: UpdateEntity, _sender: Endpoint) -> Right:
    reasons = _against(scene, asked)
    return Right(scene.held if reasons else replace(scene.held, payload=asked.payload), reasons=reasons)


def _remove(scene: Scene, asked: RemoveEntity, _sender: Endpoint) -> Right:
    reasons = _against(scene, asked)
    return Right(scene.held if reasons else become(scene.held, "absent", payload=b""), reasons=reasons)


def _migrate(scene: Scene, asked: Migrate, _sender: Endpoint) -> Right:
    held, asking = scene.held, (asked.request,) if asked.request else ()
    same = bool(asked.token) and (asked.token, asked.destination) == (held.token, held.peer)
    if held.state in UNDER_WAY and same and len(held.requests) < REQUESTS_LIMIT:
        return Right(replace(held, requests=(*held.requests, *asking)))
    outcomes = _refusals(scene, asked)
    if outcomes:
        refused = MigrationEnded(ENTITY, asked.destination, Outcome.COMMITTED, "", asked.token, requests=asking)
        return Right(held, ended=refused, outcomes=outcomes)
    to = scene.member(asked.destination)
    assert to is not None
    began = become(held, "freezing", token=asked.token, requests=asking, peer=to.node, peer_endpoint=to.endpoint)
    return Right(began)


def _refusals(scene: Scene, asked: Migrate) -> frozenset[Reason]:
    """The answers that are true of a request that begins nothing; none: it begins."""
    held = scene.held
    digest = xxhash.xxh3_128_hexdigest(asked.token.encode())
    if asked.token and (
        digest in {used.digest for used in held.tokens} or (held.state == "departing" and held.token == asked.token)
    ):
        return words(Outcome.ALREADY_APPLIED)
    if not asked.token and held.state == "departed" and held.peer == asked.destination:
        return words(Outcome.ALREADY_APPLIED)
    if held.state in UNDER_WAY:
        return words(Outcome.ALREADY_MIGRATING, f"to {held.peer}")
    if held.state != "owned":
        return words(Outcome.NOT_OWNER, f"at {held.peer}" if held.peer else "")
    expired = f"made in epoch {asked.since}, and uses up to epoch {held.forgotten} are forgotten"
    against = (
        (Outcome.REJECTED, "the destination is this process", asked.destination == ME),
        (Outcome.TOKEN_EXPIRED, expired, 0 < asked.since <= held.forgotten),
        (Outcome.REJECTED, "the former owner is still being fenced", held.fencing),
        (Outcome.WEDGED, "", scene.service == "wedged"),
        (Outcome.NOT_IN_VIEW, "this process", scene.view is None),
        (Outcome.NOT_IN_VIEW, asked.destination, scene.view is not None and scene.member(asked.destination) is None),
        (Outcome.VIEW_UNSTABLE, "", scene.service == "unsettled"),
    )
    return frozenset((outcome, reason) for outcome, reason, holds in against if holds)


def _confirm(scene: Scene, asked: ConfirmStopped, _sender: Endpoint) -> Right:
    held = scene.held
    if held.state not in {"freezing", "yielding"} or asked.freeze != scene.freeze:
        return Right(held)
    if held.state == "yielding":
        return Right(become(held, "departed"), to_peer(scene, MigrationFenced(ENTITY, held.epoch + 1)))
    me = scene.member(ME)
    assert me is not None
    attempt = TransactionId(ME, me.incarnation, held.counter + 1)
    sent = become(held, "frozen", counter=attempt.counter, transaction=attempt)
    return Right(sent, to_peer(scene, offering(scene, sent)))


def _resolved(scene: Scene, word: ResolveInDoubt, _sender: Endpoint) -> Right:
    held = scene.held
    role = "source" if held.state == "prepared" else "destination"
    against = (
        (f"nothing is in doubt: the entity is {held.state} here", held.state not in {"prepared", "departing"}),
        (f"the view is {scene.service}, expected settled", scene.service != "settled"),
        (f"the {role} {held.peer} is a member of the view and will answer", scene.member(held.peer) is not None),
    )
    reasons = frozenset(reason for reason, holds in against if holds)
    if reasons:
        return Right(held, reasons=reasons)
    if held.state == "prepared":
        taken = become(held, "owned", epoch=held.offered + 1, offered=0, fencing=True, forgotten=held.offered)
        return Right(taken if word.commit else dropped(held))
    if word.commit:
        outcomes = words(Outcome.COMMITTED, "resolved by the operator")
        return Right(departed(held), ended=ending(held), outcomes=outcomes)
    kept = become(
        held,
        "owned",
        epoch=held.epoch + 2,
        transaction=NO_TRANSACTION,
        token="",
        requests=(),
        fencing=True,
        forgotten=held.epoch + 1,
    )
    return Right(kept, ended=ending(held), outcomes=words(Outcome.REJECTED, "resolved by the operator"))


ASKED: dict[Any, Callable[[Scene, Any, Endpoint], Right]] = {
    CreateEntity: _create,
    UpdateEntity: _update,
    RemoveEntity: _remove,
    Migrate: _migrate,
    ConfirmStopped: _confirm,
    ResolveInDoubt: _resolved,
}
