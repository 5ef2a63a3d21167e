"""The physical limit: durable commits of SQLite, one row each, one at a time, with the settings of the node's store."""

import sqlite3
import time
from pathlib import Path
from statistics import median

PAYLOAD_BYTES = 100


def commits(directory: Path, seconds: float) -> dict[str, float]:
    """Commit for `seconds`, and nothing else.

    Returns:
        ``per_second``, and ``median_ms`` of one commit.
    """
    connection = sqlite3.connect(directory / "limit.db", isolation_level=None)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (key INTEGER PRIMARY KEY, value BLOB)")
    spent_ms: list[float] = []
    began = now = time.perf_counter()
    while now < began + seconds:
        connection.execute("REPLACE INTO rows VALUES (?, ?)", (len(spent_ms) % 1000, bytes(PAYLOAD_BYTES)))
        before, now = now, time.perf_counter()
        spent_ms.append((now - before) * 1000)
    connection.close()
    return {"per_second": len(spent_ms) / (now - began), "median_ms": median(spent_ms)}
