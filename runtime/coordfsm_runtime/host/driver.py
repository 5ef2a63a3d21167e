"""Runs one process's machines: inputs in, one at a time; effects out, in their order. It decides nothing.

A turn of the event loop handles all inputs that wait, up to a bound. Their records share one transaction (group
commit), see `Batch`. From a `Persist` on, every `Send` and `Notify`, of that input and of those after it, waits until
the transaction is on disk: what leaves the process never depends on a record that a crash could still take back.
Timers are volatile and take effect at once. A trace is written before anything that waited leaves.

Where the store allows it, a thread waits for the disk. The loop goes on meanwhile, and the records of its further turns
make up the next transaction.

A slow disk makes a process late, and must not make it look dead, nor make others look dead to it. Questions of the
kinds in `prompt` are answered from the durable state while a commit is under way, see `_answer_at_once`; timers stand
still while a commit is slow. Both end where the disk is hopeless, see `disk_watch`: then the process is silent, and
says nothing until a commit was quick enough again.

When the store fails, or carrying out effects does, the driver stops before anything that waited has left.

Longer than most files here: a turn, its transaction and what waits for it are one order of events.
"""

import asyncio
import contextlib
import gc
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from coordfsm.kernel import (
    CancelTimer,
    Command,
    Effect,
    Endpoint,
    Input,
    Message,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Step,
    Steppable,
    TimerFired,
    Value,
    Write,
)
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import MessageTooLargeError, NodeStoppedError, StoreError
from coordfsm_runtime.host.controller import Controller
from coordfsm_runtime.host.disk_watch import SLOW_S, STILL_S, DiskWatch
from coordfsm_runtime.storage.store import CheckedStore, StagingStore, Store

MAXIMUM_WAITING = 8_192
"""Messages that may wait for their turn; more are dropped and counted."""

INPUTS_PER_TURN = 256
"""Messages and commands, and again timers, that share one transaction; the rest waits for the next turn."""

STORE_CHECK_S = 0.5
"""How often a store that commits nothing is asked whether it still has what was committed."""

MAXIMUM_HELD = 65_536
"""What may wait for the disk to leave the process; with more, inputs wait too, until the disk has caught up."""

logger = logging.getLogger(__name__)

Outcome = asyncio.Future[tuple[Value, ...]]


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What recovery makes stays: searching it for garbage, again and again as it grows, would find none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Outbox(Protocol):
    """Where messages leave the process."""

    def send(self, to: Endpoint, message: Message) -> None: ...


class Line(NamedTuple):
    """One input as a trace keeps it.

    Attributes:
        given: the input.
        effects: what it led to.
        now_ms: when it was handled.
        data: the machine's data after it.
    """

    given: Input
    effects: tuple[Effect, ...]
    now_ms: int
    data: Any


class Recorder(Protocol):
    """Keeps a trace."""

    def record(self, line: Line) -> None: ...

    def flush(self) -> None: ...


class Answer(NamedTuple):
    """What a command's sender is told: the events of its step."""

    outcome: Outcome
    told: tuple[Value, ...]


class Batch:
    """One transaction, and what may happen only once it is on disk.

    Attributes:
        writes: its records.
        held: what leaves the process then, in order.
        lines: of the trace.
        data: the machine's data after its last input.
    """

    def __init__(self) -> None:
        self.data: Any = None
        self.writes: list[Write] = []
        self.held: list[Send | Notify | Answer] = []
        self.lines: list[Line] = []


