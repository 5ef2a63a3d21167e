"""What coordination sends, is told, tells the application, and keeps.

Every message names the view that it belongs to. The view's number is the fencing token: whatever comes from
another view than the installed one is refused, whoever sent it.
"""

from coordfsm.kernel import Command, Message, Value
from coordfsm.protocols.coordinator.registry import Hosting, Refusal, ill_formed_entries
from coordfsm.protocols.view import ViewId

# -- between processes ---------------------------------------------------------------------------------------------


class Registration(Message):
    """A process tells the coordinator what it hosts; repeated until a topology holds it.

    Attributes:
        view_id: the view in which the coordinator leads.
        hosting: the process, its incarnation, the registration's version and the bubbles.
    """

    view_id: ViewId
    hosting: Hosting


class RegistrationRefused(Message):
    """The coordinator's answer to a registration that cannot enter the registry, which is unchanged.

    Attributes:
        view_id: the coordinator's view.
        version: of the refused registration.
        refusal: what was wrong; a conflict names the holders.
    """

    view_id: ViewId
    version: int
    refusal: Refusal


class Topology(Message):
    """The registry as of one version, or what changed in it since an older one.

    Attributes:
        view_number: the fencing token.
        view_id: the view in which it was published.
        version: rises with each broadcast of the view, from 1.
        base: 0: the entries are the whole registry. Otherwise they replace those of a reader that holds this version.
        entries: by process.
    """

    view_number: int
    view_id: ViewId
    version: int
    base: int
    entries: tuple[Hosting, ...]

    def ill_formed(self) -> str | None:
        """A process or a bubble is there twice, or a set is one that no process may host."""
        return ill_formed_entries(self.entries)


class TopologyPart(Message):
    """One part of a topology that is too large for one message; nothing of it counts before all parts are there.

    Attributes:
        view_number: the fencing token.
        view_id: the view in which it was published.
        version: of the topology, as in `Topology`.
        base: likewise.
        part: from 0.
        parts: how many there are.
        entries: of this part, by process.
    """

    view_number: int
    view_id: ViewId
    version: int
    base: int
    part: int
    parts: int
    entries: tuple[Hosting, ...]

    def ill_formed(self) -> str | None:
        """A process or a bubble is there twice, or a set is one that no process may host."""
        return ill_formed_entries(self.entries)


class TopologyPartAck(Message):
    """A process holds the first parts of a topology, not durably, and waits for the next.

    Attributes:
        view_id: of the topology.
        version: of the topology.
        base: of the topology that the parts are of.
        process: who holds them.
        taken: how many, from 0.
    """

    view_id: ViewId
    version: int
    base: int
    process: str
    taken: int


class TopologyAck(Message):
    """A process holds this version of the view's topology, durably."""

    view_id: ViewId
    version: int
    process: str


# -- from the application ------------------------------------------------------------------------------------------


class RegisterBubbles(Command):
    """This process also hosts these bubbles from now on."""

    bubbles: tuple[str, ...]


class UnregisterBubbles(Command):
    """This process no longer hosts these bubbles; those it never hosted are passed over."""

    bubbles: tuple[str, ...]


# -- between the machines of one process ---------------------------------------------------------------------------


class OwnRegistration(Command):
    """The registration of the coordinator's own process: it needs no network."""

    registration: Registration


class OwnRefusal(Command):
    """The refusal of the coordinator's own process's registration."""

    refused: RegistrationRefused


class TopologyPublished(Command):
    """The coordinator's own process reads its topology without a network."""

    topology: Topology


# -- to the application --------------------------------------------------------------------------------------------


class CoordinatorNamed(Value):
    """The coordinator of the view that was just installed: a pure function of the view.

    Attributes:
        view_number: of that view, from 1.
        view_id: of that view.
        coordinator: node id.
    """

    view_number: int
    view_id: ViewId
    coordinator: str


class TopologyBroadcast(Value):
    """This process, as coordinator, starts to publish a topology.

    Attributes:
        view_number: of the view in which it is published.
        version: of the topology; rises with every change within a view.
    """

    view_number: int
    version: int


class TopologyAccepted(Value):
    """This process holds a newer topology; it is to be read in the process's data.

    Attributes:
        view_number: of the view in which it was published.
        version: of the topology; rises with every change within a view.
    """

    view_number: int
    version: int


class BubblesRegistered(Value):
    """The topology names this process as the host of all it asked for.

    Attributes:
        view_number: of the view in which it was published.
        version: of this process's registration; rises with every change that it makes.
    """

    view_number: int
    version: int


class BubblesRefused(Value):
    """Bubbles were not registered, and the process's own set is as it was without them.

    Attributes:
        bubbles: those that were refused.
        refusal: why.
    """

    bubbles: tuple[str, ...]
    refusal: Refusal


# -- durable -------------------------------------------------------------------------------------------------------

STAMP_KEY = "coordinator/topology"
ENTRY_PREFIX = "coordinator/topology/"
HOSTED_KEY = "coordinator/hosted"


class TopologyStamp(Value):
    """Identifies a topology: compare (view number, version)."""

    view_number: int
    view_id: ViewId
    version: int


class Hosted(Value):
    """What this process hosts, and the version of its newest registration."""

    version: int = 0
    bubbles: tuple[str, ...] = ()
