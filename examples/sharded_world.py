"""A tiny sharded world: three servers share a strip of land, and ships that sail across a border change servers.

Each server hosts two bubbles (stretches of the strip). It moves the ships that it has; a ship that leaves its
bubbles migrates to the server whose bubble it entered, as the topology says. One server is stopped without a
goodbye on the way, and comes back from its store with its ships. Run it as it is; it ends by itself.
"""

import asyncio
import json
import random
import tempfile
from pathlib import Path

from coordfsm_runtime import ClusterNode, MigrationOutcome, NodeConfig, free_endpoints

BUBBLES = 6
WIDTH = 10
SHIPS = 12
PACE = {"membership": {"probe_ms": 150, "probe_timeout_ms": 150, "rebuttal_ms": 200}}


def bubble_at(position: int) -> str:
    return f"strip-{position // WIDTH}"


class Server:
    """One node, and the ships that are in service at it."""

    def __init__(self, config: NodeConfig, seed: int) -> None:
        self.node = ClusterNode(config)
        self.name = config.name
        self.handed_over = 0
        self._random = random.Random(seed)

    def ships(self) -> dict[str, dict[str, int]]:
        """The ships that this server may move: those in service here."""
        entities = self.node.data.migration.entities.items()
        return {name: json.loads(held.payload) for name, held in entities if held.state == "owned"}

    async def tick(self) -> None:
        """Move every ship a little; hand over those that crossed a border."""
        hosts = self.node.registry.hosts
        for name, ship in self.ships().items():
            position = (ship["at"] + self._random.randint(-2, 5)) % (BUBBLES * WIDTH)
            await self.node.update(name, json.dumps({"at": position}).encode())
            owner = hosts.get(bubble_at(position))
            if owner is not None and owner != self.name:
                # A refusal leaves the ship where it is; the next tick tries again.
                ended = await self.node.migrate(name, owner, wait=False)
                self.handed_over += ended.outcome is MigrationOutcome.COMMITTED


async def sail(servers: list[Server], ticks: int) -> None:
    for _ in range(ticks):
        await asyncio.gather(*(server.tick() for server in servers))
        await asyncio.sleep(0.02)


def show(title: str, servers: list[Server]) -> None:
    counts = ", ".join(f"{server.name} {len(server.ships())}" for server in servers)
    total = sum(len(server.ships()) for server in servers)
    print(f"{title}: {total} ships in service ({counts}), {sum(s.handed_over for s in servers)} border crossings")


async def settled(servers: list[Server]) -> None:
    """All servers are in one view, every bubble has a host, and no migration is open."""
    names = sorted(server.name for server in servers)

    def ready(server: Server) -> bool:
        view = server.node.view
        states = {held.state for held in server.node.data.migration.entities.values()}
        together = view is not None and sorted(member.node for member in view.members) == names
        return together and len(server.node.registry.hosts) == 2 * len(servers) and states <= {"owned", "departed"}

    async with asyncio.timeout(30):
        while not all(ready(server) for server in servers):
            await asyncio.sleep(0.05)


async def main() -> None:
    listens = free_endpoints(3)
    with tempfile.TemporaryDirectory() as directory:
        configs = [
            NodeConfig(
                name=name,
                data=Path(directory) / name,
                listen=listens[place],
                seeds=tuple(listen for listen in listens if listen != listens[place]),
                bootstrap=place == 0,
                new_cluster=True,
                machines=PACE,
            )
            for place, name in enumerate(("west", "middle", "east"))
        ]
        servers = [Server(config, seed) for seed, config in enumerate(configs)]
        for server in servers:
            await server.node.start()
            await server.node.member()
        for place, server in enumerate(servers):
            await server.node.register(f"strip-{2 * place}", f"strip-{2 * place + 1}")
        for number in range(SHIPS):
            await servers[number % 3].node.create(f"ship-{number}", json.dumps({"at": number * 5}).encode())
        await settled(servers)
        show("at anchor", servers)
        await sail(servers, 40)
        show("at sea", servers)

        lost = servers[1]
        await lost.node.close()
        await settled([servers[0], servers[2]])
        await sail([servers[0], servers[2]], 40)
        show(f"without {lost.name}", [servers[0], servers[2]])

        servers[1] = Server(lost.node.config, 1)
        await servers[1].node.start()
        await settled(servers)
        await sail(servers, 40)
        await settled(servers)
        show(f"{lost.name} is back", servers)
        assert sum(len(server.ships()) for server in servers) == SHIPS
        for server in servers:
            await server.node.close()


if __name__ == "__main__":
    asyncio.run(main())
