"""A message to an entity: one process, stepped by hand."""

from coordfsm.check.models.delivery import Process, composition
from coordfsm.kernel import Map, Notify, Received, Recover, Send, Step, Value, Write
from coordfsm.protocols import delivery, migration
from coordfsm.protocols.delivery.messages import (
    NOWHERE,
    SESSION_KEY,
    AnswerRequest,
    DeliveryOutcome,
    EntityRequest,
    RequestAnswered,
    RequestArrived,
    RequestEnded,
    RequestForgotten,
    RequestId,
    RequestRefused,
    Route,
    SendToEntity,
    SessionRecord,
)
from coordfsm.protocols.migration.messages import EntityRecord, entity_key
from coordfsm.protocols.view import Member, View, ViewInstalled

VIEW = View("lineage", 1, "", (Member("p1", 1, "p1:1"), Member("p2", 1, "p2:1")))
ID = RequestId("p2", 1, 1, 1)


def owner(starts: int = 0) -> Process:
    """p1, which has e1 in service in epoch 1, after so many earlier starts."""
    records = (Write(SESSION_KEY, SessionRecord(starts)),) if starts else ()
    entity = Write(entity_key("e1"), EntityRecord("owned", epoch=1))
    data = Process(migration.initial("p1"), delivery.first_session("p1"))
    data = composition.step(data, Recover((*records, entity))).data
    return composition.step(data, ViewInstalled(VIEW)).data


def told(step: Step) -> list[Value]:
    """What leaves the process and what the application hears, in order."""
    shown = [effect for effect in step.effects if isinstance(effect, Send | Notify)]
    return [effect.message if isinstance(effect, Send) else effect.event for effect in shown]


def request(route: Route, number: int = 1) -> Received:
    """From p2."""
    return Received("p2:1", EntityRequest(RequestId("p2", 1, 1, number), "e1", route, b"hello"))


def test_who_does_not_know_the_session_is_told_it_and_then_heard_once():
    first = composition.step(owner(), request(Route("p1", 1)))
    assert told(first) == [RequestRefused(ID, Route("p1", 1), Route("p1", 1, session=1))]

    bound = request(Route("p1", 1, session=1))
    second = composition.step(first.data, bound)
    assert told(second) == [RequestArrived(ID, "e1", 1, b"hello")]
    assert told(composition.step(second.data, bound)) == []  # the application has it

    answered = composition.step(second.data, AnswerRequest(ID, b"hi"))
    assert told(answered) == [RequestAnswered(ID, Route("p1", 1, session=1), b"hi")]
    assert told(composition.step(answered.data, bound)) == [RequestAnswered(ID, Route("p1", 1, session=1), b"hi")]
    assert composition.step(answered.data, AnswerRequest(ID, b"other")).data == answered.data


def test_an_owner_that_started_again_does_not_pretend_to_know():
    step = composition.step(owner(starts=1), request(Route("p1", 1, session=1)))

    assert told(step) == [RequestForgotten(ID, Route("p1", 1, session=1))]
    assert step.data == owner(starts=1)


def test_a_message_for_an_epoch_to_come_waits():
    waiting = composition.step(owner(), request(Route("p1", 2, session=1)))

    assert told(waiting) == []
    assert waiting.data == owner()


def test_a_stranger_is_not_heard():
    foreign = EntityRequest(RequestId("p3", 1, 1, 1), "e1", Route("p1", 1, session=1), b"hello")

    step = composition.step(owner(), Received("p3:1", foreign))

    assert told(step) == []
    assert step.data == owner()


def test_what_is_not_sent_is_said_with_the_reason():
    step = composition.step(owner(), SendToEntity(1, "not an id", b""))

    expected = "not an id, expected 1 to 64 printable characters without spaces"
    own = RequestId("p1", 1, 1, 1)
    assert told(step) == [RequestEnded(own, "not an id", DeliveryOutcome.REJECTED, NOWHERE, reason=expected)]
    assert step.data.requests == Map()
