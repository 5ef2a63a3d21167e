"""A node inside your own asyncio program: two of them, here in one process, move an entity. Run it as it is."""

import asyncio
import tempfile
from pathlib import Path

from coordfsm_runtime import ClusterNode, EntityArrived, NodeConfig, free_endpoints


async def main() -> None:
    east, west = free_endpoints(2)
    with tempfile.TemporaryDirectory() as directory:
        founder = NodeConfig(name="east", data=Path(directory) / "east", listen=east, bootstrap=True)
        joiner = NodeConfig(name="west", data=Path(directory) / "west", listen=west, seeds=(east,))
        async with ClusterNode(founder) as first, ClusterNode(joiner) as second:
            view = await second.member()
            print(f"view {view.number}, coordinator {second.coordinator}")

            events = second.events()
            await first.create("ship", b"hull and sail")
            ended = await first.migrate("ship", "west")
            print(f"migration: {ended.outcome}")

            async for event in events:
                match event:
                    case EntityArrived(entity=entity, payload=payload):
                        print(f"west has {entity}: {payload.decode()}")
                        break
                    case _:
                        pass  # views, topologies: whatever a node tells


if __name__ == "__main__":
    asyncio.run(main())
