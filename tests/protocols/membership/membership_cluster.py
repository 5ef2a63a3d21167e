"""A cluster in virtual time: a heap of (time, sequence), a network with delays and cuts, durable stores."""

import heapq
from collections import Counter

from coordfsm.kernel import (
    CancelTimer,
    Map,
    Notify,
    Persist,
    Raise,
    Received,
    Recover,
    Send,
    SetTimer,
    TimerFired,
    apply_writes,
    fingerprint,
)
from coordfsm.protocols.membership import Settings, composition, initial
from coordfsm.protocols.membership.events import Bootstrap, Join

FAST = Settings(label="test")


class Cluster:
    def __init__(self, settings=FAST, delay_ms=5, seed=0, step=composition.step):
        self.settings, self.delay_ms, self.seed, self.step = settings, delay_ms, seed, step
        self.now_ms, self._sequence, self._agenda = 0, 0, []
        self.data, self.durable, self.timers = {}, {}, {}
        self.events, self.raised = {}, {}
        self.loss = lambda sender, receiver: 0.0
        self.sent = Counter()

    # -- acting ----------------------------------------------------------------------------------------------

    def start(self, name, settings=None):
        self.data[name] = initial(name, name, settings or self.settings)
        self.timers[name] = {}
        self.events.setdefault(name, [])
        self.raised.setdefault(name, [])
        self.give(name, Recover(self.durable.setdefault(name, ())))

    def crash(self, name):
        self.data.pop(name)
        self.timers[name] = {}

    def give(self, name, given):
        step = self.step(self.data[name], given)
        self.data[name] = step.data
        for effect in step.effects:
            self._do(name, effect)

    def found(self, *names, within_ms=20_000):
        for name in names:
            self.start(name)
        self.give(names[0], Bootstrap("t"))
        for name in names[1:]:
            self.give(name, Join((names[0],)))
        self.run_until(lambda: self.agree(names), within_ms)
        return self

    def _do(self, name, effect):
        if isinstance(effect, Persist):
            self.durable[name] = apply_writes(self.durable[name], effect.writes)
        elif isinstance(effect, Send):
            self.sent[name, type(effect.message).__name__] += 1
            self._sequence += 1
            chance = fingerprint((self.seed, self._sequence)) % 10_000 / 10_000
            if chance >= self.loss(name, effect.to):
                self._later(self.delay_ms + int(chance * self.delay_ms), effect.to, Received(name, effect.message))
        elif isinstance(effect, SetTimer):
            self._sequence += 1
            self.timers[name][effect.timer] = self._sequence
            self._later(effect.after_ms, name, (effect.timer, self._sequence))
        elif isinstance(effect, CancelTimer):
            self.timers[name].pop(effect.timer, None)
        elif isinstance(effect, Notify):
            self.events[name].append(effect.event)
        elif isinstance(effect, Raise):
            self.raised[name].append(effect.command)

    def _later(self, after_ms, name, given):
        self._sequence += 1
        heapq.heappush(self._agenda, (self.now_ms + after_ms, self._sequence, name, given))

    # -- time ------------------------------------------------------------------------------------------------

    def run(self, for_ms):
        until = self.now_ms + for_ms
        while self._agenda and self._agenda[0][0] <= until:
            self.now_ms, _, name, given = heapq.heappop(self._agenda)
            if name not in self.data:
                continue
            if isinstance(given, Received):
                self.give(name, Received(given.sender, given.message, self.now_ms))
            elif self.timers[name].get(given[0]) == given[1]:
                del self.timers[name][given[0]]
                self.give(name, TimerFired(given[0], self.now_ms))
        self.now_ms = until

    def run_until(self, condition, within_ms=20_000):
        end = self.now_ms + within_ms
        while not condition():
            assert self.now_ms < end, f"not within {within_ms} ms:\n{self.describe()}"
            self.run(50)

    def split(self, *groups):
        side = {name: number for number, group in enumerate(groups) for name in group}
        self.loss = lambda sender, receiver: float(side.get(sender) != side.get(receiver))

    def heal(self):
        self.loss = lambda sender, receiver: 0.0

    # -- looking ---------------------------------------------------------------------------------------------

    def view(self, name):
        return self.data[name].view_change.view

    def members(self, name):
        return tuple(member.node for member in self.view(name).members) if self.view(name) else ()

    def state(self, name):
        return self.data[name].lifecycle.state

    def agree(self, names):
        views = {self.view(name) for name in names}
        return (
            len(views) == 1
            and self.members(names[0]) == tuple(sorted(names))
            and all(self.state(name) == "member" for name in names)
        )

    def told(self, name, kind):
        return [event for event in self.events[name] if isinstance(event, kind)]

    def describe(self):
        return "\n".join(
            f"{name}: {data.lifecycle.state}/{data.view_change.state}/{data.cut.state} "
            f"view {data.view_change.view and data.view_change.view.number} {self.members(name)} "
            f"detectors {Map({k: d.state for k, d in data.detectors.items()})}"
            for name, data in sorted(self.data.items())
        )
