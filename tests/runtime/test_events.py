"""Event streams: bounded, told of what they missed, and ended when the node ends, however it ends."""

import asyncio

from coordfsm.protocols.migration.messages import EntityArrived
from coordfsm_runtime.events import QUEUE, QUEUE_BYTES, EventsMissed, EventStream


def event(number: int, payload: bytes = b"") -> EntityArrived:
    return EntityArrived("ship", number, payload)


def taken(listener) -> list:
    async def take():
        return [told async for told in listener]

    return asyncio.run(take())


def test_a_slow_listener_is_told_how_many_events_it_missed():
    stream = EventStream()
    listener = stream.listen()
    for number in range(QUEUE + 374):
        stream.publish(event(number))
    assert listener.missed == 374
    first, *rest = listener.drain()
    assert first == EventsMissed(374)
    assert rest == [event(number) for number in range(374, QUEUE + 374)]
    stream.publish(event(1))
    assert listener.drain() == [event(1)]  # told once


def test_what_waits_is_bounded_in_bytes_too():
    stream = EventStream()
    listener = stream.listen()
    large = bytes(1 << 20)
    for number in range(100):
        stream.publish(event(number, large))
    first, *rest = listener.drain()
    assert first == EventsMissed(100 - QUEUE_BYTES // len(large))
    assert [told.epoch for told in rest] == list(range(100 - len(rest), 100))


def test_one_event_above_the_bound_is_still_told():
    stream = EventStream()
    listener = stream.listen()
    stream.publish(event(1, bytes(QUEUE_BYTES + 1)))
    assert [told.epoch for told in listener.drain()] == [1]


def test_a_stream_ends_after_what_was_told():
    stream = EventStream()
    listener = stream.listen()
    stream.publish(event(1))
    stream.close()
    stream.publish(event(2))
    assert taken(listener) == [event(1)]
    assert listener.ended
    assert taken(stream.listen()) == []


def test_who_waits_is_woken_by_the_end():
    async def story():
        stream = EventStream()
        listener = stream.listen()
        waiting = asyncio.ensure_future(anext(listener, None))
        await asyncio.sleep(0)
        stream.close()
        assert await asyncio.wait_for(waiting, 1) is None

    asyncio.run(story())
