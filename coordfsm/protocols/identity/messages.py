"""What the identity of a store is told by: stamps, questions about them, and what rests of them."""

from coordfsm.kernel import Command, Endpoint, Message, Value, Write

BOOT_KEY = "identity/boot"
SEEN_PREFIX = "identity/seen/"
"""One `Sighting` for each other member of the view, and for some former ones, under its node id."""


class BootRecord(Value):
    """Durable: how often a process started from this store."""

    boot: int


class Stamp(Value):
    """What every datagram of a member says of the store behind it.

    Attributes:
        node: whose store it is.
        incarnation: in which the node acts.
        boot: number of the process's start.
        since: the commit that this boot began with: all that earlier boots committed is contained in it.
        commit: the last commit that is durable.
        process: random, made at the start: tells two processes apart that began from copies of one store.
    """

    node: str
    incarnation: int
    boot: int
    since: int
    commit: int
    process: str


class Sighting(Value):
    """Durable: the newest that a member saw of another one's store.

    Attributes:
        incarnation: of the member.
        boot: of its store.
        commit: the highest that it said was durable.
        process: which said so.
        endpoint: where that process is reached.
        view: number of the view in which it was a member then.
    """

    incarnation: int
    boot: int
    commit: int
    process: str
    endpoint: Endpoint
    view: int


class SightingRequest(Message):
    """A process that starts asks what the others saw last of its store.

    Attributes:
        node: who asks.
        process: of this start.
    """

    node: str
    process: str


class SightingReply(Message):
    """What a member saw last of the asker's store; all 0 if it saw nothing.

    Attributes:
        node: who saw it.
        process: of the asker.
        incarnation: in which the node acted.
        boot: the highest boot seen.
        commit: the highest commit seen.
    """

    node: str
    process: str
    incarnation: int
    boot: int
    commit: int


class Superseded(Message):
    """To a process that is not the one whose store was seen last: it must stop.

    Attributes:
        node: who saw another.
        process: who must stop.
        boot: of the store that was seen.
        commit: of that store.
    """

    node: str
    process: str
    boot: int
    commit: int


class StoreOpened(Command):
    """The first input: what the store held.

    Attributes:
        process: random, new at every start.
        commit: number of the store's last commit; 0 for a store that does not count them.
        records: all of them.
    """

    process: str
    commit: int
    records: tuple[Write, ...] = ()


class StampSeen(Command):
    """A datagram of a member has arrived.

    Attributes:
        sender: where it can be reached.
        stamp: what it says of the store behind it.
    """

    sender: Endpoint
    stamp: Stamp


class StoreConfirmed(Value):
    """The process may act.

    Attributes:
        boot: number of this start.
        unheard: members of its view that did not answer in time.
    """

    boot: int
    unheard: tuple[str, ...]


class StaleCopyFound(Value):
    """The store is older than what another member saw of it.

    Attributes:
        by: who saw more.
        seen: incarnation, boot and commit that it saw.
        found: incarnation, boot and commit that this process started with.
    """

    by: str
    seen: tuple[int, int, int]
    found: tuple[int, int, int]


class OtherProcessFound(Value):
    """Another process acts, or acted, for the same member with a store of the same origin.

    Attributes:
        by: who saw it.
        seen: boot and commit that it saw.
        own: boot of this process, and the commit that it began with.
    """

    by: str
    seen: tuple[int, int]
    own: tuple[int, int]


MESSAGES: tuple[type[Message], ...] = (SightingReply, SightingRequest, Superseded)
RECORDS: tuple[type[Value], ...] = (BootRecord, Sighting)
