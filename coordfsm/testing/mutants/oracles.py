"""Broken variants of the models whose counts others have published."""

from typing import Any

from coordfsm.check.models.lamport import MutexData
from coordfsm.check.models.pingpong import PlayerData
from coordfsm.check.models.tcommit import TransactionData
from coordfsm.testing.mutants.mutant import Mutant


def undecided(data: TransactionData, given: Any) -> bool:
    """The others do not matter."""
    return data.managers[given.manager] in {"working", "prepared"}


def any_turn(data: PlayerData, given: Any) -> bool:
    """An old message will do."""
    return True


def first_as_far_as_known(data: MutexData, given: Any) -> bool:
    """Nobody known asked earlier, whether or not everybody knows."""
    own = (data.requests[data.name], data.name)
    return not any((clock, name) < own for name, clock in data.requests.items())


MUTANTS = (
    Mutant(
        name="abort-after-commit",
        machine="Transaction",
        property="TC",
        flaw="A resource manager aborts although another has committed.",
        source="own",
        model="tcommit",
        parameters={"rms": 2},
        functions={"can_abort": undecided},
    ),
    Mutant(
        name="old-ping-counts",
        machine="Ponger",
        property="PP",
        flaw="A ping that was answered before counts again.",
        source="own",
        model="pingpong",
        parameters={"top": 3},
        functions={"is_next": any_turn},
    ),
    Mutant(
        name="enter-without-acks",
        machine="Mutex",
        property="LM",
        flaw="A process enters before everybody knows of its request.",
        source="own",
        model="lamport",
        parameters={"processes": 2, "top": 4},
        functions={"is_first": first_as_far_as_known},
    ),
)
