"""Two-phase commit as Gray and Lamport specify it ("Consensus on Transaction Commit", 2006), an oracle of counts.

For n resource managers there are 2^n + 4^n + 6^n distinct states; messages are never removed.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from statemachine import State

from coordfsm.check.exploration.renaming import rename
from coordfsm.check.modelling.model import Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Effect, Machine, Message, Received, Send, Value, compile_machine

MANAGER = "tm"


class Prepared(Message):
    """A resource manager is prepared to commit."""


class Commit(Message):
    """The transaction manager decided to commit."""


class Abort(Message):
    """The transaction manager decided to abort."""


class Prepare(Command):
    """A resource manager prepares by itself."""


class ChooseAbort(Command):
    """A resource manager aborts by itself, before it has prepared."""


class DecideCommit(Command):
    """The transaction manager commits."""


class DecideAbort(Command):
    """The transaction manager aborts."""


class ManagerData(Value):
    """The transaction manager: who is known to be prepared, of whom."""

    participants: tuple[str, ...]
    prepared: frozenset[str] = frozenset()
    state: str = "init"


class ParticipantData(Value):
    """A resource manager."""

    state: str = "working"


def all_prepared(data: ManagerData, given: Command) -> bool:
    """Every resource manager reported that it is prepared."""
    return len(data.prepared) == len(data.participants)


def note_prepared(data: ManagerData, given: Received) -> tuple[ManagerData, tuple[Effect, ...]]:
    """Remember who is prepared."""
    return ManagerData(data.participants, data.prepared | {given.sender}, data.state), ()


def send_commit(data: ManagerData, given: Command) -> tuple[ManagerData, tuple[Effect, ...]]:
    """Tell everyone to commit."""
    return data, tuple(Send(participant, Commit()) for participant in data.participants)


def send_abort(data: ManagerData, given: Command) -> tuple[ManagerData, tuple[Effect, ...]]:
    """Tell everyone to abort."""
    return data, tuple(Send(participant, Abort()) for participant in data.participants)


def send_prepared(data: ParticipantData, given: Command) -> tuple[ParticipantData, tuple[Effect, ...]]:
    """Tell the transaction manager."""
    return data, (Send(MANAGER, Prepared()),)


class TransactionManager(Machine):
    """Commits once all are prepared, or aborts at any moment before."""

    init = State(initial=True)
    committed = State()
    aborted = State()

    recv_prepared = init.to(init, internal=True, on=note_prepared)
    local_decide_commit = init.to(committed, cond=all_prepared, on=send_commit)
    local_decide_abort = init.to(aborted, on=send_abort)

    validate_trap_states = False  # the decision is for ever
    ignored = {
        ("init", "local_decide_commit"): "not everyone is prepared",
        ("committed", "local_decide_commit"): "decided already",
        ("aborted", "local_decide_commit"): "decided already",
        ("committed", "local_decide_abort"): "decided already",
        ("aborted", "local_decide_abort"): "decided already",
        ("committed", "recv_prepared"): "the specification reads messages only before the decision",
        ("aborted", "recv_prepared"): "the specification reads messages only before the decision",
    }


class ResourceManager(Machine):
    """Prepares or aborts by itself while working; follows the transaction manager's decision whenever it comes."""

    working = State(initial=True)
    prepared = State()
    committed = State()
    aborted = State()

    local_prepare = working.to(prepared, on=send_prepared)
    local_choose_abort = working.to(aborted)
    recv_commit = working.to(committed) | prepared.to(committed) | aborted.to(committed) | committed.to(committed)
    recv_abort = working.to(aborted) | prepared.to(aborted) | committed.to(aborted) | aborted.to(aborted)

    ignored = {
        (state, event): "only while working"
        for state in ("prepared", "committed", "aborted")
        for event in ("local_prepare", "local_choose_abort")
    }


MANAGER_TABLE = compile_machine(TransactionManager)
PARTICIPANT_TABLE = compile_machine(ResourceManager)


def _manager_commands(_local: Local) -> tuple[Command, ...]:
    return DecideCommit(), DecideAbort()


def _participant_commands(_local: Local) -> tuple[Command, ...]:
    return Prepare(), ChooseAbort()


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    """Who takes part is a set, held in the order of names."""
    renamed = rename(value, names)
    if isinstance(renamed, Local) and isinstance(renamed.data, ManagerData):
        data = msgspec.structs.replace(renamed.data, participants=tuple(sorted(renamed.data.participants)))
        return msgspec.structs.replace(renamed, data=data)
    return renamed


def _state(local: Local) -> str:
    state: str = local.data.state
    return state


def _consistent(states: tuple[str, ...]) -> bool:
    participants = states[1:]
    return not ("committed" in participants and "aborted" in participants)


def _all_committed(states: tuple[str, ...]) -> bool:
    return all(state == "committed" for state in states[1:])


RESOURCE_MANAGERS = Parameter("resource managers", minimum=1, maximum=12)


def build(rms: Annotated[int, RESOURCE_MANAGERS] = 3) -> Model:
    """Two-phase commit as Gray and Lamport specify it; messages are never removed."""
    names = tuple(f"rm{number}" for number in range(1, rms + 1))
    manager = Node(
        MANAGER,
        ManagerData(names),
        MANAGER_TABLE.step,
        commands=_manager_commands,
        rules=MANAGER_TABLE.rule_names,
    )
    participants = (
        Node(name, ParticipantData(), PARTICIPANT_TABLE.step, _participant_commands, rules=PARTICIPANT_TABLE.rule_names)
        for name in names
    )
    return Model(
        name="twophase",
        parameters={"rms": rms},
        nodes=(manager, *participants),
        network=UnreliableSet(),
        symmetric=(names,),
        rename=_rename,
        properties=(
            Property("TC", "No resource manager commits while another aborts.", _consistent, observe=_state),
            Property("TC-commit", "All can commit.", _all_committed, kind="sometimes", observe=_state),
        ),
    )


DEFAULTS = {"twophase": ({"rms": 3}, {"rms": 5})}
FUZZ = {"twophase": ({"rms": 7},)}
