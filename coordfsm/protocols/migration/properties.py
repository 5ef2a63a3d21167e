"""What migration promises (X1 to X7, XL1), as predicates over what each process holds and what happened to it.

`Seen` is the projection of one process for one entity. Ownership is read from the durable record: the machine's
volatile state follows it, and a process that is down still answers for what its store says.
"""

import msgspec

from coordfsm.kernel import Map, Value, Write
from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    CommitDecided,
    EntityArrived,
    EntityFrozen,
    EntityRecord,
    EntityThawed,
    MigrationEnded,
    TransactionId,
    entity_key,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.migration.rules import record_of

STATEMENTS = {
    "X1": "At every moment at most one process has an entity in service; epochs of activations are all distinct.",
    "X2": "At every moment exactly one: in service, frozen at its owner, or departing with a durable snapshot.",
    "X3": "Source and destination never reach opposite decisions; no activation without a COMMIT record.",
    "X4": "A committed migration changes ownership once, and the epoch rises by exactly one.",
    "X5": "At most one migration of an entity is running.",
    "X6": "No commit is decided for a destination outside the view, after a view change, or while wedged.",
    "X7": "The activated entity is the one frozen at prepare; after an abort the source has it as it was.",
    "X-record": "What a running process holds of an entity is what its durable record says.",
    "XL1": "From every state a state without a running migration is reachable.",
    "X-commits": "A migration commits.",
    "X-aborts": "A migration aborts after the entity was frozen.",
    "X-returns": "An entity that left comes back.",
}

NOTHING = EntityRecord("absent")


class History(Value):
    """What properties remember of one entity at one process; survives crashes, invisible to the machines.

    Attributes:
        arrived: (epoch, payload, transaction) of each activation.
        frozen: (transaction, payload) of each freeze.
        pending: the payload of a freeze that neither came back nor left; None if there is none.
        thawed_otherwise: an entity came back into service with another payload than it was frozen with.
        aborted: transactions that ended without a commit.
        committed: (token, transaction) of requests that were answered COMMITTED. The same answer may come again after
            a crash: it is told before its record is durable.
        unfit: a transaction was committed although X6 forbids it.
    """

    arrived: tuple[tuple[int, bytes, TransactionId], ...] = ()
    frozen: tuple[tuple[TransactionId, bytes], ...] = ()
    pending: bytes | None = None
    thawed_otherwise: bool = False
    aborted: tuple[TransactionId, ...] = ()
    committed: tuple[tuple[str, TransactionId], ...] = ()
    unfit: bool = False


class Seen(Value):
    """One process as the predicates see it, for one entity.

    Attributes:
        serving: the entity is in service here now (never while the process is down).
        up: whether the process runs.
        agrees: what it holds is what the record says; True while it is down.
        record: the durable record.
        history: as above.
    """

    serving: bool
    up: bool
    agrees: bool
    record: EntityRecord
    history: History


Observations = tuple[Seen, ...]


def remember(history: Map[str, History], event: Value) -> Map[str, History]:
    """Fold one notification into the histories of a process's entities."""
    entity = getattr(event, "entity", None)
    if entity is None:
        return history
    before = history.get(entity, History())
    after = _remember(before, event)
    return history if after == before else history.set(entity, after)


def _remember(history: History, event: Value) -> History:  # noqa: PLR0911  (one return a kind of event)
    replace = msgspec.structs.replace
    if isinstance(event, EntityArrived):
        arrival = (event.epoch, event.payload, event.transaction)
        return replace(history, arrived=(*history.arrived, arrival), pending=None)
    if isinstance(event, EntityFrozen):
        # A freeze that was called off never began its attempt: the next one has the same name.
        earlier = tuple(one for one in history.frozen if one[0] != event.transaction)
        return replace(history, frozen=(*earlier, (event.transaction, event.payload)), pending=event.payload)
    if isinstance(event, EntityThawed):
        changed = history.pending is not None and history.pending != event.payload
        return replace(history, pending=None, thawed_otherwise=history.thawed_otherwise or changed)
    if isinstance(event, CommitDecided):
        fit = event.in_view and event.prepared_in == event.decided_in and event.service != "wedged"
        return replace(history, pending=None, unfit=history.unfit or not fit)
    if isinstance(event, MigrationEnded) and event.transaction != NO_TRANSACTION:
        if event.outcome != MigrationOutcome.COMMITTED:
            return replace(history, aborted=(*history.aborted, event.transaction))
        answer = (event.token, event.transaction)
        if event.token and answer not in history.committed:
            return replace(history, committed=(*history.committed, answer))
    return history


