"""What the machines of the replaced design hold, send and tell."""

from coordfsm.kernel import Command, Endpoint, Map, Message, Timer, Value

HEARTBEAT = Timer("heartbeat")
ANSWER = Timer("answer")
VICTORY = Timer("victory")
POLL = Timer("poll")


def silence(process: str) -> Timer:
    """Fires when a process was not heard for too long."""
    return Timer("silence", process)


# -- between processes ---------------------------------------------------------------------------------------------


class Heartbeat(Message):
    """The process is alive."""

    process: str


class Election(Message):
    """A lower process asks whether a higher one is there."""

    process: str


class Alive(Message):
    """A higher process answers that it is there, and takes the election over."""

    process: str


class Victory(Message):
    """The process leads."""

    process: str


class Enrollment(Message):
    """The process tells the leader what it hosts. Sent once."""

    process: str
    bubbles: tuple[str, ...]


class Snapshot(Message):
    """The leader tells everyone who hosts what. Sent once.

    Attributes:
        process: the sender.
        version: counted by the sender.
        entries: pairs (process, its bubbles), sorted.
    """

    process: str
    version: int
    entries: tuple[tuple[str, tuple[str, ...]], ...]


MESSAGES = (Alive, Election, Enrollment, Heartbeat, Snapshot, Victory)


# -- between the machines of one process ---------------------------------------------------------------------------


class PeerLost(Command):
    """A process was not heard for too long."""

    process: str


class PeerBack(Command):
    """A process that was lost is heard again."""

    process: str


class LeaderKnown(Command):
    """Who leads, as this process believes."""

    leader: str


# -- to the application --------------------------------------------------------------------------------------------


class LeaderNamed(Value):
    """This process takes `leader` for the leader from now on."""

    leader: str


class SnapshotSent(Value):
    """This process, as leader, broadcasts."""

    version: int


class SnapshotTaken(Value):
    """This process holds a newer snapshot.

    Attributes:
        sender: who sent it.
        leader: whom this process takes for the leader.
    """

    sender: str
    leader: str


# -- data ----------------------------------------------------------------------------------------------------------


class BaselineSettings(Value):
    """Intervals.

    Attributes:
        heartbeat_ms: pause between two heartbeats to everyone.
        silence_ms: who is not heard for this long is taken for dead.
        answer_ms: how long a caller of an election waits for a higher process.
        victory_ms: how long it then waits for that process's victory.
        poll_ms: the tick.
        quiet_ticks: ticks between two broadcasts, at least.
    """

    heartbeat_ms: int = 500
    silence_ms: int = 2000
    answer_ms: int = 200
    victory_ms: int = 600
    poll_ms: int = 100
    quiet_ticks: int = 10


class Peer(Value):
    """Another process, from a list that everyone is given when it starts."""

    node: str
    endpoint: Endpoint


class HeartbeatsData(Value):
    """Who is lost."""

    lost: frozenset[str] = frozenset()
    state: str = "silent"


class BullyData(Value):
    """Who leads."""

    leader: str = ""
    state: str = "following"


class BroadcasterData(Value):
    """Who hosts what.

    Attributes:
        own: what this process hosts.
        registry: as leader: process to what it told.
        changed: as leader: whether the registry changed since the last broadcast.
        version: of the last broadcast of this process.
        wait: ticks until the next broadcast may be made.
        topology: process to bubbles, as of the newest snapshot.
    """

    own: tuple[str, ...] = ()
    registry: Map[str, tuple[str, ...]] = Map()
    changed: bool = False
    version: int = 0
    wait: int = 0
    topology: Map[str, tuple[str, ...]] = Map()
    state: str = "idle"


class BaselineData(Value):
    """One process.

    Attributes:
        node: its id; the highest id wins elections.
        peers: the other processes.
    """

    node: str
    peers: tuple[Peer, ...]
    settings: BaselineSettings = BaselineSettings()
    heartbeats: HeartbeatsData = HeartbeatsData()
    bully: BullyData = BullyData()
    broadcaster: BroadcasterData = BroadcasterData()


def endpoint_of(context: BaselineData, node: str) -> Endpoint:
    """Where a peer is reached."""
    return next(peer.endpoint for peer in context.peers if peer.node == node)
