"""SERVICE: whether a process may begin and decide migrations, and how many entities it answers for."""

import msgspec
from statemachine import State

from coordfsm.kernel import Command, Effect, Machine, Recover, compile_machine
from coordfsm.protocols.migration.data import ServiceData
from coordfsm.protocols.migration.messages import ENTITY_PREFIX, EntityRecord
from coordfsm.protocols.view import ViewInstalled, ViewStable, ViewUnsettled

RESIDENT = frozenset({"owned", "frozen", "prepared"})
"""The states in which a process answers for an entity."""

Result = tuple[ServiceData, tuple[Effect, ...]]


class EntityResides(Command):
    """Raised by an entity that this process answers for from now on."""

    entity: str


class EntityVacated(Command):
    """Raised by an entity that this process no longer answers for."""

    entity: str


def is_of_current_view(data: ServiceData, given: ViewStable | ViewUnsettled) -> bool:
    """The news is about the installed view, not about one before it."""
    return data.view is not None and data.view.id == given.view_id


def note_view(data: ServiceData, given: ViewInstalled) -> Result:
    """Remember the view; it is not yet known to last."""
    return msgspec.structs.replace(data, view=given.view), ()


def forget_view(data: ServiceData, given: Command) -> Result:
    """No longer a member: there is no view to act in."""
    return msgspec.structs.replace(data, view=None), ()


def count_recovered(data: ServiceData, given: Recover) -> Result:
    """Count what the store says that this process answers for."""
    records = (write.value for write in given.records if write.key.startswith(ENTITY_PREFIX))
    resident = sum(isinstance(record, EntityRecord) and record.state in RESIDENT for record in records)
    return msgspec.structs.replace(data, resident=resident), ()


def count_in(data: ServiceData, given: EntityResides) -> Result:
    """One entity more."""
    return msgspec.structs.replace(data, resident=data.resident + 1), ()


def count_out(data: ServiceData, given: EntityVacated) -> Result:
    """One entity less."""
    return msgspec.structs.replace(data, resident=data.resident - 1), ()


class Service(Machine):
    """OUTSIDE a view, UNSETTLED in a new one, SETTLED when it lasts, WEDGED without a majority."""

    outside = State(initial=True)
    unsettled = State()
    settled = State()
    wedged = State()

    local_recover = outside.to(outside, internal=True, on=count_recovered)
    local_view_installed = (
        outside.to(unsettled, on=note_view)
        | unsettled.to(unsettled, on=note_view)
        | settled.to(unsettled, on=note_view)
        | wedged.to(unsettled, on=note_view)
    )
    local_view_stable = unsettled.to(settled, cond=is_of_current_view)
    local_view_unsettled = settled.to(unsettled, cond=is_of_current_view)
    local_wedged = unsettled.to(wedged) | settled.to(wedged)
    local_unwedged = wedged.to(unsettled)
    local_shunned = (
        unsettled.to(outside, on=forget_view) | settled.to(outside, on=forget_view) | wedged.to(outside, on=forget_view)
    )
    local_entity_resides = (
        outside.to(outside, internal=True, on=count_in)
        | unsettled.to(unsettled, internal=True, on=count_in)
        | settled.to(settled, internal=True, on=count_in)
        | wedged.to(wedged, internal=True, on=count_in)
    )
    local_entity_vacated = (
        outside.to(outside, internal=True, on=count_out)
        | unsettled.to(unsettled, internal=True, on=count_out)
        | settled.to(settled, internal=True, on=count_out)
        | wedged.to(wedged, internal=True, on=count_out)
    )

    ignored = {
        ("*", "local_recover"): "the first input of a process only",
        ("*", "local_view_stable"): "of another view, known already, or wedged meanwhile",
        ("*", "local_view_unsettled"): "of another view, or not settled anyway",
        ("*", "local_wedged"): "acts in no view, or is wedged already",
        ("*", "local_unwedged"): "was not wedged",
        ("outside", "local_shunned"): "outside already",
    }


SERVICE = compile_machine(Service)
