"""SESSION: tells one run of a process from all others, so that what an earlier one was asked is not mistaken."""

from msgspec.structs import replace
from statemachine import State

from coordfsm.kernel import Effect, Machine, Persist, Recover, Write, compile_machine
from coordfsm.protocols.delivery.data import SessionData
from coordfsm.protocols.delivery.messages import SESSION_KEY, SessionRecord


def begin(data: SessionData, given: Recover) -> tuple[SessionData, tuple[Effect, ...]]:
    """Count this start, durably before anything else happens in it."""
    records = (write.value for write in given.records if write.key == SESSION_KEY)
    last = next((record.number for record in records if isinstance(record, SessionRecord)), 0)
    return replace(data, number=last + 1), (Persist((Write(SESSION_KEY, SessionRecord(last + 1)),)),)


class Session(Machine):
    """STARTING, then OPENED until the process ends."""

    starting = State(initial=True)
    opened = State(final=True)

    local_recover = starting.to(opened, on=begin)

    ignored = {("opened", "local_recover"): "the first input of a process only"}


SESSION = compile_machine(Session)
