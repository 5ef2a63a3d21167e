"""Guards and actions of the registrar for a topology that comes in parts: nothing of it counts before it is whole."""

import msgspec

from coordfsm.kernel import Effect, Received, Send
from coordfsm.protocols.coordinator import registrar_rules as whole
from coordfsm.protocols.coordinator.data import CoordinationData, RegistrarData
from coordfsm.protocols.coordinator.messages import Topology, TopologyPart, TopologyPartAck
from coordfsm.protocols.coordinator.parts import Partial
from coordfsm.protocols.coordinator.registry import Hosting

Result = tuple[RegistrarData, tuple[Effect, ...]]


def part_in(given: Received) -> TopologyPart:
    """The part that arrived."""
    assert isinstance(given.message, TopologyPart)
    return given.message


def taken_of(data: RegistrarData, part: TopologyPart) -> int:
    """How many parts of the same topology are held: of the same view and version, on the same base."""
    held = data.partial
    same = held is not None and (held.view_id, held.version, held.base, held.parts) == (
        part.view_id,
        part.version,
        part.base,
        part.parts,
    )
    return held.taken if held is not None and same else 0


def gathered(data: RegistrarData, part: TopologyPart) -> tuple[Hosting, ...]:
    """The entries held so far, and those of this part."""
    before = data.partial.entries if data.partial is not None and taken_of(data, part) else ()
    return (*before, *part.entries)


def completed(data: RegistrarData, given: Received) -> Received:
    """The whole topology, as if it had arrived in one message."""
    part = part_in(given)
    topology = Topology(part.view_number, part.view_id, part.version, part.base, gathered(data, part))
    return Received(given.sender, topology, given.now_ms)


# -- guards --------------------------------------------------------------------------------------------------------


def is_part_of_installed_view(data: RegistrarData, given: Received, context: CoordinationData) -> bool:
    """Fencing: only the installed view's topology counts."""
    return context.monitor.view is not None and part_in(given).view_id == context.monitor.view.id


def extends_held_by_part(data: RegistrarData, given: Received) -> bool:
    """The topology is newer than the held one, and whole or based on no more than the held one."""
    part = part_in(given)
    return part.base <= whole.held_version(data, part.view_id) < part.version


def repeats_held_by_part(data: RegistrarData, given: Received) -> bool:
    """The version, or a newer one of the same view, is held already."""
    part = part_in(given)
    return part.version <= whole.held_version(data, part.view_id)


def is_next_part(data: RegistrarData, given: Received) -> bool:
    """Exactly the part that follows those that are held."""
    part = part_in(given)
    return part.part == taken_of(data, part) < part.parts


def is_last_part(data: RegistrarData, given: Received) -> bool:
    """With this part the topology is whole."""
    return part_in(given).part == part_in(given).parts - 1


def names_what_is_hosted_in_parts(data: RegistrarData, given: Received, context: CoordinationData) -> bool:
    """The whole topology holds this process's newest registration."""
    return whole.names_what_is_hosted(data, completed(data, given), context)


# -- actions -------------------------------------------------------------------------------------------------------


def complete(data: RegistrarData, given: Received, context: CoordinationData) -> Result:
    """Hold the whole topology, durably, and acknowledge it."""
    return whole.accept(data, completed(data, given), context)


def complete_confirmed(data: RegistrarData, given: Received, context: CoordinationData) -> Result:
    """Likewise; it holds this process's registration: no need to repeat it."""
    return whole.accept_confirmed(data, completed(data, given), context)


def take_part(data: RegistrarData, given: Received, context: CoordinationData) -> Result:
    """Keep it beside the topology that is held, and ask for the next."""
    part = part_in(given)
    taken = taken_of(data, part) + 1
    partial = Partial(part.view_id, part.version, part.base, part.parts, taken, gathered(data, part))
    kept = msgspec.structs.replace(data, partial=partial)
    return kept, (asking(given, taken, context),)


def ask_for_next(data: RegistrarData, given: Received, context: CoordinationData) -> Result:
    """Not the part that is awaited: say again which one is."""
    return data, (asking(given, taken_of(data, part_in(given)), context),)


def asking(given: Received, taken: int, context: CoordinationData) -> Effect:
    """Tells the publisher how many parts are held."""
    part = part_in(given)
    return Send(given.sender, TopologyPartAck(part.view_id, part.version, part.base, context.node, taken))
