"""THE NODE: membership, coordination and migration behind one step function. This is what a process runs.

Membership raises what its siblings need (a view installed, a change under way, a majority lost); they never reach
into it. An input goes to every machine that declares its event, membership first, so that within one step the
others already learn of the new view.
"""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

from coordfsm.kernel import Command, Composition, Decoder, Endpoint, Message, Part, Recover, TransitionTable, Value
from coordfsm.kernel.inputs import snake_case
from coordfsm.protocols import coordinator, membership, migration, view
from coordfsm.protocols.coordinator import CoordinationData, CoordinationSettings
from coordfsm.protocols.coordinator import messages as coordination_messages
from coordfsm.protocols.coordinator.messages import Hosted, TopologyStamp
from coordfsm.protocols.coordinator.registry import Hosting
from coordfsm.protocols.membership import MembershipData
from coordfsm.protocols.membership import Settings as MembershipSettings
from coordfsm.protocols.membership import events as membership_events
from coordfsm.protocols.membership import messages as membership_messages
from coordfsm.protocols.membership.data import AcceptorRecord, IdentityRecord
from coordfsm.protocols.membership.messages import Decision
from coordfsm.protocols.migration import MigrationData, MigrationSettings
from coordfsm.protocols.migration import messages as migration_messages
from coordfsm.protocols.migration import service as migration_service
from coordfsm.protocols.migration.messages import EntityRecord
from coordfsm.protocols.view import View


class NodeSettings(Value):
    """What one process is told when it starts.

    Attributes:
        node: its stable id.
        endpoint: the address at which others reach it.
        membership: failure detection, view changes, joining.
        coordination: stability, cooldown, resending.
        migration: time limits, capacity.
    """

    node: str
    endpoint: Endpoint
    membership: MembershipSettings = MembershipSettings()
    coordination: CoordinationSettings = CoordinationSettings()
    migration: MigrationSettings = MigrationSettings()


class NodeData(Value):
    """All that one process holds in memory."""

    membership: MembershipData
    coordination: CoordinationData
    migration: MigrationData


composition = Composition(
    "node",
    (
        Part("membership", membership.composition),
        Part("coordination", coordinator.composition),
        Part("migration", migration.composition),
    ),
)
"""The machines of a process behind one step function: ``composition.step(data, input)``."""


def initial(settings: NodeSettings) -> NodeData:
    """The data of a process before its first input, which is `Recover`."""
    return NodeData(
        membership.initial(settings.node, settings.endpoint, settings.membership),
        coordinator.initial(settings.node, settings.coordination),
        migration.initial(settings.node, settings.migration),
    )


def _tables(machine: Any) -> Iterator[TransitionTable]:
    if isinstance(machine, TransitionTable):
        yield machine
    else:
        for part in machine.parts:
            yield from _tables(part.machine)


MACHINES = MappingProxyType({table.name: table for table in _tables(composition)})
"""Every machine of a process by its class name, in the order in which they take an input. A table's `declaration` is
the class it was compiled from."""


def _declared(base: type[Value], prefix: str, *modules: Any) -> tuple[Any, ...]:
    """The subclasses of `base` that the modules declare and some machine of the node takes, by name."""
    found = (
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == module.__name__
    )
    taken = (kind for kind in found if prefix + snake_case(kind.__name__) in composition.events)
    return tuple(sorted(taken, key=lambda kind: kind.__name__))


_MODULES = (view, membership_events, membership_messages, coordination_messages, migration_messages, migration_service)

MESSAGES: tuple[type[Message], ...] = _declared(Message, "recv_", *_MODULES)
"""Every message that a process can receive."""

PROMPT: tuple[type[Message], ...] = membership_messages.QUESTIONS
"""The messages that ask whether this process is alive. The answer to them changes nothing and depends on nothing but
the view, so that a process whose disk is slow may give it from the state that it would come back with after a crash."""

COMMANDS: tuple[type[Command], ...] = (Recover, *_declared(Command, "local_", *_MODULES))
"""Every command that a process can be given, or that its machines give each other."""

RECORDS: tuple[type[Value], ...] = (
    *(View, Decision, AcceptorRecord, IdentityRecord),
    *(TopologyStamp, Hosting, Hosted),
    EntityRecord,
)
"""Every kind of durable record."""

_decoder = Decoder(reduce(or_, MESSAGES))


def decode_message(data: bytes) -> Message:
    """The message that canonical bytes hold.

    Raises:
        EncodingError: malformed, of an unknown kind, or with fields of the wrong type.
    """
    message: Message = _decoder.decode(data)
    return message
