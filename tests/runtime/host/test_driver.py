"""The driver's duties: order, durability before departure, one bad input harms nothing, a failing store stops all."""

import asyncio
import threading
import time

import pytest
from runtime.ledger import (
    COMMANDS,
    MESSAGES,
    RECORDS,
    TABLE,
    Changed,
    Deposit,
    Explode,
    LedgerData,
    Question,
    Rang,
    Receipt,
    StopWaiting,
    Sum,
    WaitFor,
    Withdraw,
)

from coordfsm.kernel import Received, Recover, Write
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import NodeStoppedError, StoreError
from coordfsm_runtime.host.controller import RealTime
from coordfsm_runtime.host.driver import MAXIMUM_WAITING, Driver
from coordfsm_runtime.host.recorder import TraceRecorder
from coordfsm_runtime.storage.store import MemoryStore
from coordfsm_runtime.traces.trace import hash_effects, read_trace


class Journal(MemoryStore):
    """A store, an outbox and a listener that write down what happens in one list."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[object] = []
        self.broken = False
        self.told = asyncio.Event()

    def commit(self, writes):
        writes = list(writes)
        if self.broken:
            raise StoreError("store: cannot be written: disk is full")
        super().commit(writes)
        self.events.append(tuple(writes))

    def send(self, to, message):
        self.events.append((to, message))

    def notify(self, event):
        self.events.append(event)
        self.told.set()


def driven(journal: Journal, recorder=None) -> Driver:
    driver = Driver(TABLE, LedgerData(), journal, journal, journal.notify, Counters(), recorder)
    driver.start(RealTime(driver.wake))
    return driver


def test_one_turn_shares_one_transaction_and_nothing_leaves_before_it():
    async def story():
        journal = Journal()
        driver = driven(journal)
        driver.deliver("early", Question())
        driver.deliver("a", Deposit(5))
        driver.deliver("b", Question())
        driver.deliver("c", Deposit(2))
        told = await driver.submit(Withdraw(1))
        assert told == (Changed(6),)
        assert journal.events == [
            ("early", Receipt(0)),
            (Write("sum", Sum(5)), Write("sum", Sum(7)), Write("sum", Sum(6))),
            Changed(5),
            ("a", Receipt(5)),
            ("b", Receipt(5)),
            Changed(7),
            ("c", Receipt(7)),
            Changed(6),
        ]
        driver.stop()

    asyncio.run(story())


class StagingJournal(Journal):
    """A journal whose disk takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = threading.Semaphore(0)
        self._staged: list[Write] = []

    def stage(self, writes):
        self._staged = list(writes)

    def sync(self):
        assert self.disk.acquire(timeout=10)
        self.commit(self._staged)


async def turns() -> None:
    """Let the loop come to rest: nothing happens any more without the disk."""
    for _ in range(10):
        await asyncio.sleep(0.001)


def test_the_loop_goes_on_while_the_disk_works_and_nothing_overtakes_the_records_it_depends_on():
    async def story():
        journal = StagingJournal()
        driver = driven(journal)
        driver.deliver("a", Deposit(5))
        await turns()
        # The first records are on their way to the disk. What comes now is handled, and waits with them.
        driver.deliver("b", Question())
        await turns()
        driver.deliver("c", Deposit(2))
        driver.deliver("d", Question())
        await turns()
        assert journal.events == []
        assert driver.data.total == 0
        journal.disk.release()
        await turns()
        first = [(Write("sum", Sum(5)),), Changed(5), ("a", Receipt(5)), ("b", Receipt(5))]
        assert journal.events == first
        assert driver.data.total == 5
        journal.disk.release()
        await turns()
        assert journal.events == [*first, (Write("sum", Sum(7)),), Changed(7), ("c", Receipt(7)), ("d", Receipt(7))]
        assert driver.data.total == 7
        driver.stop()

    asyncio.run(story())


def test_when_the_disk_fails_nothing_that_waited_for_it_leaves_nor_what_came_after():
    async def story():
        journal = StagingJournal()
        driver = driven(journal)
        failures = []
        driver.on_failure = failures.append
        asked = driver.submit(Withdraw(-5))
        await turns()
        later = driver.submit(Withdraw(-2))
        driver.deliver("b", Question())
        await turns()
        journal.broken = True
        journal.disk.release()
        await turns()
        assert journal.events == []
        assert asked.cancelled()
        assert later.cancelled()
        assert [type(failure) for failure in failures] == [StoreError]
        assert driver.failure is failures[0]
        with pytest.raises(NodeStoppedError):
            driver.submit(Withdraw(1))

    asyncio.run(story())


def test_a_disk_that_stands_still_holds_up_the_inputs_before_the_memory_is_full(monkeypatch):
    async def story():
        monkeypatch.setattr("coordfsm_runtime.host.driver.MAXIMUM_HELD", 3)
        journal = StagingJournal()
        driver = driven(journal)
        driver.deliver("a", Deposit(5))
        await turns()
        for name in "bcdef":
            driver.deliver(name, Question())
            await turns()
        assert driver.waiting == 4
        journal.disk.release()
        await turns()
        receipts = [("a", Receipt(5)), *((name, Receipt(5)) for name in "bcdef")]
        assert journal.events == [(Write("sum", Sum(5)),), Changed(5), *receipts]
        assert driver.waiting == 0
        driver.stop()

    asyncio.run(story())


