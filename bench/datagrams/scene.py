"""A cluster of two, one of whose members is bombarded with probes: the target in a process of its own, or its data."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from coordfsm.kernel import encode
from coordfsm.protocols.membership.data import stamp_of
from coordfsm.protocols.membership.messages import MemberId, Probe, Stamp
from coordfsm.protocols.node import NodeData
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.service import loop_factory
from coordfsm_runtime.wire.datagram import Envelope, Frame, pack_frame
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.transport import TransportSettings

KEY = b"k" * 32
LABEL = TransportSettings("").label
PATIENCE_S = 30.0


class Scene(NamedTuple):
    """What a prober must know.

    Attributes:
        stamp: of the view of both.
        founder: who listens in a process of its own.
        joiner: who joined it.
        data: of the joiner.
    """

    stamp: Stamp
    founder: MemberId
    joiner: MemberId
    data: NodeData


def config(name: str, listen: str, seed: str, directory: Path) -> NodeConfig:
    return NodeConfig(
        name=name,
        data=directory / name,
        listen=listen,
        bootstrap=not seed,
        seeds=(seed,) if seed else (),
        keys=(KEY,),
        log_level="error",
    )


@asynccontextmanager
async def joined(target: str) -> AsyncIterator[Scene]:
    """Join the cluster that the node at `target` founded; the scene for as long as both are in it."""
    with tempfile.TemporaryDirectory(prefix="coordfsm-bench-") as made:
        node = ClusterNode(config("n2", "127.0.0.1:0", target, Path(made)))
        await node.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await node.member()
            view = node.view
            assert view is not None
            ids = {member.node: MemberId(member.node, member.incarnation) for member in view.members}
            yield Scene(stamp_of(view), ids["n1"], ids["n2"], node.data)
        finally:
            await node.close()


class Prober:
    """Makes sealed datagrams, one probe each.

    Args:
        scene: the view that they are in.
        prober: who probes.
        target: who is probed.
        endpoint: where the answers go.
    """

    def __init__(self, scene: Scene, prober: MemberId, target: MemberId, endpoint: str) -> None:
        self._stamp = scene.stamp
        self._prober = prober
        self._target = target
        self._endpoint = endpoint
        self._envelope = Envelope(LABEL, Keyring((KEY,)))
        self._count = 0

    def next(self) -> bytes:
        self._count += 1
        probe = Probe(self._stamp, self._prober, self._target, self._count)
        return self._envelope.close(pack_frame(Frame(self._endpoint, 0, 0, 1, encode(probe))))


async def serve(listen: str) -> None:
    """Be the target until the standard input ends."""
    with tempfile.TemporaryDirectory(prefix="coordfsm-bench-") as made:
        node = ClusterNode(config("n1", listen, "", Path(made)))
        await node.start()
        await node.member()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await node.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(sys.argv[1]))
