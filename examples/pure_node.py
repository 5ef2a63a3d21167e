"""The machines without any I/O: hand in inputs, carry out effects, with a network, clock and store of your own."""

import coordfsm as fsm
from coordfsm_runtime import Bootstrap, Join, ViewChanged

EAST, WEST = "10.0.0.1:7401", "10.0.0.2:7401"
nodes = {name: fsm.initial_node(fsm.NodeSettings(name, name)) for name in (EAST, WEST)}
stores: dict[str, dict[str, fsm.Write]] = {name: {} for name in nodes}
agenda: dict[tuple[str, object], tuple[int, fsm.Input]] = {}  # what comes to whom, and when
now_ms = 0


def handle(name: str, given: fsm.Input) -> None:
    """One input: step, then carry out the effects, in their order."""
    nodes[name], effects, _ = fsm.node_composition.step(nodes[name], given)
    for effect in effects:
        match effect:
            case fsm.Persist(writes):
                stores[name] |= {write.key: write for write in writes}  # on disk, before what follows leaves
            case fsm.Send(to, message):
                agenda[to, object()] = (now_ms + 1, fsm.Received(name, message, now_ms + 1))
            case fsm.SetTimer(timer, after_ms):
                agenda[name, timer] = (now_ms + after_ms, fsm.TimerFired(timer, now_ms + after_ms))
            case fsm.CancelTimer(timer):
                agenda.pop((name, timer), None)
            case fsm.Notify(ViewChanged(view)):
                print(f"{now_ms:4} ms: {name} is in view {view.number} of {len(view.members)}")


for name, command in ((EAST, Bootstrap("once")), (WEST, Join((EAST,)))):
    handle(name, fsm.Recover(tuple(stores[name].values())))
    handle(name, command)
while now_ms < 1_000:
    key = min(agenda, key=lambda entry: agenda[entry][0])
    now_ms, given = agenda.pop(key)
    handle(key[0], given)
