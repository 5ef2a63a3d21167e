"""One process of the bench: a node whose entities travel. Commands come as lines of JSON, answers go the same way.

An entity that has arrived leaves again at once, for the other node, as long as the bench runs: so the number of
entities is the number of migrations under way.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from bench.migration.shares import Shares
from coordfsm.kernel import Value
from coordfsm.protocols.migration.messages import CommitDecided, EntityArrived
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.service import loop_factory

TOTAL_MS = 30_000
"""Until an undecided migration is given up: what is measured is the rate, not the patience."""

PAUSE_S = 0.05
COUNTED = ("messages_sent", "datagrams_sent", "bytes_sent", "records_written", "inputs")


class Traveller:
    """A node and the entities that travel through it.

    Attributes:
        latencies_ms: of the migrations from here that were committed, from the request to its answer.
        decided_ms: of the same, from the request to the decision, from which on nothing can take the entity back.
        outcomes: how often each other outcome came back.
    """

    def __init__(self, node: ClusterNode, peer: str) -> None:
        self.node = node
        self.latencies_ms: list[float] = []
        self.decided_ms: list[float] = []
        self.outcomes: dict[str, int] = {}
        self._peer = peer
        self._running = False
        self._asked: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """Send every entity that arrives back, while the bench runs."""
        async for event in self.node.events(serves=False):
            self._note(event)

    def _note(self, event: Value) -> None:
        if isinstance(event, EntityArrived) and self._running:
            self.depart(event.entity)
        elif isinstance(event, CommitDecided):
            self.decided_ms.append((time.perf_counter() - self._asked[event.entity]) * 1000)

    def depart(self, entity: str) -> None:
        task = asyncio.ensure_future(self._migrate(entity))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _migrate(self, entity: str) -> None:
        began = self._asked[entity] = time.perf_counter()
        ended = await self.node.migrate(entity, self._peer)
        if ended.outcome == "COMMITTED":
            self.latencies_ms.append((time.perf_counter() - began) * 1000)
            return
        self.outcomes[ended.outcome] = self.outcomes.get(ended.outcome, 0) + 1
        if self._running:
            await asyncio.sleep(0.01)
            self.depart(entity)

    def begin(self) -> None:
        """Send away every entity that is in service here; later ones when they arrive."""
        self._running = True
        for entity, held in self.node.data.migration.entities.items():
            if held.state == "owned":
                self.depart(entity)

    async def end(self) -> None:
        """Let no entity leave any more, and wait for those that have."""
        self._running = False
        while self._tasks:
            await asyncio.gather(*self._tasks)


def settled(node: ClusterNode) -> bool:
    """Whether the node may migrate: its view lasts."""
    return node.data.migration.service.state == "settled"


async def create(node: ClusterNode, number: int, payload: bytes) -> None:
    await asyncio.gather(*(node.create(f"e{place}", payload) for place in range(number)))


def usage() -> dict[str, float]:
    """CPU seconds, seconds for which the loop was ready but had no core, and peak memory of this process so far."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    waited_s = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return {
        "cpu_s": spent.ru_utime + spent.ru_stime,
        "waited_s": waited_s,
        "memory_bytes": spent.ru_maxrss * 1024,
    }


async def answer(traveller: Traveller, shares: Shares, asked: dict[str, Any]) -> dict[str, Any]:
    """Do what a line asks for."""
    node = traveller.node
    match asked["do"]:
        case "members":
            while node.view is None or len(node.view.members) < asked["number"] or not settled(node):  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)  # no event tells when a view has settled
            return {}
        case "create":
            await create(node, asked["number"], bytes(asked["payload_bytes"]))
            return {}
        case "begin":
            traveller.begin()
            return {}
        case "measure":
            # What came before the last time it was asked is left out.
            latencies, traveller.latencies_ms = traveller.latencies_ms, []
            decided, traveller.decided_ms = traveller.decided_ms, []
            outcomes, traveller.outcomes = traveller.outcomes, {}
            counts = {name: node.counters.total(name) for name in COUNTED}
            commits = node.counters.histograms["commit"].count
            return {
                "latencies_ms": latencies,
                "decided_ms": decided,
                "outcomes": outcomes,
                "shares_s": dict(shares.seconds),
                "counts": counts | {"commits": commits},
                **usage(),
            }
        case "end":
            await traveller.end()
            return {}
    raise ValueError(asked["do"])


async def main(name: str, listen: str, seed: str, directory: str, profiled: str) -> None:
    config = NodeConfig(
        name=name,
        data=Path(directory),
        listen=listen,
        bootstrap=not seed,
        seeds=(seed,) if seed else (),
        keys=(b"k" * 32,),
        log_level="warning",
        machines={"migration": {"total_ms": TOTAL_MS, "phase_ms": 1000}},
    )
    shares = Shares(enabled=profiled == "shares")
    async with ClusterNode(config) as node:
        await node.member()
        traveller = Traveller(node, "n2" if name == "n1" else "n1")
        following = asyncio.ensure_future(traveller.follow())
        print(json.dumps({"ready": True}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            print(json.dumps(await answer(traveller, shares, json.loads(line))), flush=True)
        following.cancel()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main(*sys.argv[1:]))
