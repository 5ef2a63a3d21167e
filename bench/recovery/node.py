"""``python -m bench.recovery.node``: how soon a node serves again that has logged many transactions.

A store is made with one logged transaction for each entity. A node in a process of its own starts with it: it opens
and verifies the store, recovers its machines, commits what recovery decides, and sends what it asks and repeats.
Measured is from the closed store to the node that serves. Beside it, in the same round: SQLite reading the same rows,
the physical limit of whoever reads them all. Each recovery ends with an audit of every entity's state.

Transactions that ended are those of a node that was idle when it went down; open ones are the worst case, a crash in
the midst of all of them. `python -m bench.recovery` shows the parts of the same, without a node around.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers.store import machine
from coordfsm.kernel import Write
from coordfsm.protocols.migration.messages import EntityRecord, TransactionId, entity_key
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.host.assembly import STORE_FILE
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.storage.store import SqliteStore

ROOT = Path(__file__).parents[2]
NODE, PEER, PEER_ENDPOINT = "n1", "n2", "127.0.0.1:9"
PER_COMMIT = 1_000

LOGS: Mapping[str, tuple[str, ...]] = {"ended": ("owned", "departed"), "open": ("frozen", "departing", "prepared")}
"""The states of the records, in turns."""

RECOVERED = {"frozen": "owned"}
"""An undecided transaction is aborted by recovery; all other records say what the entity is."""


class RecoveryError(Exception):
    """A recovery failed, or its audit."""


def records(log: str, transactions: int, payload_bytes: int) -> Iterator[Write]:
    """One record for each transaction."""
    states = LOGS[log]
    for number in range(transactions):
        state = states[number % len(states)]
        arrived = state in ("prepared", "owned")
        record = EntityRecord(
            state,
            epoch=0 if state == "prepared" else 1,
            counter=0 if arrived else 1,
            payload=b"" if state == "departed" else bytes(payload_bytes),
            transaction=TransactionId(PEER if arrived else NODE, 1, 1),
            offered=1 if state == "prepared" else 0,
            peer=PEER,
            peer_endpoint=PEER_ENDPOINT,
        )
        yield Write(entity_key(f"entity-{number:07}"), record)


def fill(directory: Path, log: str, transactions: int, payload_bytes: int) -> None:
    """Make the store of a node that went down."""
    owner = f"{NodeConfig(name=NODE, data=directory).label}/{NODE}"
    store = SqliteStore(directory / STORE_FILE, RECORDS, owner)
    writes = list(records(log, transactions, payload_bytes))
    for begin in range(0, len(writes), PER_COMMIT):
        store.commit(writes[begin : begin + PER_COMMIT])
    store.close()


def read(path: Path) -> float:
    """Seconds in which SQLite reads all rows."""
    connection = sqlite3.connect(path)
    began = time.perf_counter()
    connection.execute("SELECT key, value, checksum FROM records ORDER BY key").fetchall()
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def recover(directory: Path, log: str, transactions: int) -> dict[str, float]:
    """One recovery and its audit.

    Raises:
        RecoveryError: the node did not start, or an entity is not in the state that its record leads to.
    """
    with tempfile.TemporaryDirectory(dir=directory.parent) as made:
        copy = Path(made) / "node"
        shutil.copytree(directory, copy)
        read_s = read(copy / STORE_FILE)
        command = [sys.executable, "-m", "bench.recovery.worker", str(copy), NODE]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RecoveryError(f"{log}: the node ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout)
    states = LOGS[log]
    expected = Counter(
        RECOVERED.get(states[number % len(states)], states[number % len(states)]) for number in range(transactions)
    )
    if found["states"] != dict(sorted(expected.items())):
        raise RecoveryError(f"{log}: expected {dict(expected)}, recovered {found['states']}")
    return {"seconds": found["seconds"], "cpu_s": found["cpu_s"], "read_s": read_s}


def measure(log: str, given: argparse.Namespace) -> dict[str, Any]:
    """Some recoveries of the same store."""
    with tempfile.TemporaryDirectory(prefix="coordfsm-bench-", dir=given.directory) as made:
        directory = Path(made) / "filled"
        directory.mkdir()
        fill(directory, log, given.transactions, given.payload)
        store_bytes = (directory / STORE_FILE).stat().st_size
        rounds = [recover(directory, log, given.transactions) for _ in range(given.rounds)]
    figures = {name: median(each[name] for each in rounds) for name in rounds[0]}
    return {"log": log, "store_bytes": store_bytes, **figures, "slowest_s": max(each["seconds"] for each in rounds)}


def table(found: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    about = found["machine"]
    title = (
        f"{found['transactions']:,} transactions, {found['payload_bytes']} B each, median of {found['rounds']} rounds. "
        f"{about['processor']}, {about['cores']} cores, Python {about['python']}; "
        f"load {found['load'][0]:.1f} to {found['load'][1]:.1f}."
    )
    head = (
        "| transactions | store | recovery | slowest | of the processor | SQLite reads the rows | times that |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    )
    rows = (
        f"| {log['log']} ({', '.join(LOGS[log['log']])}) | {log['store_bytes'] / 2**20:.1f} MiB | "
        f"{log['seconds']:.2f} s | {log['slowest_s']:.2f} s | {log['cpu_s']:.2f} s | {log['read_s']:.3f} s | "
        f"{log['seconds'] / log['read_s']:.0f} |"
        for log in found["logs"]
    )
    return "\n".join([title, "", *head, *rows]) + "\n"


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.recovery.node", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--transactions", type=int, default=100_000, metavar="N", help="logged, of as many entities (100000)")
    add("--payload", type=int, default=100, metavar="BYTES", help="of an entity (100)")
    add("--rounds", type=int, default=3, metavar="N", help="recoveries of each store (3)")
    add("--directory", type=Path, metavar="DIR", help="where the stores are made (the system's temporary directory)")
    add("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args(words)
    if min(given.transactions, given.rounds) < 1 or given.payload < 0:
        parser.error("--transactions and --rounds take positive numbers, --payload takes a size in bytes")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured and audited, 1 a recovery or its audit failed, 2 usage."""
    given = _arguments(sys.argv[1:] if words is None else words)
    loads, logs = [os.getloadavg()[0]], []
    for log in LOGS:
        try:
            logs.append(measure(log, given))
        except RecoveryError as error:
            print(f"bench.recovery.node: {error}", file=sys.stderr)
            return 1
        loads.append(os.getloadavg()[0])
    found = {
        "transactions": given.transactions,
        "payload_bytes": given.payload,
        "rounds": given.rounds,
        "machine": machine(),
        "load": [min(loads), max(loads)],
        "logs": logs,
    }
    print(json.dumps(found, indent=1) if given.json else table(found), end="\n" if given.json else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
