"""Effects: all that a machine can ask for, as values, in the order in which they must happen.

The caller's duties (after etcd's ``Ready``):

1. Carry out the effects of a step in order, before the next input of the same process.
2. `Persist` is done only when it is durable. What follows it, above all a `Send`, waits for it.
3. A crash may fall between any two effects: what came before has happened, what comes after has not.
4. Losing a `Send` is allowed at any time; inventing one is not.
"""

from coordfsm.kernel.data import Value
from coordfsm.kernel.inputs import Command, Endpoint, Message, Timer, Write


class Persist(Value):
    """Make all writes durable in one transaction, or none."""

    writes: tuple[Write, ...]


class Send(Value):
    """Hand a message to the network, once, without any promise of delivery."""

    to: Endpoint
    message: Message


class SetTimer(Value):
    """Fire `timer` once, at least `after_ms` from now; replaces a pending timer of the same identity."""

    timer: Timer
    after_ms: int


class CancelTimer(Value):
    """The timer will not fire any more. Cancelling one that is not set does nothing."""

    timer: Timer


class Notify(Value):
    """Tell the application (and, in the checker, the history that properties look at)."""

    event: Value


class Raise(Value):
    """Hand a command to the sibling machines of the same process, within the same step.

    A `Composition` delivers it to its own parts and passes it outwards, so that an enclosing composition can
    deliver it to the others. Outside the outermost composition it means nothing and is dropped.
    """

    command: Command


Effect = Persist | Send | SetTimer | CancelTimer | Notify | Raise
"""What a machine's step can ask for."""


def apply_writes(durable: tuple[Write, ...], writes: tuple[Write, ...]) -> tuple[Write, ...]:
    """The durable records after a transaction, sorted by key, each key once, deleted keys gone."""
    records = {record.key: record for record in durable}
    for write in writes:
        if write.value is None:
            records.pop(write.key, None)
        else:
            records[write.key] = write
    return tuple(records[key] for key in sorted(records))
