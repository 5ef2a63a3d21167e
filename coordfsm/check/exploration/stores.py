"""What can become of a store behind its process's back: copied, put back, started a second time, lost.

A copy that is put back later is an earlier state of the store; one that a second process starts from makes two
processes with one identity. Both engines take these steps from here.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from coordfsm.check.modelling.model import Envelope, Local, Model, Node
from coordfsm.kernel import Message, Write

StoreFaultKind = Literal["copy", "rollback", "clone", "wipe"]


class StoreCopied(Message):
    """A copy of a store under way to the node that may start from it: a file on a medium, not a datagram.

    Attributes:
        records: what the store held when it was copied.
    """

    records: tuple[Write, ...]

    def __str__(self) -> str:
        """For stories: what is in it is what the store held."""
        return "a copy of its store"


class StoreFault(NamedTuple):
    """One thing that can happen to a store.

    Attributes:
        kind: ``copy`` (made at any time), ``rollback`` (put back while the process is down), ``clone`` (a copy leaves
            for another node), ``wipe`` (all records are lost while the process is down).
        budget: what pays for it. Empty for putting a copy back: the copy was paid for.
        local: the node afterwards.
        sends: the copy that is on its way.
    """

    kind: StoreFaultKind
    budget: str
    local: Local
    sends: tuple[Envelope, ...] = ()


def store_faults(model: Model, position: int, local: Local) -> Iterator[StoreFault]:
    """Everything that can happen to the store of a node in this local state, whatever is left of the budgets."""
    node, faults = model.nodes[position], model.faults
    if local.absent or (faults.stores is not None and node.name not in faults.stores):
        return
    down = local.data is None
    if faults.rollback and node.boots:
        if local.copy is None:
            yield StoreFault("copy", "rollback", msgspec.structs.replace(local, copy=local.durable))
        elif down and local.copy != local.durable:
            yield StoreFault("rollback", "", msgspec.structs.replace(local, durable=local.copy, copy=None))
    if faults.wipe and node.boots and down and local.durable:
        yield StoreFault("wipe", "wipe", msgspec.structs.replace(local, durable=()))
    if faults.clone:
        for other in model.nodes:
            if other.clone_of == node.name:
                copied = Envelope(node.name, other.name, StoreCopied(local.durable))
                yield StoreFault("clone", "clone", local, (copied,))


def first_local(node: Node) -> Local:
    """A clone before it starts: nothing is there."""
    return Local(None, (), (), node.first_history, absent=True)


def is_taken(local: Local, envelope: Envelope) -> bool:
    """Whether a node in this local state can take what arrives: a process takes messages, an absent clone a store."""
    if isinstance(envelope.message, StoreCopied):
        return local.absent
    return local.data is not None


def before_start(local: Local, copied: StoreCopied) -> Local:
    """A clone with the store that it starts from."""
    return msgspec.structs.replace(local, durable=copied.records, absent=False)


__all__ = [
    "StoreCopied",
    "StoreFault",
    "before_start",
    "first_local",
    "is_taken",
    "store_faults",
]
