"""Opens, reads and recovers a store of many entities, each with a logged migration, as a node does when it starts.

Beside it, in the same run: how long SQLite alone takes to read the same rows.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from coordfsm.kernel import Recover, Write
from coordfsm.protocols.migration.messages import EntityRecord, TransactionId, entity_key
from coordfsm.protocols.node import NodeSettings
from coordfsm_runtime.machines import MACHINE, RECORDS, initial_data
from coordfsm_runtime.storage.store import SqliteStore

STATES = ("owned", "departed", "departing", "frozen", "prepared")
"""Each fifth of the entities is in one: in service, moved, given up but not acknowledged, undecided, in doubt."""


def records(number: int, payload_bytes: int) -> Iterator[Write]:
    """One logged transaction an entity."""
    for place in range(number):
        state = STATES[place % len(STATES)]
        mine = state != "prepared"
        yield Write(
            entity_key(f"entity {place:07}"),
            EntityRecord(
                state,
                epoch=1 if mine else 0,
                counter=int(mine),
                payload=b"" if state == "departed" else bytes(payload_bytes),
                transaction=TransactionId("n1" if mine else "n2", 1, 1),
                offered=0 if mine else 1,
                peer="n2",
                peer_endpoint="127.0.0.1:7402",
            ),
        )


def fill(path: Path, number: int, payload_bytes: int) -> None:
    store = SqliteStore(path, RECORDS)
    store.commit(records(number, payload_bytes))
    store.close()


def measure(path: Path) -> dict[str, float]:
    """Seconds of each part of a start."""
    began = time.perf_counter()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT key, value, checksum FROM records ORDER BY key").fetchall()
    connection.close()
    sqlite_s = time.perf_counter() - began
    del rows
    began, processor = time.perf_counter(), time.process_time()
    store = SqliteStore(path, RECORDS)
    opened = time.perf_counter()
    kept = store.records()
    read = time.perf_counter()
    data = initial_data(NodeSettings("n1", "127.0.0.1:7401"))
    step = MACHINE.step(data, Recover(kept))
    stepped = time.perf_counter()
    store.commit(write for effect in step.effects for write in getattr(effect, "writes", ()))
    ended, processor_s = time.perf_counter(), time.process_time() - processor
    store.close()
    return {
        "sqlite_alone_s": sqlite_s,
        "open_and_verify_s": opened - began,
        "read_s": read - opened,
        "machines_s": stepped - read,
        "commit_s": ended - stepped,
        "recovery_s": ended - began,
        "of_it_processor_s": processor_s,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--payload", type=int, default=100, help="bytes of each entity")
    parser.add_argument("--rounds", type=int, default=3, help="the fastest of these is printed")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "node.db"
            fill(path, arguments.transactions, arguments.payload)
            found.append(measure(path))
    best = min(found, key=lambda one: one["recovery_s"])
    if arguments.json:
        print(json.dumps(best))
        return 0
    print(f"{arguments.transactions:,} logged transactions, {arguments.payload} bytes each")
    for name, seconds in best.items():
        print(f"  {name.removesuffix('_s').replace('_', ' '):16} {seconds:7.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
