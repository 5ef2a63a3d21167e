"""A handful of processes that run coordination alone, with a network in the tester's hand."""

from coordfsm.kernel import (
    CancelTimer,
    Command,
    Message,
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
from coordfsm.protocols.coordinator import composition, initial
from coordfsm.protocols.view import Member, View, ViewInstalled, ring_order


def view_of(number, *nodes, incarnations=None):
    incarnations = incarnations or {}
    members = tuple(Member(node, incarnations.get(node, 1), node) for node in sorted(nodes))
    return View("story", number, "", members)


def order(view):
    return tuple(member.node for member in ring_order(view))


class Processes:
    """Each step is the tester's: nothing is delivered and no timer fires unless a test says so."""

    def __init__(self, *nodes):
        self.data = {node: initial(node) for node in nodes}
        self.durable = dict.fromkeys(nodes, ())
        self.timers = {node: set() for node in nodes}
        self.events = {node: [] for node in nodes}
        self.network = []
        for node in nodes:
            self.give(node, Recover())

    def give(self, node, given):
        step = composition.step(self.data[node], given)
        self.data[node] = step.data
        for effect in step.effects:
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
        return step

    def install(self, view, *nodes):
        for node in nodes or [member.node for member in view.members]:
            self.give(node, ViewInstalled(view))

    def fire(self, node, kind):
        timer = Timer(kind)
        assert timer in self.timers[node], f"{kind} is not set at {node}"
        self.timers[node].discard(timer)
        return self.give(node, TimerFired(timer))

    def command(self, node, command: Command):
        return self.give(node, command)

    def send(self, sender, to, message: Message):
        return self.give(to, Received(sender, message))

    def settle(self, *, but=()):
        """Deliver all that is in flight, and what that leads to, except to the processes in `but`."""
        for _ in range(1000):
            deliverable = [item for item in self.network if item[1] not in but]
            if not deliverable:
                return
            self.network.remove(deliverable[0])
            sender, to, message = deliverable[0]
            self.give(to, Received(sender, message))
        raise AssertionError("the network never rests")

    def lose(self):
        """All that is in flight is lost."""
        lost, self.network = self.network, []
        return lost

    def restart(self, node):
        self.data[node] = initial(node)
        self.timers[node] = set()
        self.give(node, Recover(self.durable[node]))

    def state(self, node):
        return self.data[node].coordinator.state

    def registrar(self, node):
        return self.data[node].registrar.state

    def hosts(self, node):
        return dict(self.data[node].registrar.topology.hosts)

    def held(self, node):
        held = self.data[node].registrar.held
        return None if held is None else (held.view_number, held.version)

    def heard(self, node, kind):
        return [event for event in self.events[node] if isinstance(event, kind)]
