"""What migration sends, stores, is told and tells: messages, records, commands, events.

Longer than most files here: one declaration after the other, each with what its fields mean.
"""

from coordfsm.kernel import Command, Endpoint, Message, Value
from coordfsm.kernel.ranges import not_ascending
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.view import ViewId


class TransactionId(Value):
    """Names one attempt to move one entity. Never reused: the counter is durable with the entity's record.

    Attributes:
        source: node id of the process that owns the entity and manages the transaction.
        incarnation: of the source when it began.
        counter: attempts of the source with this entity, from 1.
    """

    source: str
    incarnation: int
    counter: int

    def __str__(self) -> str:
        """For traces: ``n1.2/7``."""
        return f"{self.source}.{self.incarnation}/{self.counter}" if self.source else "none"


NO_TRANSACTION = TransactionId("", 0, 0)


class UsedToken(Value):
    """A request with this token moved the entity.

    Attributes:
        digest: xxh3_128 of the token, in hexadecimal: it takes the same room for tokens of any length.
        epoch: in which the entity was given up.
    """

    digest: str
    epoch: int


MAXIMUM_TOKENS = 256
"""Used tokens that may be kept with an entity. So many fit a message beside the largest payload."""


def ill_formed_tokens(tokens: tuple[UsedToken, ...]) -> str | None:
    """What is wrong with the used tokens of an entity; None if they are few, and the oldest first."""
    if len(tokens) > MAXIMUM_TOKENS:
        return f"tokens has {len(tokens)} entries, expected at most {MAXIMUM_TOKENS}"
    return not_ascending("tokens", (used.epoch for used in tokens))


# -- messages ------------------------------------------------------------------------------------------------------


class MigrationPrepare(Message):
    """Source to destination: hold this entity ready.

    Attributes:
        entity: its id.
        transaction: the attempt.
        epoch: the entity's epoch at the source.
        payload: the entity as frozen.
        view_id: the view in which the source prepared.
        tokens: as in `EntityRecord`, this attempt's included.
        forgotten: as in `EntityRecord`.
    """

    entity: str
    transaction: TransactionId
    epoch: int
    payload: bytes
    view_id: ViewId
    tokens: tuple[UsedToken, ...] = ()
    forgotten: int = 0

    def ill_formed(self) -> str | None:
        """The tokens."""
        return ill_formed_tokens(self.tokens)


class MigrationVote(Message):
    """Destination to source: prepared durably, or not, and why.

    Attributes:
        entity: its id.
        transaction: the attempt that is answered.
        accepted: whether the destination is prepared.
        reason: why not; empty for yes.
    """

    entity: str
    transaction: TransactionId
    accepted: bool
    reason: str = ""


class MigrationDecision(Message):
    """Source to destination: what was decided.

    Attributes:
        entity: its id.
        transaction: the attempt.
        commit: True: put the entity into service; False: forget it.
        epoch: the entity's epoch at the source, one less than that of its service at the destination.
    """

    entity: str
    transaction: TransactionId
    commit: bool
    epoch: int


class MigrationAck(Message):
    """Destination to source: the commit is done, durably."""

    entity: str
    transaction: TransactionId


class MigrationInquiry(Message):
    """Destination, in doubt, to source: what became of this transaction?"""

    entity: str
    transaction: TransactionId


class MigrationFence(Message):
    """To a process that an operator declared lost: the entity is in service at `owner`, give up yours."""

    entity: str
    epoch: int
    owner: str


class MigrationFenced(Message):
    """Answer to the fence: no older copy of the entity is left here."""

    entity: str
    epoch: int


# -- records -------------------------------------------------------------------------------------------------------


class EntityRecord(Value):
    """The one durable record of an entity at a process: ownership and log entry in one, so they cannot disagree.

    Attributes:
        state: the machine's state that it restores.
        epoch: highest epoch of service known here; it survives the entity, so that an old offer is recognized.
        counter: attempts that this process began with the entity.
        payload: the entity: in service, frozen, departing or prepared; empty when it is elsewhere.
        transaction: the attempt that is open, or that ended last.
        offered: epoch of the prepared snapshot.
        token: the caller's idempotency token of the open attempt.
        peer: the other process: destination, source, or where the entity went.
        peer_endpoint: its address when the transaction began.
        fencing: an operator resolved the doubt; the source is still to be fenced.
        tokens: of the requests that moved the entity last, oldest first; they travel with it.
        forgotten: the horizon: no request that moved the entity after this epoch is missing in `tokens`.
    """

    state: str
    epoch: int = 0
    counter: int = 0
    payload: bytes = b""
    transaction: TransactionId = NO_TRANSACTION
    offered: int = 0
    token: str = ""
    peer: str = ""
    peer_endpoint: Endpoint = ""
    fencing: bool = False
    tokens: tuple[UsedToken, ...] = ()
    forgotten: int = 0


ENTITY_PREFIX = "entity/"


def entity_key(entity: str) -> str:
    """The durable key of an entity's record."""
    return ENTITY_PREFIX + entity


# -- commands ------------------------------------------------------------------------------------------------------


class CreateEntity(Command):
    """Put a new entity into service here. Its id must be unique in the cluster: that is the caller's duty."""

    entity: str
    payload: bytes = b""


class UpdateEntity(Command):
    """Replace the payload of an entity in service here."""

    entity: str
    payload: bytes


class RemoveEntity(Command):
    """Take an entity out of service for good."""

    entity: str


