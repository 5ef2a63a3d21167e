"""Flow control of large messages, in virtual time over a path that loses what it likes."""

import random

import pytest

from coordfsm_runtime.wire.datagram import Frame
from coordfsm_runtime.wire.endpoint import Address
from coordfsm_runtime.wire.flow import LARGEST_WINDOW, LONGEST_UNDER_WAY_S, MAXIMUM_WAITING_BYTES, SMALLEST_WINDOW, Flow

THERE, ELSEWHERE = Address("127.0.0.1", 1), Address("127.0.0.1", 2)


def frames(number: int, count: int, content: bytes = b"x" * 1_000) -> tuple[Frame, ...]:
    return tuple(Frame("127.0.0.1:9", number, place, count, content) for place in range(count))


def added(flow: Flow, number: int, count: int, address: Address = THERE) -> None:
    assert flow.add(f"message {number}".encode(), frames(number, count), address)


class Path:
    """Carries so many pieces a tick of a millisecond; more than `buffer` waiting ones are lost, and some at random."""

    def __init__(self, flow: Flow, rate: int, buffer: int, loss: float = 0.0) -> None:
        self.flow, self.rate, self.buffer, self.loss = flow, rate, buffer, loss
        self.random = random.Random(7)
        self.queue: list[tuple[int, int]] = []
        self.arrived: list[tuple[int, int]] = []
        self.now_s = 0.0
        self.most_in_air = 0

    def run(self, seconds: float) -> None:
        until = self.now_s + seconds
        while self.now_s < until and len(self.flow):
            for frame, _ in self.flow.take(64, self.now_s):
                if self.random.random() >= self.loss and len(self.queue) < self.buffer:
                    self.queue.append((frame.number, frame.place))
            self.most_in_air = max(self.most_in_air, len(self.queue))
            landed, self.queue = self.queue[: self.rate], self.queue[self.rate :]
            self.arrived += landed
            self.flow.acknowledge([piece for piece in landed if self.random.random() >= self.loss], self.now_s)
            self.now_s += 0.001


def test_everything_arrives_once_over_a_sound_path():
    flow = Flow()
    for number in range(24):
        added(flow, number, 90)
    path = Path(flow, rate=15, buffer=400)
    path.run(10)
    assert len(flow) == 0
    assert flow.waiting_bytes == 0
    assert len(path.arrived) == len(set(path.arrived)) == 24 * 90
    assert (flow.repeated, flow.given_up) == (0, 0)
    assert path.now_s < 1.3 * 24 * 90 / 15 / 1000  # at the rate of the path
    assert path.most_in_air <= LARGEST_WINDOW


@pytest.mark.parametrize("loss", [0.05, 0.3])
def test_lost_pieces_and_lost_receipts_are_made_up_for(loss):
    flow = Flow()
    for number in range(10):
        added(flow, number, 30)
    path = Path(flow, rate=50, buffer=1_000, loss=loss)
    path.run(30)
    assert len(flow) == 0
    assert flow.given_up == 0
    assert set(path.arrived) == {(number, place) for number in range(10) for place in range(30)}
    assert flow.repeated > 0


def test_a_small_buffer_narrows_the_window_instead_of_losing_everything():
    flow = Flow()
    for number in range(20):
        added(flow, number, 90)
    path = Path(flow, rate=15, buffer=40)
    path.run(30)
    assert len(flow) == 0
    assert flow.given_up == 0
    assert flow.repeated < 20 * 90 / 4


def test_who_does_not_answer_gets_few_pieces_and_is_given_up():
    flow = Flow()
    added(flow, 1, 500)
    sent, now_s = 0, 0.0
    while len(flow):
        sent += len(flow.take(64, now_s))
        now_s += flow.due_s(now_s) or 0.001
        assert now_s < 3 * LONGEST_UNDER_WAY_S
    assert flow.given_up == 1
    assert flow.waiting_bytes == 0
    assert sent < 32 + 12 * SMALLEST_WINDOW + 32
    assert flow.due_s(now_s) is None


def test_one_silent_address_does_not_hold_back_another():
    flow = Flow()
    added(flow, 1, 300)
    added(flow, 2, 60, ELSEWHERE)
    now_s = 0.0
    for _ in range(20):
        for frame, address in flow.take(64, now_s):
            if address == ELSEWHERE:
                flow.acknowledge([(frame.number, frame.place)], now_s)
        now_s += 0.002
    assert not flow.is_under_way(b"message 2", ELSEWHERE)
    assert flow.is_under_way(b"message 1", THERE)
    assert not flow.is_under_way(b"message 1", ELSEWHERE)


def test_addresses_take_turns_also_when_there_are_more_than_are_served_at_once():
    flow = Flow()
    addresses = [Address("127.0.0.1", port) for port in range(1, 6)]
    for number, address in enumerate(addresses):
        added(flow, number, 4, address)
    served = [{address for _, address in flow.take(2, 0.0)} for _ in range(5)]
    assert all(len(lot) == 2 for lot in served)
    assert set.union(*served) == set(addresses)


def test_what_waits_is_bounded():
    flow = Flow()
    large = frames(1, 1_024, bytes(1_024))
    number = 0
    while flow.add(f"{number}".encode(), tuple(frame._replace(number=number) for frame in large), THERE):
        number += 1
    assert number == MAXIMUM_WAITING_BYTES >> 20
    assert flow.waiting_bytes == MAXIMUM_WAITING_BYTES
    flow.clear()
    assert (len(flow), flow.waiting_bytes, flow.take(64, 0.0)) == (0, 0, [])


def test_receipts_of_strangers_and_repeated_ones_change_nothing():
    flow = Flow()
    added(flow, 1, 3)
    flow.take(64, 0.0)
    flow.acknowledge([(9, 0), (1, 7), (1, 0), (1, 0)], 0.001)
    assert len(flow) == 1
    flow.acknowledge([(1, 1), (1, 2), (1, 2)], 0.001)
    assert len(flow) == 0
