"""A network that misbehaves on purpose, on loopback, without privileges: for trying out and for tests.

Each node listens on its own port and advertises a port of the relay. Whatever is sent to the advertised port is passed
on to the node, or lost, delayed, doubled or blocked, as the faults of that link say. The relay sees sealed datagrams
only; it knows senders by the port that they send from.
"""

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from coordfsm.kernel import Endpoint
from coordfsm_runtime.wire.endpoint import Address, parse_endpoint


@dataclass
class Faults:
    """What happens to datagrams.

    Attributes:
        loss: the share that is lost, 0 to 1.
        duplication: the share that arrives twice.
        delay_ms: the longest extra delay; each datagram draws its own, so they overtake each other.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay_ms: float = 0.0


class Relay:
    """Forwards datagrams between nodes. Use within a running event loop; `close` at the end.

    Args:
        listens: node to the endpoint that it listens on.
        advertised: node to the endpoint of the relay that stands for it.
        seed: of the draws.

    Attributes:
        faults: of every link; to be changed at any time.
        blocked: pairs (from, to) of nodes between which nothing passes.
        passed: datagrams forwarded so far.
        lost: datagrams dropped on purpose so far.
        kept: datagrams by the node that they went to; None keeps none. For sending them again, as an attacker would.
    """

    def __init__(self, listens: Mapping[str, Endpoint], advertised: Mapping[str, Endpoint], seed: int = 0) -> None:
        self.faults = Faults()
        self.blocked: set[tuple[str, str]] = set()
        self.passed = 0
        self.lost = 0
        self.kept: dict[str, list[bytes]] | None = None
        self._random = random.Random(seed)  # noqa: S311  (faults, not secrets)
        self._targets = {node: parse_endpoint(endpoint) for node, endpoint in listens.items()}
        self._names = {address: node for node, address in self._targets.items()}
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[str, socket.socket] = {}
        for node, endpoint in advertised.items():
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            bound.setblocking(False)  # noqa: FBT003  (the standard library's signature)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            bound.bind(parse_endpoint(endpoint))
            self._sockets[node] = bound
            self._loop.add_reader(bound, self._readable, node, bound)

    def block(self, here: set[str], there: set[str], *, both_ways: bool = True) -> None:
        """Cut the links from `here` to `there`, and back unless told otherwise."""
        self.blocked |= {(source, target) for source in here for target in there}
        if both_ways:
            self.blocked |= {(target, source) for source in here for target in there}

    def repeat(self, node: str) -> int:
        """Send everything that was kept for a node once more; how much that is."""
        again = (self.kept or {}).get(node, [])
        for datagram in again:
            self._forward(node, datagram)
        return len(again)

    def heal(self) -> None:
        """Everything passes again."""
        self.blocked.clear()
        self.faults = Faults()

    def close(self) -> None:
        for bound in self._sockets.values():
            self._loop.remove_reader(bound)
            bound.close()

    @staticmethod
    @contextlib.contextmanager
    def in_thread(
        listens: Mapping[str, Endpoint], advertised: Mapping[str, Endpoint], seed: int = 0
    ) -> Iterator["Relay"]:
        """A relay in an event loop and thread of its own, for programs that are not asynchronous."""
        ready: Future[Relay] = Future()
        loop = asyncio.new_event_loop()

        async def serve() -> None:
            ready.set_result(Relay(listens, advertised, seed))

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(serve())
            loop.run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        relay = ready.result(10)
        try:
            yield relay
        finally:
            loop.call_soon_threadsafe(relay.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _readable(self, node: str, bound: socket.socket) -> None:
        for _ in range(64):
            try:
                datagram, source = bound.recvfrom(65_536)
            except OSError:
                return
            self._pass(self._names.get(Address(*source[:2]), ""), node, datagram)

    def _pass(self, source: str, target: str, datagram: bytes) -> None:
        faults = self.faults
        if (source, target) in self.blocked or self._random.random() < faults.loss:
            self.lost += 1
            return
        if self.kept is not None:
            self.kept.setdefault(target, []).append(datagram)
        copies = 2 if self._random.random() < faults.duplication else 1
        for _ in range(copies):
            if faults.delay_ms:
                delay_s = self._random.random() * faults.delay_ms / 1000
                self._loop.call_later(delay_s, self._forward, target, datagram)
            else:
                self._forward(target, datagram)

    def _forward(self, target: str, datagram: bytes) -> None:
        try:
            # Any socket will do: nodes know each other by what the datagram says, not by where it came from.
            self._sockets[target].sendto(datagram, self._targets[target])
            self.passed += 1
        except OSError:
            self.lost += 1