class Migrate(Command):
    """Move an entity to another process.

    Attributes:
        entity: its id.
        destination: node id.
        token: the caller's idempotency token: a request with the token of a committed one changes nothing, as long as
            the token is kept with the entity. Empty: derived from (entity, epoch, destination), so a later move along
            the same path is a new request.
        request: the caller's id for this very request, comes back in its answer; 0: nobody waits for it.
        since: the entity's epoch as the caller knew it when it made the token, so that a token that may have been
            forgotten is told from a new one: `TOKEN_EXPIRED`. 0: not stated; a token that is not kept is a new one.
    """

    entity: str
    destination: str
    token: str = ""
    request: int = 0
    since: int = 0

    def ill_formed(self) -> str | None:
        """An epoch without the token that was made in it."""
        return (
            f"since is {self.since} without a token, expected a token with it"
            if self.since and not self.token
            else None
        )


class ConfirmStopped(Command):
    """The application serves the entity no longer: its answer to `EntityFrozen`, and to an `EntityLeft` that asks.

    Attributes:
        entity: its id.
        freeze: as in the event that is answered; the answer to an earlier one changes nothing.
    """

    entity: str
    freeze: int


class ResolveInDoubt(Command):
    """The operator's word for a transaction whose other process is gone for good: not to be given while it may live.

    Attributes:
        entity: its id.
        commit: the entity changes hands. At a prepared destination: put the snapshot into service and fence the
            source; at a departing source: the destination has it. False: it stays. At a prepared destination: forget
            the snapshot; at a departing source: take the entity back and fence the destination.
    """

    entity: str
    commit: bool


# -- events --------------------------------------------------------------------------------------------------------


class MigrationEnded(Value):
    """What became of a request to migrate.

    Attributes:
        entity: its id.
        destination: node id that was asked for.
        outcome: in a word.
        reason: for REJECTED and NOT_STOPPED why; for NOT_OWNER where the entity went, if known.
        token: the caller's token.
        transaction: the attempt, if one began.
        requests: ids of the requests that this answers: the one that began the attempt, and those with its token that
            came while it was under way.
    """

    entity: str
    destination: str
    outcome: MigrationOutcome
    reason: str = ""
    token: str = ""
    transaction: TransactionId = NO_TRANSACTION
    requests: tuple[int, ...] = ()


class EntityArrived(Value):
    """An entity is in service here for the first time in this epoch: created, or moved by this transaction."""

    entity: str
    epoch: int
    payload: bytes
    transaction: TransactionId = NO_TRANSACTION


class EntityLeft(Value):
    """An entity is out of service here for good: moved, removed, or fenced. Whoever still serves it stops.

    Attributes:
        entity: its id.
        epoch: in which it was in service here.
        freeze: what the confirmation names (`ConfirmStopped`), if one is waited for: of an entity that was fenced, and
            is in service elsewhere already. 0: the application has confirmed already, or removed the entity itself.
    """

    entity: str
    epoch: int
    freeze: int = 0


class StopUnconfirmed(Value):
    """The application has not confirmed in time that it stopped serving an entity that is in service elsewhere.

    It is waited for still, until the process ends. Until then the entity cannot move on from where it is.

    Attributes:
        entity: its id.
        freeze: what the confirmation names.
        waited_ms: for how long it has been waited for.
    """

    entity: str
    freeze: int
    waited_ms: int


class CommitDecided(Value):
    """The point of no return: the entity was given up, durably.

    Attributes:
        entity: its id.
        transaction: the attempt.
        destination: node id.
        prepared_in: id of the view in which it was frozen.
        decided_in: id of the view at the decision; empty outside any view.
        in_view: whether the destination is a member of that view.
        service: state of the `Service` machine at the decision.
    """

    entity: str
    transaction: TransactionId
    destination: str
    prepared_in: ViewId
    decided_in: ViewId
    in_view: bool
    service: str


class EntityFrozen(Value):
    """An entity is to move: stop serving it, then confirm that with `ConfirmStopped`. Updates are refused from now on.

    Nothing leaves this process before the confirmation. `EntityThawed` ends the freeze if the entity stays.

    Attributes:
        entity: its id.
        transaction: the attempt that begins with the confirmation.
        payload: the entity as it will travel.
        freeze: what the confirmation names.
    """

    entity: str
    transaction: TransactionId
    payload: bytes
    freeze: int = 0


class EntityThawed(Value):
    """An entity is in service again, as it was: its migration was refused or aborted, or its process restarted.

    Attributes:
        entity: its id.
        epoch: in which it is in service; it did not change.
        payload: as it was frozen, or as the store holds it.
    """

    entity: str
    epoch: int
    payload: bytes


class EntityRefused(Value):
    """A command on an entity was refused; nothing changed.

    Attributes:
        entity: its id.
        command: class name of the command.
        reason: what was wrong.
    """

    entity: str
    command: str
    reason: str


class InDoubt(Value):
    """A prepared snapshot waits for the source's decision.

    Attributes:
        entity: its id.
        transaction: the open attempt.
        source: node id of who decides.
    """

    entity: str
    transaction: TransactionId
    source: str


class InDoubtEnded(Value):
    """The doubt is over: the entity entered service here, or was forgotten."""

    entity: str
    committed: bool


def confirmation_of(event: Value) -> ConfirmStopped | None:
    """What answers this event once the application has stopped; None if it asks for no answer."""
    if isinstance(event, EntityFrozen | EntityLeft) and event.freeze:
        return ConfirmStopped(event.entity, event.freeze)
    return None