def observe(entity: str, data: MigrationData | None, durable: tuple[Write, ...], history: Map[str, History]) -> Seen:
    """The projection of a process onto one entity.

    Args:
        entity: its id.
        data: the process's volatile data; None while it is down.
        durable: its records.
        history: what `remember` made of its notifications.
    """
    key = entity_key(entity)
    record = next((write.value for write in durable if write.key == key), NOTHING)
    assert isinstance(record, EntityRecord)
    held = None if data is None else data.entities.get(entity, EntityData(entity))
    agrees = held is None or record == (record_of(held) or NOTHING)
    serving = held is not None and held.state == "owned"
    return Seen(serving, held is not None, agrees, record, history.get(entity, History()))


# -- predicates ----------------------------------------------------------------------------------------------------


def no_duplicate(seen: Observations) -> bool:
    """X1."""
    epochs = [epoch for one in seen for epoch, _, _ in one.history.arrived]
    return sum(one.serving for one in seen) <= 1 and len(epochs) == len(set(epochs))


def _is_open_departure(one: Seen, seen: Observations) -> bool:
    """Departing, and nobody took the entity yet."""
    return one.record.state == "departing" and all(other.record.epoch <= one.record.epoch for other in seen)


def no_loss(seen: Observations) -> bool:
    """X2."""
    kept = sum(one.record.state in {"owned", "frozen"} or _is_open_departure(one, seen) for one in seen)
    return kept == 1


def atomic(seen: Observations) -> bool:
    """X3: what was aborted did not arrive; what arrived was given up by its source before."""
    aborted = {transaction for one in seen for transaction in one.history.aborted}
    arrived = {transaction for one in seen for _, _, transaction in one.history.arrived}
    return not aborted & arrived and all(_was_given_up(one, seen) for one in seen if one.record.state == "owned")


def _was_given_up(owner: Seen, seen: Observations) -> bool:
    """No other record claims the entity in the owner's epoch or the one before."""
    return all(
        other is owner or other.record.state not in {"owned", "frozen"} or other.record.epoch > owner.record.epoch
        for other in seen
    )


def exactly_once(requests: int, seen: Observations) -> bool:
    """X4: no transaction arrives twice, no token commits in two transactions, epochs rise by one a commit."""
    arrived = [transaction for one in seen for _, _, transaction in one.history.arrived if transaction.source]
    tokens = [token for one in seen for token, _ in one.history.committed]
    epochs = max(one.record.epoch for one in seen)
    return len(arrived) == len(set(arrived)) and len(tokens) == len(set(tokens)) and epochs <= 1 + requests


def exclusive(seen: Observations) -> bool:
    """X5."""
    return sum(one.record.state == "frozen" or _is_open_departure(one, seen) for one in seen) <= 1


def stable_view(seen: Observations) -> bool:
    """X6."""
    return not any(one.history.unfit for one in seen)


def faithful(seen: Observations) -> bool:
    """X7."""
    frozen = {transaction: payload for one in seen for transaction, payload in one.history.frozen}
    arrivals = (arrival for one in seen for arrival in one.history.arrived)
    same = all(frozen.get(transaction) == payload for _, payload, transaction in arrivals if transaction.source)
    return same and not any(one.history.thawed_otherwise for one in seen)


def recorded(seen: Observations) -> bool:
    """X-record."""
    return all(one.agrees for one in seen)


def at_rest(seen: Observations) -> bool:
    """XL1: every process is up and no migration is running."""
    return all(one.up and one.record.state in {"absent", "owned", "departed"} for one in seen)


def some_commit(seen: Observations) -> bool:
    """A migration committed and arrived."""
    return any(transaction.source for one in seen for _, _, transaction in one.history.arrived)


def some_abort(seen: Observations) -> bool:
    """A migration was aborted."""
    return any(one.history.aborted for one in seen)


def some_return(seen: Observations) -> bool:
    """The first owner has it again."""
    return seen[0].serving and seen[0].record.epoch > 1
