"""A handful of processes that run migration alone, with network, timers and crashes in the tester's hand."""

from coordfsm.kernel import (
    CancelTimer,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Timer,
    TimerFired,
    apply_writes,
)
from coordfsm.protocols.migration import MigrationSettings, composition, initial
from coordfsm.protocols.migration.messages import CreateEntity, EntityArrived, MigrationEnded
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.view import Member, View, ViewInstalled, ViewStable


def view_of(number, *nodes):
    return View("story", number, f"v{number - 1}", tuple(Member(node, 1, node) for node in sorted(nodes)))


class CrashedError(Exception):
    """The process went down between two effects."""


class Processes:
    """Nothing is delivered, and no timer fires, unless a test says so."""

    def __init__(self, *nodes, prompt=True, **settings):
        self.prompt = prompt
        self.settings = MigrationSettings(**settings)
        self.data, self.timers = {}, {}
        self.durable = dict.fromkeys(nodes, ())
        self.events = {node: [] for node in nodes}
        self.network = []
        self.effects = 0
        self.crash_after = None
        for node in nodes:
            self.restart(node)
        self.settle(view_of(1, *nodes))

    def give(self, node, given):
        """One input. With `crash_after`, the process goes down before the effect of that number, counted over all."""
        step = (prompt_step if self.prompt else type(composition).step)(composition, self.data[node], given)
        self.data[node] = step.data
        for effect in step.effects:
            if self.effects == self.crash_after:
                self.crash_after = None
                self.data[node], self.timers[node] = None, set()
                raise CrashedError(node)
            self.effects += 1
            self._carry_out(node, effect)
        return [effect.event for effect in step.effects if isinstance(effect, Notify)]

    def _carry_out(self, node, effect):
        if isinstance(effect, Send):
            self.network.append((node, effect.to, effect.message))
        elif isinstance(effect, SetTimer):
            self.timers[node].add(effect.timer)
        elif isinstance(effect, CancelTimer):
            self.timers[node].discard(effect.timer)
        elif isinstance(effect, Persist):
            self.durable[node] = apply_writes(self.durable[node], effect.writes)
        elif isinstance(effect, Notify):
            self.events[node].append(effect.event)

    def restart(self, node):
        self.data[node], self.timers[node] = initial(node, self.settings), set()
        self.give(node, Recover(self.durable[node]))

    def settle(self, view, *nodes):
        for node in nodes or [member.node for member in view.members]:
            self.give(node, ViewInstalled(view))
            self.give(node, ViewStable(view.id))

    def create(self, node, entity, payload=b"cargo"):
        return self.give(node, CreateEntity(entity, payload))

    def deliver(self, *kinds):
        """Everything in flight, and what it leads to; with kinds, only messages of these, the rest stays in flight."""
        for _ in range(1_000):
            chosen = [item for item in self.network if self.data[item[1]] and (not kinds or type(item[2]) in kinds)]
            if not chosen:
                return
            self.network.remove(chosen[0])
            sender, to, message = chosen[0]
            self.give(to, Received(sender, message))
        raise AssertionError("the network never comes to rest")

    def take(self, kind):
        """The first message in flight of a kind, out of the network."""
        found = next(item for item in self.network if type(item[2]) is kind)
        self.network.remove(found)
        return found

    def hand(self, item):
        """Deliver a message that a test kept."""
        sender, to, message = item
        self.give(to, Received(sender, message))

    def fire(self, node, kind, entity="e"):
        timer = Timer(kind, entity)
        self.timers[node].remove(timer)
        self.give(node, TimerFired(timer))

    def fire_all(self):
        """Every timer that is set now, except the limit of the whole migration."""
        for node, timers in self.timers.items():
            for timer in sorted(timers, key=lambda timer: (timer.kind, timer.subject)):
                if timer.kind != "migration" and timer in timers:
                    self.fire(node, timer.kind, timer.subject)

    def held(self, node, entity="e"):
        """(state, epoch, payload) of an entity at a process that is up; None when nothing is known."""
        held = self.data[node].entities.get(entity)
        return None if held is None else (held.state, held.epoch, held.payload)

    def outcomes(self, node):
        return [event.outcome for event in self.events[node] if isinstance(event, MigrationEnded)]

    def arrivals(self, node):
        return [event.epoch for event in self.events[node] if isinstance(event, EntityArrived)]
