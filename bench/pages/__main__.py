"""``python -m bench.pages``: what live pages cost a node with many entities, and how long its operators wait meanwhile.

Three nodes in processes of their own; the first has the entities in its store before it starts. Pages are opened on it,
and entities are created and removed there, so that there is something to show. Meanwhile one command after the other is
sent to its admin socket. Where pages take the event loop, commands wait, and the others accuse the node.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coordfsm.kernel import Write
from coordfsm.protocols.migration.messages import EntityRecord, entity_key
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.lab.processes import LocalCluster, NodeProcess
from coordfsm_runtime.machines import RECORDS
from coordfsm_runtime.storage.store import SqliteStore

LABEL = NodeConfig(name="n1", data=Path()).label
NAMES = ("n1", "n2", "n3")
PATIENCE_S = 60.0
REQUEST = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


def entities(number: int) -> Iterator[Write]:
    """Entities in service, with names as long as people give them."""
    for place in range(number):
        yield Write(entity_key(f"entity-{place:07}"), EntityRecord("owned", epoch=1, payload=bytes(100)))


def fill(node: NodeProcess, number: int) -> None:
    node.directory.mkdir(parents=True)
    store = SqliteStore(node.store, RECORDS, f"{LABEL}/{node.name}")
    store.commit(entities(number))
    store.close()


def http_port(node: NodeProcess) -> int:
    """The port of its pages, as its log tells."""
    for line in node.log.read_text().splitlines():
        entry = json.loads(line)
        if entry.get("event") == "http":
            return int(entry["port"])
    raise LookupError(f"no HTTP port in {node.log}")


async def read_page(port: int, received: list[int]) -> None:
    """Open a page, and count what comes; nothing where there is no place for one more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    place = -1
    while data := await reader.read(1 << 20):
        if place < 0:
            if b" 200 " not in data[:20]:
                break
            place = len(received)
            received.append(0)
        received[place] += len(data)
    writer.close()


async def ask(node: NodeProcess, waits: list[float], until: float) -> None:
    """One command after the other: create, look, remove; how long each took."""
    reader, writer = await asyncio.open_unix_connection(node.directory / "admin.sock")

    async def call(command: str, **arguments: Any) -> None:
        began = time.perf_counter()
        writer.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        waits.append(time.perf_counter() - began)

    number = 0
    while time.monotonic() < until:
        number += 1
        await call("create", entity=f"new-{number}")
        await call("members")
        await call("remove", entity=f"new-{number}")
        await asyncio.sleep(0.02)
    writer.close()


def processor_s(node: NodeProcess) -> float:
    fields = Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def watched(cluster: LocalCluster, pages: int, seconds: float) -> dict[str, Any]:
    """What happens in this time with so many pages open."""
    node = cluster.nodes["n1"]
    received: list[int] = []
    waits: list[float] = []
    readers = [asyncio.ensure_future(read_page(http_port(node), received)) for _ in range(pages)]
    await asyncio.sleep(2)
    before, bytes_before, began = processor_s(node), sum(received), time.monotonic()
    await ask(node, waits, began + seconds)
    took = time.monotonic() - began
    used = processor_s(node) - before
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    waits.sort()
    return {
        "pages": len(received),
        "commands": len(waits),
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[len(waits) * 99 // 100] * 1000,
        "most_ms": waits[-1] * 1000,
        "processor_share": used / took,
        "page_bytes_per_s": (sum(received) - bytes_before) / took,
    }


def accusations(cluster: LocalCluster) -> int:
    told = [cluster.nodes[name].ask("metrics").get("judgements", {}) for name in NAMES]
    return sum(judged.get("accused", 0) for judged in told)


def run(number: int, pages: list[int], seconds: float) -> list[dict[str, Any]]:
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="coordfsm-bench-") as made,
        LocalCluster(Path(made), NAMES, {"COORDFSM_ADMIN_HTTP": "127.0.0.1:0"}) as cluster,
    ):
        for node in cluster.nodes.values():
            node.traced = False
        fill(cluster.nodes["n1"], number)
        cluster.start()
        cluster.wait_for_view(NAMES, PATIENCE_S)
        for count in pages:
            before = accusations(cluster)
            result = asyncio.run(watched(cluster, count, seconds))
            found.append(result | {"asked": count, "accusations": accusations(cluster) - before})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--entities", type=int, default=20_000, help="in service at the node (20000)")
    parser.add_argument("--pages", type=int, nargs="+", default=[0, 62], help="opened, one figure a row (0 62)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each row (20)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(given.entities, given.pages, given.seconds)
    if given.json:
        print(json.dumps(found))
        return 0
    print("pages asked | given | commands | p50 ms | p99 ms | most ms | % of a core | page KB/s | accusations")
    for row in found:
        print(
            f"{row['asked']} | {row['pages']} | {row['commands']} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f}"
            f" | {row['most_ms']:.1f} | {row['processor_share'] * 100:.0f} | {row['page_bytes_per_s'] / 1000:.0f}"
            f" | {row['accusations']}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
