"""A node that kills itself at a point of its log: the very program that an operator runs, with a fatal store.

Run as a program in place of ``coordfsm_runtime``. It dies when the file ``die_at`` in its directory names the point
that it reaches, as ``MOMENT RECORD``: the moment is ``within`` (in the transaction, before its commit), ``unmarked``
(on disk, but the commit mark does not say so yet), ``written`` (on disk, nothing sent yet) or ``sent`` (the message
that depends on it has left).
"""

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from coordfsm.kernel import Endpoint, Message, Write
from coordfsm.protocols.migration.messages import ENTITY_PREFIX, EntityRecord
from coordfsm_runtime import __main__ as program
from coordfsm_runtime.host import assembly
from coordfsm_runtime.storage.store import SqliteStore
from coordfsm_runtime.wire.transport import Transport

MOMENTS = ("within", "unmarked", "written", "sent")
NAMES = {"frozen": "PREPARE", "prepared": "PREPARED", "departing": "COMMIT", "departed": "END", "absent": "FORGET"}

_written: list[str] = []
"""The log records of the last transaction: what is sent next depends on them."""


def log_records(writes: Iterable[Write]) -> list[str]:
    """What the protocol calls these writes. Into service: at the end of a journey, or after an abort."""
    names = []
    for write in writes:
        if not write.key.startswith(ENTITY_PREFIX):
            continue
        if write.value is None:
            names.append("FORGET")
        elif isinstance(write.value, EntityRecord):
            name = NAMES.get(write.value.state)
            arrived = write.value.transaction.source not in ("", os.environ["COORDFSM_NODE_NAME"])
            names.append(name or ("ACTIVATION" if arrived else "ABORT"))
    return names


def die_at(moment: str, records: Iterable[str]) -> None:
    """End as by a loss of power, if this is the moment."""
    try:
        wanted = (Path(os.environ["COORDFSM_NODE_DATA"]) / "die_at").read_text()
    except FileNotFoundError:
        return
    if wanted in {f"{moment} {record}" for record in records}:
        os.kill(os.getpid(), signal.SIGKILL)


class FatalStore(SqliteStore):
    """The default store in a process that may die around its transactions."""

    def stage(self, writes: Iterable[Write]) -> None:
        held = tuple(writes)
        _written[:] = log_records(held)
        super().stage(held)

    def _sync(self) -> None:
        die_at("within", _written)
        super()._sync()
        die_at("unmarked", _written)

    def sync(self) -> None:
        super().sync()
        die_at("written", _written)


def send_and_die(transport: Transport, to: Endpoint, message: Message) -> None:
    """The transport's `send`, in a process that may die after a message about an entity."""
    send(transport, to, message)
    if hasattr(message, "entity"):
        transport._send_outgoing()  # now, not at the end of the turn
        die_at("sent", _written)


if __name__ == "__main__":
    send = Transport.send
    Transport.send = send_and_die  # type: ignore[method-assign]
    assembly.SqliteStore = FatalStore  # type: ignore[misc]
    sys.exit(program.main())
