"""What delivery holds in memory, and what it reads of its siblings."""

from typing import Protocol

from coordfsm.kernel import Endpoint, Map, Value
from coordfsm.protocols.delivery.messages import NOWHERE, RequestId, Route
from coordfsm.protocols.delivery.settings import DeliverySettings
from coordfsm.protocols.migration import MigrationData


class SessionData(Value):
    """One run of a process.

    Attributes:
        node: its id.
        settings: as configured.
        state: of the machine.
        number: of starts, this one included; 0 before the first input.
    """

    node: str
    settings: DeliverySettings = DeliverySettings()
    state: str = "starting"
    number: int = 0


class RequestData(Value):
    """A message to an entity, at its sender.

    Attributes:
        key: its number, as text.
        state: of the machine.
        id: of the request.
        entity: to which it goes.
        payload: the message.
        route: where it is sent: the open binding.
        hops: places that were tried.
    """

    key: str
    state: str = "idle"
    id: RequestId = RequestId("", 0, 0, 0)
    entity: str = ""
    payload: bytes = b""
    route: Route = NOWHERE
    hops: int = 0


class Kept(Value):
    """A request that was handed over.

    Attributes:
        route: under which it was.
        endpoint: where the answer goes.
        answer: the application's; None until it comes.
    """

    route: Route
    endpoint: Endpoint
    answer: bytes | None = None


class InboxData(Value):
    """What came from one sender and was handed over here.

    Attributes:
        origin: node and incarnation of the sender, as text.
        state: of the machine.
        session: the newest of the sender.
        newest: the highest number that was handed over in it.
        kept: number to request, of the last ones.
    """

    origin: str
    state: str = "unheard"
    session: int = 0
    newest: int = 0
    kept: Map[int, Kept] = Map()


class Surroundings(Protocol):
    """The process that the machines of delivery are part of: what their guards and actions may read."""

    @property
    def migration(self) -> MigrationData: ...

    @property
    def session(self) -> SessionData: ...

    @property
    def requests(self) -> Map[str, RequestData]: ...
