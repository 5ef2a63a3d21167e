"""The machines without any I/O: hand in inputs, carry out effects, with a network, clock and store of your own."""

from coordfsm.kernel import CancelTimer, Input, Notify, Persist, Received, Recover, Send, SetTimer, TimerFired, Write
from coordfsm.protocols.membership.events import Bootstrap, Join, ViewChanged
from coordfsm.protocols.node import NodeSettings, composition, initial

EAST, WEST = "10.0.0.1:7401", "10.0.0.2:7401"
nodes = {name: initial(NodeSettings(name, name)) for name in (EAST, WEST)}
stores: dict[str, dict[str, Write]] = {name: {} for name in nodes}
agenda: dict[tuple[str, object], tuple[int, Input]] = {}  # what comes to whom, and when
now_ms = 0


def handle(name: str, given: Input) -> None:
    """One input: step, then carry out the effects, in their order."""
    nodes[name], effects, _ = composition.step(nodes[name], given)
    for effect in effects:
        match effect:
            case Persist(writes):
                stores[name] |= {write.key: write for write in writes}  # on disk, before what follows leaves
            case Send(to, message):
                agenda[to, object()] = (now_ms + 1, Received(name, message, now_ms + 1))
            case SetTimer(timer, after_ms):
                agenda[name, timer] = (now_ms + after_ms, TimerFired(timer, now_ms + after_ms))
            case CancelTimer(timer):
                agenda.pop((name, timer), None)
            case Notify(ViewChanged(view)):
                print(f"{now_ms:4} ms: {name} is in view {view.number} of {len(view.members)}")


for name, command in ((EAST, Bootstrap("once")), (WEST, Join((EAST,)))):
    handle(name, Recover(tuple(stores[name].values())))
    handle(name, command)
while now_ms < 1_000:
    key = min(agenda, key=lambda entry: agenda[entry][0])
    now_ms, given = agenda.pop(key)
    handle(key[0], given)
