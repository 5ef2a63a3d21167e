"""What delivery sends, stores, is told and tells: messages, records, commands, events."""

from enum import StrEnum

from coordfsm.kernel import Command, Message, Value


class RequestId(Value):
    """Names one request, in the whole cluster and for ever.

    Attributes:
        node: who sends it.
        incarnation: of the sender.
        session: of the sender's process: its number of starts.
        number: given by the caller, rising within a session.
    """

    node: str
    incarnation: int
    session: int
    number: int

    def __str__(self) -> str:
        """For traces: ``n1.2/3#7``."""
        return f"{self.node}.{self.incarnation}/{self.session}#{self.number}"


class Route(Value):
    """Where an entity is, as far as somebody knows. It may be wrong: that costs a hop, never a wrong answer.

    Attributes:
        owner: node id of the process that has it in service; empty: not known.
        epoch: in which it has it in service.
        session: of that process; 0: not known.
    """

    owner: str = ""
    epoch: int = 0
    session: int = 0


NOWHERE = Route()


# -- messages ------------------------------------------------------------------------------------------------------


class EntityRequest(Message):
    """To the owner of an entity: hand this to the application.

    It is bound to one epoch of the entity and to one session of its owner, and is handed over under no other.

    Attributes:
        id: of the request.
        entity: its id.
        route: to which it is bound. With session 0 it asks for the session, and is never handed over.
        payload: what the application gets.
    """

    id: RequestId
    entity: str
    route: Route
    payload: bytes


class RequestAnswered(Message):
    """The application has answered.

    Attributes:
        id: of the request.
        route: under which it was handed over.
        answer: the application's.
    """

    id: RequestId
    route: Route
    answer: bytes


class RequestRefused(Message):
    """The request was not handed over under this binding, and never will be.

    Attributes:
        id: of the request.
        bound: the binding that is refused.
        route: where the entity is, as far as is known here.
    """

    id: RequestId
    bound: Route
    route: Route


class RequestForgotten(Message):
    """Whether the request was handed over is no longer known here: that was another session, or too long ago.

    Attributes:
        id: of the request.
        bound: the binding that is meant.
    """

    id: RequestId
    bound: Route


# -- records -------------------------------------------------------------------------------------------------------

SESSION_KEY = "delivery/session"


class SessionRecord(Value):
    """Durable: how often the process started. Written before anything is sent or handed over."""

    number: int


# -- commands ------------------------------------------------------------------------------------------------------


class SendToEntity(Command):
    """Have a message handed to the application that serves an entity, wherever that is, at most once.

    Attributes:
        number: the caller's id for it: rising, and never used twice in a run of the process.
        entity: its id.
        payload: what the application there gets.
        hint: where the entity was last; wrong ones cost a hop.
    """

    number: int
    entity: str
    payload: bytes
    hint: Route = NOWHERE


class LocateEntity(Command):
    """Raised: where is this entity? Answered by `EntityLocated`."""

    number: int
    entity: str


class EntityLocated(Command):
    """Where an entity is, or was a moment ago.

    Attributes:
        number: of the request that asked.
        route: its owner and epoch; no owner: there is no such entity, or it cannot be had now.
        reason: why there is no owner.
    """

    number: int
    route: Route
    reason: str = ""


class AnswerRequest(Command):
    """The application's answer to a `RequestArrived`; a second one, or one to a request that is forgotten, is dropped.

    Attributes:
        id: of the request.
        answer: at most `DeliverySettings.maximum_answer_bytes`; a longer one is refused.
    """

    id: RequestId
    answer: bytes


# -- events --------------------------------------------------------------------------------------------------------


class DeliveryOutcome(StrEnum):
    """What became of a message to an entity. A member equals its name as text, and is encoded as that text."""

    ANSWERED = "ANSWERED"
    """The application at the owner got it, once, and answered."""
    NOT_FOUND = "NOT_FOUND"
    """There is no such entity, or it is not in service anywhere now; the reason says which. Nobody got the message."""
    UNDELIVERED = "UNDELIVERED"
    """The time is over. Nobody got the message, and nobody will."""
    UNCONFIRMED = "UNCONFIRMED"
    """It may have been handed over, once, and it may not: no answer came."""
    REJECTED = "REJECTED"
    """It was not sent; the reason says why."""


class RequestEnded(Value):
    """What became of a message to an entity.

    Attributes:
        id: of the request.
        entity: its id.
        outcome: in a word.
        route: for ANSWERED where it was handed over; otherwise the last place that was tried.
        answer: the application's, for ANSWERED.
        reason: for NOT_FOUND and REJECTED why.
    """

    id: RequestId
    entity: str
    outcome: DeliveryOutcome
    route: Route = NOWHERE
    answer: bytes = b""
    reason: str = ""


class RequestArrived(Value):
    """A message for an entity that is in service here. Answer it with `AnswerRequest`.

    Attributes:
        id: of the request.
        entity: its id.
        epoch: in which the entity is in service here.
        payload: the message.
    """

    id: RequestId
    entity: str
    epoch: int
    payload: bytes


class AnswerRefused(Value):
    """An answer is too long; the request still waits for another one.

    Attributes:
        id: of the request.
        reason: its length, and what was expected.
    """

    id: RequestId
    reason: str
