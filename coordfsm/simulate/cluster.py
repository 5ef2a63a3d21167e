"""Many processes in virtual time, on a network that loses, delays and repeats, with faults by schedule.

Everything follows from the seed: the same processes, schedule and seed give the same run, event for event. One
thread, no clock: an hour of virtual time takes as long as its events.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

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
    Timer,
    TimerFired,
    Value,
    apply_writes,
    encode,
)
from coordfsm.simulate.agenda import Agenda
from coordfsm.simulate.faults import ChangeWeather, Crash, CutLinks, Fault, Heal, Partition, Restart, Schedule
from coordfsm.simulate.network import CALM, Network, Weather
from coordfsm.simulate.process import MachineStep, Process


class Happening(NamedTuple):
    """One step of one process, as observers see it; `effects` are those that were carried out before a crash."""

    at_ms: int
    process: Process
    given: Input
    step: Step
    effects: tuple[Effect, ...]


class Told(NamedTuple):
    """A notification: when, by whom, what."""

    at_ms: int
    endpoint: Endpoint
    event: Value


class _Delivery(NamedTuple):
    sender: Endpoint
    receiver: Endpoint
    message: Message


class _Alarm(NamedTuple):
    endpoint: Endpoint
    life: int
    timer: Timer


Observer = Callable[[Happening], None]


class Cluster:
    """The processes, the network between them, and the clock.

    Args:
        machines: endpoint to (step, initial data).
        seed: of all chance: delays, losses, duplicates, where a torn step ends.
        weather: how messages fare at first.
        schedule: faults to come.
        weigh: whether to count bytes, too (each message is encoded).

    Attributes:
        told: every notification so far, in order.
        sent: messages handed to the network, by (sender, type).
        sent_bytes: their canonical bytes, by (sender, type), when weighed.
        observers: called after each step; what they raise ends the run.
    """

    def __init__(
        self,
        machines: Mapping[Endpoint, tuple[MachineStep, Any]],
        *,
        seed: int = 0,
        weather: Weather = CALM,
        schedule: Schedule = (),
        weigh: bool = False,
    ) -> None:
        self.random = Random(seed)  # noqa: S311  (a simulation, not a secret)
        self.agenda = Agenda()
        self.network = Network(self.random, weather)
        self.processes = {endpoint: Process(endpoint, *machine) for endpoint, machine in machines.items()}
        self.told: list[Told] = []
        self.sent: Counter[tuple[Endpoint, str]] = Counter()
        self.sent_bytes: Counter[tuple[Endpoint, str]] = Counter()
        self.observers: list[Observer] = []
        self._weigh = weigh
        for at_ms, fault in schedule:
            self.agenda.add(at_ms, fault)

    @property
    def now_ms(self) -> int:
        """Virtual time since the beginning."""
        return self.agenda.now_ms

    # -- what a test does ------------------------------------------------------------------------------------------

    def start(self, *endpoints: Endpoint) -> None:
        """Start these processes (all when none is named) that are not up, with what their stores hold."""
        for endpoint in endpoints or tuple(self.processes):
            process = self.processes[endpoint]
            if not process.is_up:
                process.data, process.timers, process.doomed = process.initial, {}, False
                process.lives += 1
                self._give(process, Recover(process.durable))

    def command(self, endpoint: Endpoint, command: Command) -> tuple[Value, ...]:
        """Give a command now.

        Returns:
            what the process told the application in that step.

        Raises:
            ValueError: the process is down.
        """
        process = self.processes[endpoint]
        if not process.is_up:
            raise ValueError(f"process {endpoint} is down; start it first")
        step = self._give(process, command)
        return tuple(effect.event for effect in step.effects if isinstance(effect, Notify))

    def inflict(self, fault: Fault) -> None:
        """Let something go wrong, or be repaired, now."""
        match fault:
            case Crash(endpoint, torn):
                self._crash(self.processes[endpoint], torn=torn)
            case Restart(endpoint):
                self.processes[endpoint].doomed = False  # a torn crash that has not come yet does not come any more
                self.start(endpoint)
            case Partition(groups):
                self.network.partition(*groups)
            case CutLinks(senders, receivers):
                self.network.cut(senders, receivers)
            case Heal():
                self.network.heal()
            case ChangeWeather(weather):
                self.network.weather = weather

    def run(self, for_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + for_ms
        while (due := self.agenda.next_ms()) is not None and due <= end_ms:
            self._take()
        self.agenda.advance(end_ms)

    def run_until(self, condition: Callable[[], bool], limit_ms: int) -> int:
        """Let time pass until the condition holds.

        Returns:
            how long it took, in virtual milliseconds.

        Raises:
            TimeoutError: it did not hold within `limit_ms`.
        """
        began_ms = self.now_ms
        while not condition():
            due = self.agenda.next_ms()
            if due is None or due > began_ms + limit_ms:
                raise TimeoutError(f"not within {limit_ms} ms of virtual time, at {self.now_ms} ms")
            self._take()
        return self.now_ms - began_ms

    def data(self, endpoint: Endpoint) -> Any:
        """A process's data; None while it is down."""
        return self.processes[endpoint].data

    def up(self) -> tuple[Process, ...]:
        """The processes that run."""
        return tuple(process for process in self.processes.values() if process.is_up)

    def heard(self, kind: type[Value], endpoint: Endpoint | None = None) -> list[Told]:
        """The notifications of one type, of one process or of all."""
        return [told for told in self.told if isinstance(told.event, kind) and endpoint in (None, told.endpoint)]

    # -- what happens ----------------------------------------------------------------------------------------------

    def _take(self) -> None:
        appointment = self.agenda.take()
        what = appointment.what
        if isinstance(what, _Delivery):
            receiver = self.processes.get(what.receiver)
            # A link that was cut meanwhile swallows what was under way.
            if receiver is not None and receiver.is_up and not self.network.is_cut(what.sender, what.receiver):
                self._give(receiver, Received(what.sender, what.message, self.now_ms))
        elif isinstance(what, _Alarm):
            process = self.processes[what.endpoint]
            current = process.timers.get(what.timer)
            if process.is_up and process.lives == what.life and current == appointment.sequence:
                del process.timers[what.timer]
                self._give(process, TimerFired(what.timer, self.now_ms))
        else:
            self.inflict(what)

    def _give(self, process: Process, given: Input) -> Step:
        step = process.step(process.data, given)
        effects = step.effects
        if process.doomed and effects:
            effects = effects[: self.random.randrange(len(effects))]
        else:
            process.data = step.data
        for effect in effects:
            self._carry_out(process, effect)
        if effects is not step.effects:
            self._crash(process, torn=False)
        happening = Happening(self.now_ms, process, given, step, effects)
        for observer in self.observers:
            observer(happening)
        return step

    def _carry_out(self, process: Process, effect: Effect) -> None:
        match effect:
            case Persist(writes):
                process.durable = apply_writes(process.durable, writes)
            case Send(to, message):
                self._send(process.endpoint, to, message)
            case SetTimer(timer, after_ms):
                alarm = _Alarm(process.endpoint, process.lives, timer)
                process.timers[timer] = self.agenda.add(after_ms, alarm).sequence
            case CancelTimer(timer):
                process.timers.pop(timer, None)
            case Notify(event):
                self.told.append(Told(self.now_ms, process.endpoint, event))

    def _send(self, sender: Endpoint, receiver: Endpoint, message: Message) -> None:
        key = sender, type(message).__name__
        self.sent[key] += 1
        if self._weigh:
            self.sent_bytes[key] += len(encode(message))
        for after_ms in self.network.arrivals(sender, receiver):
            self.agenda.add(after_ms, _Delivery(sender, receiver, message))

    def _crash(self, process: Process, *, torn: bool) -> None:
        if process.is_up and torn:
            process.doomed = True
        else:
            process.data, process.timers, process.doomed = None, {}, False
