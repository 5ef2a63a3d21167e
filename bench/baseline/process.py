"""One process of the replaced design: its machines behind one step function."""

from bench.baseline.broadcaster import BROADCASTER
from bench.baseline.bully import BULLY
from bench.baseline.data import BaselineData, BaselineSettings, Peer
from bench.baseline.heartbeats import HEARTBEATS
from coordfsm.kernel import Composition, Endpoint, Part

# The broadcaster starts before the election can tell it who leads.
PARTS = (Part("heartbeats", HEARTBEATS), Part("broadcaster", BROADCASTER), Part("bully", BULLY))

composition = Composition("baseline", PARTS)


def initial(node: str, everyone: dict[str, Endpoint], settings: BaselineSettings | None = None) -> BaselineData:
    """The data of a process before its first input, which is `Recover`.

    Args:
        node: its id.
        everyone: node id to endpoint, this process included.
        settings: None for the defaults.
    """
    peers = tuple(Peer(other, endpoint) for other, endpoint in sorted(everyone.items()) if other != node)
    return BaselineData(node, peers, settings or BaselineSettings())