class Driver:
    """One process.

    Args:
        machine: the compiled machine or composition.
        data: its initial data.
        store: durable records.
        outbox: where `Send` goes.
        notify: called with each event that the machines tell the application.
        counters: what to count in.
        recorder: None for no trace.
        prompt: types of messages that are answered from the durable state while a commit is under way.

    Attributes:
        disk: how long commits take.
        data: the machine's data after the last input that a crash can no longer take back.
        failure: why the process stopped acting by itself, or None.
        also_written: gives the records that rest with the next commit, and need none of their own.
    """

    def __init__(
        self,
        machine: Steppable,
        data: Any,
        store: Store,
        outbox: Outbox,
        notify: Callable[[Value], None],
        counters: Counters,
        recorder: Recorder | None = None,
        prompt: tuple[type[Message], ...] = (),
    ) -> None:
        self.disk = DiskWatch()
        self.data = data
        self._data = data  # after the last input
        self.failure: Exception | None = None
        self._machine = machine
        self._store = store
        self._outbox = outbox
        self._notify = notify
        self._counters = counters
        self._recorder = recorder
        self._prompt = frozenset(prompt)
        self._controller: Controller | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[Input, Outcome | None]] = deque()
        self._scheduled = False
        self._stopped = False
        self._batch = Batch()  # collects
        self._flight: Batch | None = None  # is being written
        self._syncing: ThreadPoolExecutor | None = None
        self._checking: asyncio.TimerHandle | None = None
        self._slow: asyncio.TimerHandle | None = None
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self.also_written: Callable[[], tuple[Write, ...]] = tuple

    def start(self, controller: Controller) -> None:
        """Recover from the store, then handle inputs. Within the running event loop.

        Raises:
            StoreError: the records cannot be read, the machines cannot recover from them, or what recovery wrote
                cannot be kept. The process must not act: it would have forgotten what it promised.
        """
        self._controller = controller
        self._loop = asyncio.get_running_loop()
        with _no_garbage_collection():
            self._recover()
        if self.failure is not None:
            raise self.failure
        if isinstance(self._store, StagingStore):
            self._syncing = ThreadPoolExecutor(1, "store")
        self._check_later()
        self.wake()

    def _check_later(self) -> None:
        if isinstance(self._store, CheckedStore) and self._loop is not None:
            self._checking = self._loop.call_later(STORE_CHECK_S, self._check_store)

    def _check_store(self) -> None:
        """At rest nothing is committed, and a store that vanished would not be noticed."""
        assert isinstance(self._store, CheckedStore)
        try:
            if self._flight is None:  # else the commit under way looks by itself
                self._store.check()
        except StoreError as error:
            self._stop_failed(error)
        else:
            self._check_later()

    def _recover(self) -> None:
        given = Recover(self._store.records())
        try:
            step = self._machine.step(self._data, given)
        except Exception as error:
            self.stop()
            raise StoreError(f"recovery failed: {type(error).__name__}: {error}") from error
        self._accept(given, step)
        self._finish_turn()

    def deliver(self, sender: Endpoint, message: Message) -> bool:
        """Take a message from the network; False when too many wait already."""
        if self._stopped or len(self._waiting) >= MAXIMUM_WAITING:
            return False
        self._waiting.append((Received(sender, message, self._now_ms()), None))
        self.wake()
        return True

    def submit(self, command: Command) -> Outcome:
        """Hand a command to the machines.

        Returns:
            A future of the events that this very step told, once all it wrote is durable.

        Raises:
            NodeStoppedError: the process has stopped.
        """
        if self._stopped or self._loop is None:
            raise NodeStoppedError("the node has stopped" if self._stopped else "the node has not started")
        outcome: Outcome = self._loop.create_future()
        self._waiting.append((command, outcome))
        self.wake()
        return outcome

    def stop(self) -> None:
        """Handle nothing more. What waited is dropped, as in a crash: the machines recover from that."""
        self._stopped = True
        batches = (self._batch,) if self._flight is None else (self._flight, self._batch)
        held = [item.outcome for batch in batches for item in batch.held if isinstance(item, Answer)]
        for outcome in (*held, *(outcome for _, outcome in self._waiting)):
            if outcome is not None and not outcome.done():
                outcome.cancel()
        self._waiting.clear()
        self._batch, self._flight = Batch(), None
        if self._checking is not None:
            self._checking.cancel()
        if self._slow is not None:
            self._slow.cancel()
        if self._syncing is not None:
            self._syncing.shutdown()  # the store may be closed after this

    @property
    def waiting(self) -> int:
        """Inputs that wait for their turn."""
        return len(self._waiting)

    def wake(self) -> None:
        """Have a turn soon: something waits, or a timer may be due."""
        if not self._scheduled and not self._stopped and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._stopped:
            return
        try:
            self._take_turn()
        except Exception as error:
            # Half of the effects of a step may be carried out: end as in a crash, and recover in a new process.
            logger.exception("turn failed")
            self._stop_failed(error)

    def _take_turn(self) -> None:
        assert self._controller is not None
        waited_for = self._waited_for()
        if waited_for is not None and len(waited_for.held) >= MAXIMUM_HELD:
            return  # the disk is far behind; there is another turn when it has caught up
        began = time.perf_counter()
        # Messages first: after a stall, an answer that has arrived must not count as missing because a timer is due.
        for _ in range(min(len(self._waiting), INPUTS_PER_TURN)):
            if self._waiting:
                given, outcome = self._waiting.popleft()
                if not self._answer_at_once(given):
                    self._handle(given, outcome)
        for _ in range(INPUTS_PER_TURN):
            timer = None if self._stopped else self._controller.take_due()
            if timer is None:
                break
            self._handle(TimerFired(timer, self._now_ms()), None)
        else:
            self.wake()
        if self._waiting:
            self.wake()
        self._finish_turn()
        self._counters.observe("turn", (time.perf_counter() - began) * 1000)

    def _answer_at_once(self, given: Input) -> bool:
        """Answer a question from the durable state while a commit is under way; False where it has to wait.

        It is as if the question had come before all inputs that wait for the disk: nothing of theirs has left, and the
        answer changes nothing. So nobody can tell the difference, and a crash has nothing to take back.
        """
        if self._flight is None or type(given) is not Received or type(given.message) not in self._prompt:
            return False
        if self.disk.is_hopeless:
            return False
        try:
            step = self._machine.step(self.data, given)
        except Exception:  # noqa: BLE001  (told when it is handled in its turn)
            return False
        changes = step.data is not self.data and step.data != self.data
        if changes or not step.effects or any(type(effect) is not Send for effect in step.effects):
            return False
        self._counters.add("inputs", type(given).__name__)
        if self._recorder is not None:
            self._recorder.record(Line(given, step.effects, self._now_ms(), self.data))
            self._recorder.flush()
        for effect in step.effects:
            self._release(effect)  # type: ignore[arg-type]
        return True

    def _handle(self, given: Input, outcome: Outcome | None) -> None:
        try:
            step = self._machine.step(self._data, given)
        except Exception as error:
            # Steps are pure: the data are as they were. One bad input must not take the process down.
            self._counters.add("inputs_failed", type(given).__name__)
            logger.exception("input failed", extra={"fields": {"input": repr(given)[:500]}})
            if outcome is not None and not outcome.done():
                outcome.set_exception(error)
            return
        self._accept(given, step)
        if outcome is not None:
            told = tuple(effect.event for effect in step.effects if isinstance(effect, Notify))
            self._let_go(Answer(outcome, told))

    def _accept(self, given: Input, step: Step) -> None:
        """Take over the new data, and carry out the effects in their order."""
        self._counters.add("inputs", type(given).__name__)
        self._data = step.data
        for effect in step.effects:
            self._carry_out(effect)
        waited_for = self._waited_for()
        if waited_for is None:
            self.data = step.data
        else:
            waited_for.data = step.data
        if self._recorder is not None:
            line = Line(given, step.effects, self._now_ms(), step.data)
            if waited_for is None:
                self._recorder.record(line)
            else:
                waited_for.lines.append(line)

    def _carry_out(self, effect: Effect) -> None:
        assert self._controller is not None
        # By exact type: effects have no subtypes, and this is asked for every one.
        if type(effect) is Send or type(effect) is Notify:
            self._let_go(effect)
        elif type(effect) is Persist:
            self._batch.writes.extend(effect.writes)
        elif type(effect) is SetTimer:
            self._controller.set_timer(effect.timer, effect.after_ms)
        elif type(effect) is CancelTimer:
            self._controller.cancel_timer(effect.timer)

    def _waited_for(self) -> Batch | None:
        """The last batch that is not on disk yet: what happens now may depend on it."""
        return self._batch if self._batch.writes else self._flight

    def _let_go(self, item: Send | Notify | Answer) -> None:
        """Let something leave the process, as soon as everything before it is on disk."""
        waited_for = self._waited_for()
        if waited_for is None:
            self._release(item)
        else:
            waited_for.held.append(item)

    def _release(self, item: Send | Notify | Answer) -> None:
        if type(item) is Notify:
            self._notify(item.event)
        elif type(item) is Send:
            self._send(item)
        elif type(item) is Answer and not item.outcome.done():
            item.outcome.set_result(item.told)

    def _send(self, effect: Send) -> None:
        try:
            self._outbox.send(effect.to, effect.message)
        except MessageTooLargeError as error:
            self._counters.add("send_failed", "too_large")
            logger.error("message too large", extra={"fields": {"to": effect.to, "reason": str(error)}})  # noqa: TRY400

    # -- durability --------------------------------------------------------------------------------------------------

    def _finish_turn(self) -> None:
        if self._flight is None:
            if self._batch.writes:
                self._commit()
            elif self._recorder is not None:
                self._recorder.flush()

    def _commit(self) -> None:
        """Write the collected batch; at once, or in the thread."""
        batch, self._batch = self._batch, Batch()
        batch.writes.extend(self.also_written())
        began = time.perf_counter()
        try:
            if self._syncing is None:
                self._store.commit(batch.writes)
            else:
                assert isinstance(self._store, StagingStore)
                self._store.stage(batch.writes)
        except StoreError as error:
            self._flight = batch
            self._stop_failed(error)
            return
        if self._syncing is None:
            self._land(batch, began)
        else:
            self._flight = batch
            self._begin_sync(batch, began)

    def _begin_sync(self, batch: Batch, began: float) -> None:
        assert self._syncing is not None
        assert self._loop is not None
        self.disk.begin()
        self._slow = self._loop.call_later(STILL_S, self._stand_still)
        self._syncing.submit(self._sync, batch, began)

    def _stand_still(self) -> None:
        """What the machines send waits for the disk, so that no timer of theirs may wait for an answer to it."""
        assert self._controller is not None
        assert self._loop is not None
        self._controller.stand_still()
        self._slow = self._loop.call_later(SLOW_S - STILL_S, self.disk.tell)

    def _sync(self, batch: Batch, began: float) -> None:
        """Wait for the disk, in the thread."""
        assert isinstance(self._store, StagingStore)
        assert self._loop is not None
        error: Exception | None = None
        try:
            self._store.sync()
        except Exception as raised:  # noqa: BLE001  (told to the loop)
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._synced, batch, began, error)

    def _synced(self, batch: Batch, began: float, error: Exception | None) -> None:
        if self._stopped:
            return
        if error is not None:
            self._stop_failed(error)
            return
        try:
            self.disk.end()
            if self.disk.is_hopeless:
                self._store_again(batch, began)
                return
            self._flight = None
            self._land(batch, began)
            self._go_on()
            self._finish_turn()
            self.wake()
        except Exception as failed:
            logger.exception("turn failed")
            self._stop_failed(failed)

    def _store_again(self, batch: Batch, began: float) -> None:
        """The same records once more, which changes nothing: is the disk well?

        After a hopeless commit nothing leaves before one was quick enough: a process that spoke in between would be let
        into a view, and be taken out of it again, with every commit.
        """
        assert isinstance(self._store, StagingStore)
        try:
            self._store.stage(batch.writes)
        except StoreError as error:
            self._stop_failed(error)
            return
        self._begin_sync(batch, began)

    def _go_on(self) -> None:
        """The disk has caught up: the waits for answers begin now that the questions leave."""
        assert self._controller is not None
        if self._slow is not None:
            self._slow.cancel()
        self._controller.go_on()

    def _land(self, batch: Batch, began: float) -> None:
        """A batch is on disk: all that waited for it happens."""
        self._counters.observe("commit", (time.perf_counter() - began) * 1000)
        self._counters.add("records_written", amount=len(batch.writes))
        if self._recorder is not None:
            for line in batch.lines:
                self._recorder.record(line)
            self._recorder.flush()
        self.data = batch.data
        for item in batch.held:
            self._release(item)

    def give_up(self, error: Exception) -> None:
        """Stop as after a failure, for a reason that is found outside of the machines."""
        if not self._stopped:
            self._stop_failed(error)

    def _stop_failed(self, error: Exception) -> None:
        self.failure = error
        self.stop()
        self.on_failure(error)

    def _now_ms(self) -> int:
        assert self._controller is not None
        return self._controller.now_ms()
