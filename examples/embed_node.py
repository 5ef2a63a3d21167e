"""A node inside your own asyncio program: two of them, here in one process, move an entity. Run it as it is."""

import asyncio
import tempfile
from pathlib import Path

from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.processes import free_endpoints


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
            while (ended := await first.migrate("ship", "west")).outcome == "VIEW_UNSTABLE":
                await asyncio.sleep(0.1)  # the view is still new
            print(f"migration: {ended.outcome}")

            async for event in events:
                print("west hears", type(event).__name__)
                if type(event).__name__ == "EntityArrived":
                    break


if __name__ == "__main__":
    asyncio.run(main())
