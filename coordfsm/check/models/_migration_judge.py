"""What is right: what becomes of an entity by one input, worked out beside the machines from how things stood before.

By what is asked, not by the state that it meets: a request is carried out unless something true speaks against it, and
then one of the true reasons is told. `_migration_laws` compares.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from coordfsm.check.models._migration_asked import ASKED
from coordfsm.check.models._migration_scene import (
    UNDER_WAY,
    Right,
    Scene,
    become,
    decision_on,
    departed,
    dropped,
    ending,
    offering,
    stays,
    to_peer,
    words,
)
from coordfsm.check.models._migration_situations import ENTITY, ME, SETTINGS
from coordfsm.kernel import Command, Endpoint, Input, Message, Received, Recover, Send, TimerFired
from coordfsm.protocols.migration.data import EntityData
from coordfsm.protocols.migration.messages import (
    EntityRecord,
    MigrationAck,
    MigrationDecision,
    MigrationFence,
    MigrationFenced,
    MigrationInquiry,
    MigrationPrepare,
    MigrationVote,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome as Outcome
from coordfsm.protocols.view import Shunned, ViewInstalled, Wedged

# -- what another process says --------------------------------------------------------------------------------------


def _offered(scene: Scene, offer: MigrationPrepare, sender: Endpoint) -> Right:
    held = scene.held
    vote = MigrationVote(ENTITY, offer.transaction, accepted=True)
    if held.state == "prepared" and held.transaction == offer.transaction:
        return Right(held, (Send(sender, vote),))
    against = (
        (f"the entity is {held.state} at the destination", held.state not in {"absent", "departed"}),
        (f"epoch {offer.epoch} is not newer than {held.epoch}", offer.epoch <= held.epoch),
        ("the destination is full (2 entities)", scene.resident >= SETTINGS.capacity),
        ("the destination is in another view", scene.view is None or scene.view.id != offer.view_id),
        ("the destination is in another view", scene.service == "wedged"),
    )
    reasons = frozenset(reason for reason, holds in against if holds)
    if reasons:
        return Right(held, (Send(sender, replace(vote, accepted=False)),), reasons)
    taken = become(
        held,
        "prepared",
        payload=offer.payload,
        transaction=offer.transaction,
        offered=offer.epoch,
        peer=offer.transaction.source,
        peer_endpoint=sender,
        tokens=offer.tokens,
        forgotten=offer.forgotten,
    )
    return Right(taken, (Send(sender, vote),))


def _voted(scene: Scene, vote: MigrationVote, _sender: Endpoint) -> Right:
    held = scene.held
    if held.state != "frozen" or vote.transaction != held.transaction:
        return Right(held)
    if vote.accepted:
        return Right(become(held, "departing"), to_peer(scene, decision_on(held, commit=True)))
    return stays(scene, words(Outcome.REJECTED, vote.reason))


def _decided(scene: Scene, decision: MigrationDecision, sender: Endpoint) -> Right:
    held, done = scene.held, (Send(sender, MigrationAck(ENTITY, decision.transaction)),)
    if held.state != "prepared" or decision.transaction != held.transaction:
        return Right(held, done if decision.commit and held.epoch > decision.epoch else ())
    if not decision.commit:
        return Right(dropped(held))
    return Right(become(held, "owned", epoch=held.offered + 1, offered=0, peer="", peer_endpoint=""), done)


def _acknowledged(scene: Scene, ack: MigrationAck, _sender: Endpoint) -> Right:
    held = scene.held
    if held.state != "departing" or ack.transaction != held.transaction:
        return Right(held)
    return Right(departed(held), ended=ending(held), outcomes=words(Outcome.COMMITTED))


def _inquired(scene: Scene, inquiry: MigrationInquiry, sender: Endpoint) -> Right:
    held = scene.held
    own = inquiry.transaction == held.transaction
    if own and held.state == "frozen":
        return Right(held)
    commit = own and held.state in {"departing", "departed"}
    return Right(held, (Send(sender, MigrationDecision(ENTITY, inquiry.transaction, commit, held.epoch)),))


def _fenced_off(scene: Scene, fence: MigrationFence, sender: Endpoint) -> Right:
    held = scene.held
    answer = (Send(sender, MigrationFenced(ENTITY, fence.epoch)),)
    # What an old offer could still be taken for new by, or is served, or may come into service.
    known = held.offered if held.state == "prepared" else held.epoch + 1 if held.state == "absent" else held.epoch
    if held.state == "yielding":
        return Right(held)
    if held.state == "departed" or known >= fence.epoch:
        return Right(held, answer)
    serves = held.state in {"owned", "freezing"}
    after = EntityData(
        ENTITY,
        "yielding" if serves else "departed",
        epoch=fence.epoch - 1,
        counter=held.counter,
        peer=fence.owner,
        peer_endpoint=sender,
        view_id=held.view_id,
        called_off=held.called_off,
    )
    told = ending(held) if held.state in UNDER_WAY else None
    outcome = Outcome.COMMITTED if held.state == "departing" else Outcome.REJECTED
    return Right(after, () if serves else answer, ended=told, outcomes=words(outcome, "resolved by the operator"))


def _fence_heeded(scene: Scene, answer: MigrationFenced, _sender: Endpoint) -> Right:
    held = scene.held
    closed = held.state == "owned" and held.fencing and answer.epoch == held.epoch
    return Right(replace(held, fencing=False, peer="", peer_endpoint="") if closed else held)


# -- time, the view, the operator -----------------------------------------------------------------------------------


def _ends_undecided(outcome: Outcome) -> Callable[[Scene, Any, Endpoint], Right]:
    def judge(scene: Scene, _given: Command, _sender: Endpoint) -> Right:
        undecided = scene.held.state in {"freezing", "frozen"}
        return stays(scene, words(outcome)) if undecided else Right(scene.held)

    return judge


def _not_stopped(scene: Scene, _given: TimerFired, _sender: Endpoint) -> Right:
    reason = "the application did not confirm within 3 ms that it has stopped"
    freezing = scene.held.state == "freezing"
    return stays(scene, words(Outcome.NOT_STOPPED, reason)) if freezing else Right(scene.held)


def _repeated(scene: Scene, given: TimerFired, _sender: Endpoint) -> Right:
    """What is said until it is answered."""
    held = scene.held
    said: dict[tuple[str, str], Callable[[], Message]] = {
        ("vote", "frozen"): lambda: offering(scene, held),
        ("decision", "departing"): lambda: decision_on(held, commit=True),
        ("inquiry", "prepared"): lambda: MigrationInquiry(ENTITY, held.transaction),
        ("fence", "owned"): lambda: MigrationFence(ENTITY, held.epoch, ME),
    }
    say = said.get((given.timer.kind, held.state))
    return Right(held, () if say is None else to_peer(scene, say()))


def _recovered(scene: Scene, given: Recover, _sender: Endpoint) -> Right:
    """As the store says; who had not decided keeps the entity, and who had or does not know says so again."""
    record: Any = next((write.value for write in given.records if write.key == f"entity/{ENTITY}"), None)
    if record is None:
        return Right(scene.held)
    assert isinstance(record, EntityRecord)
    stored = EntityData(ENTITY, **{name: getattr(record, name) for name in record.__struct_fields__})
    there = scene._replace(held=stored)
    if stored.state == "frozen":
        why = "the process restarted before the decision"
        return stays(there, words(Outcome.TIMEOUT, why))
    kind = {"departing": "decision", "prepared": "inquiry"}.get(stored.state)
    if kind is None:
        return Right(stored)
    commit, inquiry = decision_on(stored, commit=True), MigrationInquiry(ENTITY, stored.transaction)
    return Right(stored, to_peer(there, commit if kind == "decision" else inquiry))


_JUDGES: dict[Any, Callable[[Scene, Any, Endpoint], Right]] = {
    **ASKED,
    MigrationPrepare: _offered,
    MigrationVote: _voted,
    MigrationDecision: _decided,
    MigrationAck: _acknowledged,
    MigrationInquiry: _inquired,
    MigrationFence: _fenced_off,
    MigrationFenced: _fence_heeded,
    Recover: _recovered,
    ViewInstalled: _ends_undecided(Outcome.VIEW_CHANGED),
    Shunned: _ends_undecided(Outcome.VIEW_CHANGED),
    Wedged: _ends_undecided(Outcome.WEDGED),
    "timeout freeze": _not_stopped,
    "timeout migration": lambda scene, _given, _sender: (
        stays(scene, words(Outcome.TIMEOUT)) if scene.held.state == "frozen" else Right(scene.held)
    ),
    **dict.fromkeys(("timeout vote", "timeout decision", "timeout inquiry", "timeout fence"), _repeated),
}


def right(scene: Scene, given: Input) -> Right:
    """What becomes of the entity, and who is told what."""
    about: Any = given.message if isinstance(given, Received) else given
    judge = _JUDGES.get(f"timeout {given.timer.kind}" if isinstance(given, TimerFired) else type(about))
    if judge is None:
        return Right(scene.held)
    return judge(scene, about, given.sender if isinstance(given, Received) else "")
