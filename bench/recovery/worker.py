"""One recovery, in a process of its own: a node starts with the store that it is given, and says how long it took."""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.node import ClusterNode


async def recover(directory: Path, name: str) -> dict[str, object]:
    """Start the node.

    Returns:
        ``seconds`` by the clock and ``cpu_s`` of the processor, from the closed store to the node that serves, and
        ``states``: how many entities are in each state then.
    """
    config = NodeConfig(name=name, data=directory, bootstrap=True, insecure=True, log_level="error")
    began, used = time.perf_counter(), time.process_time()
    node = ClusterNode(config)
    await node.start()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - used
    states = Counter(held.state for held in node.data.migration.entities.values())
    await node.close()
    return {"seconds": seconds, "cpu_s": cpu_s, "states": dict(sorted(states.items()))}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(recover(Path(sys.argv[1]), sys.argv[2]))))
