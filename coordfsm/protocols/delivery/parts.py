"""The machines of delivery, as parts of a process whose data have the fields ``migration`` and those named here."""

from collections.abc import Iterable

from coordfsm.kernel import Family, Input, Part, Received, TimerFired
from coordfsm.protocols.delivery.data import InboxData, RequestData, SessionData, Surroundings
from coordfsm.protocols.delivery.inbox import INBOX
from coordfsm.protocols.delivery.inbox_rules import origin_of
from coordfsm.protocols.delivery.messages import AnswerRequest, EntityLocated, EntityRequest, SendToEntity
from coordfsm.protocols.delivery.request import REQUEST
from coordfsm.protocols.delivery.session import SESSION
from coordfsm.protocols.delivery.settings import DeliverySettings


def requests_concerned(data: Surroundings, given: Input) -> Iterable[str]:
    """The requests that an input is about: one, or, of a view, all."""
    if isinstance(given, TimerFired):
        return (given.timer.subject,)
    if isinstance(given, SendToEntity | EntityLocated):
        return (str(given.number),)
    if isinstance(given, Received):
        return (str(given.message.id.number),)  # type: ignore[attr-defined]
    return sorted(data.requests)


def inboxes_concerned(data: object, given: Input) -> Iterable[str]:
    """The senders that an input is about: one, or, of a view, all."""
    if isinstance(given, Received):
        assert isinstance(given.message, EntityRequest)
        return (origin_of(given.message.id),)
    if isinstance(given, AnswerRequest):
        return (origin_of(given.id),)
    return sorted(data.inboxes)  # type: ignore[attr-defined]


PARTS = (
    Part("session", SESSION),
    Part("inboxes", INBOX, Family(inboxes_concerned, InboxData)),
    Part("requests", REQUEST, Family(requests_concerned, RequestData)),
)
"""In the order in which they take an input; they come after ``migration``, whose entities and view they read."""


def first_session(node: str, settings: DeliverySettings | None = None) -> SessionData:
    """The session before the process's first input, which is `Recover`; the other parts begin with empty maps."""
    return SessionData(node, settings or DeliverySettings())