def test_a_process_comes_back_with_its_records():
    async def story():
        journal = Journal()
        journal.commit([Write("sum", Sum(40))])
        driver = driven(journal)
        assert await driver.submit(Withdraw(-2)) == (Changed(42),)
        driver.stop()

    asyncio.run(story())


def test_a_process_that_cannot_recover_does_not_act():
    class Broken:
        events = TABLE.events
        rule_names = TABLE.rule_names

        def step(self, data, given, context=None):
            raise AssertionError("records that contradict each other")

    async def story():
        journal = Journal()
        driver = Driver(Broken(), LedgerData(), journal, journal, journal.notify, Counters())
        with pytest.raises(StoreError, match="recovery failed: AssertionError: records that contradict each other"):
            driver.start(RealTime(driver.wake))
        assert not driver.deliver("a", Question())
        assert journal.events == []

    asyncio.run(story())


def test_a_bad_input_is_reported_and_changes_nothing(caplog):
    async def story():
        journal = Journal()
        driver = driven(journal)
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            await driver.submit(Explode())
        driver.deliver("a", Receipt(3))
        assert await driver.submit(Withdraw(1)) == (Changed(-1),)
        assert driver.data == LedgerData("opened", -1)
        driver.stop()

    asyncio.run(story())
    assert "input failed" in caplog.text


def test_when_the_store_fails_nothing_that_waited_leaves_and_the_process_stops():
    async def story():
        journal = Journal()
        driver = driven(journal)
        failures = []
        driver.on_failure = failures.append
        journal.broken = True
        driver.deliver("a", Question())
        driver.deliver("a", Deposit(5))
        driver.deliver("b", Question())
        with pytest.raises(asyncio.CancelledError):
            await driver.submit(Withdraw(1))
        assert journal.events == [("a", Receipt(0))]
        assert failures == [driver.failure]
        assert "disk is full" in str(driver.failure)
        assert not driver.deliver("a", Question())
        with pytest.raises(NodeStoppedError):
            driver.submit(Withdraw(1))

    asyncio.run(story())


def test_a_timer_cancelled_in_the_same_turn_never_fires():
    async def story():
        journal = Journal()
        driver = driven(journal)
        await driver.submit(WaitFor(20))
        driver.submit(StopWaiting())
        await asyncio.sleep(0.05)
        assert journal.events == []
        await driver.submit(WaitFor(5))
        async with asyncio.timeout(10):
            await journal.told.wait()
        assert journal.events == [Rang(0)]
        driver.stop()

    asyncio.run(story())


def test_a_message_that_has_arrived_comes_before_a_timer_that_is_due():
    async def story():
        journal = Journal()
        driver = driven(journal)
        await driver.submit(WaitFor(1))
        time.sleep(0.02)  # noqa: ASYNC251  (a stall: the timer comes due, a message arrives, and only then the loop runs)
        driver.deliver("a", Deposit(5))
        async with asyncio.timeout(10):
            while len(journal.events) < 4:
                await journal.told.wait()
                journal.told.clear()
        assert journal.events == [(Write("sum", Sum(5)),), Changed(5), ("a", Receipt(5)), Rang(5)]
        driver.stop()

    asyncio.run(story())


def test_the_queue_is_bounded():
    async def story():
        driver = driven(Journal())
        taken = [driver.deliver("a", Question()) for _ in range(MAXIMUM_WAITING + 5)]
        assert taken.count(False) == 5
        driver.stop()

    asyncio.run(story())


def test_a_trace_steps_again_to_the_same_effects(tmp_path):
    path = tmp_path / "trace.jsonl"
    kinds = (*MESSAGES, *RECORDS, *COMMANDS)

    async def run():
        journal = Journal()
        recorder = TraceRecorder(path, "n1", {"colour": "blue"})
        journal.commit([Write("sum", Sum(1))])
        driver = driven(journal, recorder)
        driver.deliver("a", Deposit(5, b"\x00\xff"))
        await driver.submit(WaitFor(1))
        await asyncio.sleep(0.05)
        await driver.submit(Withdraw(2))
        driver.stop()
        recorder.close()

    asyncio.run(run())
    with path.open("ab") as file:
        file.write(b'{"step": 9, "torn')
    asyncio.run(run())
    first, second = read_trace(path, kinds)
    assert (first.node, first.settings) == ("n1", {"colour": "blue"})
    assert [line.given for line in first.lines[:2]] == [
        Recover((Write("sum", Sum(1)),)),
        Received("a", Deposit(5, b"\x00\xff"), first.lines[1].given.now_ms),
    ]
    assert len(first.lines) == len(second.lines) == 5
    data = LedgerData()
    for line in first.lines:
        step = TABLE.step(data, line.given)
        assert hash_effects(step.effects) == line.effects_hash
        data = step.data
    assert data == LedgerData("opened", 4)
