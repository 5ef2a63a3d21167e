"""What the identity of a store remembers."""

from coordfsm.kernel import Endpoint, Map, Value
from coordfsm.protocols.identity.messages import OtherProcessFound, Sighting, StaleCopyFound, StoreConfirmed
from coordfsm.protocols.view import View


class Standing(Value):
    """Where the process stands in the cluster: the machine's context.

    Attributes:
        incarnation: the current one, 0 before the first.
        view: in which it is a member, or None.
    """

    incarnation: int = 0
    view: View | None = None


class IdentityData(Value):
    """The identity of one process's store.

    Attributes:
        node: its id.
        state: the machine's state.
        process: random, of this start.
        found: incarnation, boot and commit of the store as it was opened.
        boot: of this start (durable before anything is said).
        seen: what was seen last of the stores of other members, and of some former ones.
        ask: node and address of the others of its view, of whom it waits for an answer.
        attempt: questions to each of them.
        outcome: whether the process may act; None while that is not known.
    """

    node: str
    state: str = "starting"
    process: str = ""
    found: tuple[int, int, int] = (0, 0, 0)
    boot: int = 0
    seen: Map[str, Sighting] = Map()
    ask: Map[str, Endpoint] = Map()
    attempt: int = 0
    outcome: StoreConfirmed | StaleCopyFound | OtherProcessFound | None = None
