"""Transaction commit without a protocol, as Gray and Lamport specify it (2006), an oracle of counts.

All resource managers change in one machine, because each may look at the others: there are no messages. For n of them
there are 3^n + 2^n - 1 distinct states and 2n + 1 levels.
"""

from typing import Annotated

from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Effect, Machine, Map, Value, compile_machine


class GetReady(Command):
    """A resource manager becomes prepared."""

    manager: str


class FinishCommit(Command):
    """A resource manager commits."""

    manager: str


class FinishAbort(Command):
    """A resource manager aborts."""

    manager: str


class TransactionData(Value):
    """Where each resource manager stands: ``working``, ``prepared``, ``committed`` or ``aborted``."""

    managers: Map[str, str]
    state: str = "running"


def is_working(data: TransactionData, given: GetReady) -> bool:
    """It has not moved yet."""
    return data.managers[given.manager] == "working"


def can_commit(data: TransactionData, given: FinishCommit) -> bool:
    """It is prepared, and all are prepared or committed."""
    others = set(data.managers.values()) <= {"prepared", "committed"}
    return data.managers[given.manager] == "prepared" and others


def can_abort(data: TransactionData, given: FinishAbort) -> bool:
    """It is undecided, and nobody has committed."""
    undecided = data.managers[given.manager] in {"working", "prepared"}
    return undecided and "committed" not in data.managers.values()


def _moved(data: TransactionData, manager: str, state: str) -> tuple[TransactionData, tuple[Effect, ...]]:
    return TransactionData(data.managers.set(manager, state), data.state), ()


def prepare_manager(data: TransactionData, given: GetReady) -> tuple[TransactionData, tuple[Effect, ...]]:
    """Move to prepared."""
    return _moved(data, given.manager, "prepared")


def commit_manager(data: TransactionData, given: FinishCommit) -> tuple[TransactionData, tuple[Effect, ...]]:
    """Move to committed."""
    return _moved(data, given.manager, "committed")


def abort_manager(data: TransactionData, given: FinishAbort) -> tuple[TransactionData, tuple[Effect, ...]]:
    """Move to aborted."""
    return _moved(data, given.manager, "aborted")


class Transaction(Machine):
    """What any commit protocol must look like from outside."""

    running = State(initial=True)

    local_get_ready = running.to(running, internal=True, cond=is_working, on=prepare_manager)
    local_finish_commit = running.to(running, internal=True, cond=can_commit, on=commit_manager)
    local_finish_abort = running.to(running, internal=True, cond=can_abort, on=abort_manager)

    ignored = {
        ("running", "local_get_ready"): "it has moved on",
        ("running", "local_finish_commit"): "not everyone is prepared",
        ("running", "local_finish_abort"): "somebody committed, or it has decided",
    }


TRANSACTION_TABLE = compile_machine(Transaction)


def _commands(local: Local) -> tuple[Command, ...]:
    kinds = (GetReady, FinishCommit, FinishAbort)
    return tuple(kind(name) for name in sorted(local.data.managers) for kind in kinds)


def _states(local: Local) -> frozenset[str]:
    return frozenset(local.data.managers.values())


def _consistent(observations: tuple[frozenset[str], ...]) -> bool:
    return not {"committed", "aborted"} <= observations[0]


def _all_committed(observations: tuple[frozenset[str], ...]) -> bool:
    return observations[0] == {"committed"}


def build(rms: Annotated[int, Parameter("resource managers", minimum=1, maximum=10)] = 3) -> Model:
    """Transaction commit, the outcome without the protocol."""
    names = tuple(f"rm{number}" for number in range(1, rms + 1))
    node = Node(
        "transaction",
        TransactionData(Map(dict.fromkeys(names, "working"))),
        TRANSACTION_TABLE.step,
        commands=_commands,
        rules=TRANSACTION_TABLE.rule_names,
    )
    return Model(
        name="tcommit",
        parameters={"rms": rms},
        nodes=(node,),
        properties=(
            Property("TC", "No resource manager commits while another aborts.", _consistent, observe=_states),
            Property("TC-commit", "All can commit.", _all_committed, kind="sometimes", observe=_states),
        ),
    )
