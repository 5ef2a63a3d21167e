"""A slow disk makes a process late; it must not make it look dead, nor make others look dead to it."""

import asyncio
import logging
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
    LedgerData,
    Question,
    Rang,
    Receipt,
    Sum,
    WaitFor,
)
from runtime.test_cluster_node import MACHINES, configs, run

from coordfsm.kernel import Write
from coordfsm_runtime import machines
from coordfsm_runtime.admin.status import status_of
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.host import disk_watch
from coordfsm_runtime.host.controller import RealTime
from coordfsm_runtime.host.disk_watch import DiskWatch
from coordfsm_runtime.host.driver import Driver
from coordfsm_runtime.host.recorder import TraceRecorder
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.storage.store import MemoryStore, SqliteStore
from coordfsm_runtime.traces.audit import audit_traces
from coordfsm_runtime.traces.trace import hash_effects, read_trace


class Disk(MemoryStore):
    """A store whose disk takes as long as the test wants; what leaves the process is written down with it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[object] = []
        self.ends = threading.Semaphore(0)
        self._staged: list[Write] = []

    def stage(self, writes):
        self._staged = list(writes)

    def sync(self):
        assert self.ends.acquire(timeout=10)
        self.commit(self._staged)
        self.events.append(tuple(self._staged))

    def send(self, to, message):
        self.events.append((to, message))

    def notify(self, event):
        self.events.append(event)


def driven(disk: Disk, prompt, recorder=None) -> Driver:
    driver = Driver(TABLE, LedgerData(), disk, disk, disk.notify, Counters(), recorder, prompt)
    driver.start(RealTime(driver.wake))
    return driver


async def turns(seconds: float = 0.01) -> None:
    await asyncio.sleep(seconds)


def stored(total: int) -> tuple[Write, ...]:
    return (Write("sum", Sum(total)),)


def test_a_question_is_answered_from_the_durable_state_while_a_commit_is_under_way(tmp_path):
    path = tmp_path / "trace.jsonl"

    async def story():
        disk = Disk()
        recorder = TraceRecorder(path, "n1", {})
        driver = driven(disk, (Question,), recorder)
        driver.deliver("a", Deposit(5))
        await turns()
        driver.deliver("b", Question())
        await turns()
        assert disk.events == [("b", Receipt(0))]
        disk.ends.release()
        await turns()
        driver.deliver("c", Question())
        await turns()
        assert disk.events == [("b", Receipt(0)), stored(5), Changed(5), ("a", Receipt(5)), ("c", Receipt(5))]
        driver.stop()
        recorder.close()

    asyncio.run(story())
    (told,) = read_trace(path, (*MESSAGES, *RECORDS, *COMMANDS))
    data = LedgerData()
    for line in told.lines:  # in the order in which it is as if they had come
        step = TABLE.step(data, line.given)
        assert hash_effects(step.effects) == line.effects_hash
        data = step.data
    assert data.total == 5


def test_what_would_change_something_is_not_answered_at_once_whatever_its_kind():
    async def story():
        disk = Disk()
        driver = driven(disk, (Deposit, Receipt))
        driver.deliver("a", Deposit(5))
        await turns()
        driver.deliver("b", Deposit(2))
        driver.deliver("b", Receipt(2))  # is ignored: no answer
        await turns()
        assert disk.events == []
        disk.ends.release(2)
        await turns()
        assert driver.data.total == 7
        driver.stop()

    asyncio.run(story())


def test_timers_stand_still_while_what_they_wait_for_cannot_leave(monkeypatch):
    monkeypatch.setattr("coordfsm_runtime.host.driver.STILL_S", 0.005)

    async def story():
        disk = Disk()
        driver = driven(disk, ())
        driver.deliver("a", Deposit(5))
        await turns(0.05)
        driver.submit(WaitFor(40))
        await turns(0.2)
        disk.ends.release()
        began = time.monotonic()
        while Rang(5) not in disk.events:  # noqa: ASYNC110  (the store tells nobody)
            await asyncio.sleep(0.001)
        assert time.monotonic() - began > 0.03
        driver.stop()

    asyncio.run(story())


def test_after_a_hopeless_commit_nothing_leaves_before_one_was_quick(monkeypatch):
    monkeypatch.setattr(disk_watch, "HOPELESS_S", 0.1)
    monkeypatch.setattr(disk_watch, "USABLE_S", 0.05)

    async def story():
        disk = Disk()
        driver = driven(disk, (Question,))
        driver.deliver("a", Deposit(5))
        await turns()
        driver.deliver("b", Question())
        await turns(0.2)
        assert disk.events == [("b", Receipt(0))]
        driver.deliver("c", Question())
        disk.ends.release()
        await turns(0.1)  # the second commit is too slow as well
        driver.deliver("d", Question())
        await turns()
        assert disk.events == [("b", Receipt(0)), stored(5)]
        assert driver.disk.is_hopeless
        disk.ends.release(2)
        await turns(0.02)
        answers = [("a", Receipt(5)), ("c", Receipt(5)), ("d", Receipt(5))]
        assert disk.events == [("b", Receipt(0)), stored(5), stored(5), stored(5), Changed(5), *answers]
        assert not driver.disk.is_hopeless
        driver.stop()

    asyncio.run(story())


def test_a_slow_disk_is_told_once_and_once_that_it_is_well(caplog):
    now_s = 0.0
    watch = DiskWatch(lambda: now_s)
    with caplog.at_level(logging.WARNING):
        for taken_s in (0.1, 0.7, 0.9, 0.1, 0.1):
            watch.begin()
            now_s += taken_s
            watch.end()
    assert [record.message for record in caplog.records] == ["the disk is slow", "the disk is well again"]


class SlowStore(SqliteStore):
    """The default store on a disk that takes a while for every commit."""

    commit_s = 0.0

    def sync(self):
        time.sleep(self.commit_s)
        super().sync()


@pytest.mark.network
def test_a_member_with_a_slow_disk_comes_in_once_and_stays(tmp_path):
    """A commit takes far longer than a member may be silent: at this pace a silent one is condemned after 0.4 s."""
    assert MACHINES["membership"]["rebuttal_ms"] == 100
    commit_s, seconds = 1.5, 9.0

    async def story():
        given = configs(tmp_path, 3)
        given[2].data.mkdir()
        store = SlowStore(given[2].data / "node.db", machines.RECORDS, f"{given[2].label}/n3")
        nodes = [ClusterNode(given[0]), ClusterNode(given[1]), ClusterNode(given[2], store)]
        first, _, slow = nodes
        for node in nodes[:2]:
            await node.start()
        await first.wait_until(lambda: first.view is not None and len(first.view.members) == 2)
        await slow.start()
        store.commit_s = commit_s
        ends = time.monotonic() + seconds
        await slow.member()
        while time.monotonic() < ends:
            await slow.create(f"entity-{time.monotonic()}")
        assert [len(view.members) for view, _ in first.history] == [1, 2, 3]
        assert slow.state == "member"
        assert not slow.counters.of("judgements")
        assert status_of(slow)["disk"]["slow"]
        assert not status_of(first)["disk"]["slow"]
        store.commit_s = 0.0
        for node in reversed(nodes):
            await node.close()

    run(story)
    assert audit_traces([tmp_path / f"trace{place}.jsonl" for place in (1, 2, 3)]).findings == ()
