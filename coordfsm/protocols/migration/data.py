"""What migration holds in memory: one `EntityData` per entity, and whether the process may act."""

from coordfsm.kernel import Endpoint, Map, Value
from coordfsm.protocols.migration.messages import NO_TRANSACTION, TransactionId, UsedToken
from coordfsm.protocols.migration.settings import MigrationSettings
from coordfsm.protocols.view import View, ViewId


class EntityData(Value):
    """One entity at one process. Fields as in `EntityRecord`, and:

    Attributes:
        entity: its id.
        view_id: the view in which this process prepared to give it away.
        requests: ids of the requests that wait for the open attempt to end.
        called_off: requests to stop that ended without a PREPARE since the process started: called off, or for a fence.
    """

    entity: str
    state: str = "absent"
    epoch: int = 0
    counter: int = 0
    payload: bytes = b""
    transaction: TransactionId = NO_TRANSACTION
    offered: int = 0
    token: str = ""
    peer: str = ""
    peer_endpoint: Endpoint = ""
    fencing: bool = False
    tokens: tuple[UsedToken, ...] = ()
    forgotten: int = 0
    view_id: ViewId = ""
    requests: tuple[int, ...] = ()
    called_off: int = 0


class ServiceData(Value):
    """Whether this process may begin and decide migrations.

    Attributes:
        state: ``outside`` of any view, ``unsettled``, ``settled`` or ``wedged``.
        view: the installed view; None outside.
        resident: entities that this process answers for (owned, freezing, frozen, prepared).
    """

    state: str = "outside"
    view: View | None = None
    resident: int = 0


class MigrationData(Value):
    """All that migration holds at one process.

    Attributes:
        node: the process's node id.
        settings: as configured.
        service: whether it may act.
        entities: entity id to what is known of it; entities never heard of have no entry.
    """

    node: str
    settings: MigrationSettings = MigrationSettings()
    service: ServiceData = ServiceData()
    entities: Map[str, EntityData] = Map()
