"""One real process of a design: the machines, driven, timed and sealed by the runtime, and a pipe to ask it over.

Records are kept in memory for all designs alike: the replaced design has nothing durable to write.
"""

import asyncio
import gc
import resource
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import uvloop

from bench.baseline.designs import DESIGNS, Design, Everyone
from coordfsm.kernel import Decoder, Endpoint, Message, Value
from coordfsm.protocols.coordinator.messages import RegisterBubbles
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.host.controller import RealTime
from coordfsm_runtime.host.driver import Driver
from coordfsm_runtime.storage.store import MemoryStore
from coordfsm_runtime.wire.transport import Transport, TransportSettings

LABEL = "bench"


class Order(NamedTuple):
    """What a process is told when it starts.

    Attributes:
        design: name of the design.
        node: its id.
        everyone: node id to endpoint.
        key: of the cluster.
        bubbles: what it hosts.
        delay_s: pause before the machines start.
    """

    design: str
    node: str
    everyone: Everyone
    key: bytes
    bubbles: tuple[str, ...]
    delay_s: float


class Sample(NamedTuple):
    """What a process has done so far.

    Attributes:
        cpu_s: processor time of the process, all of it.
        meters_s: processor time of the machines' steps, by kind.
        messages: sent, by kind.
        octets: bytes of sealed datagrams sent; messages of several kinds may share one.
        refused: messages and datagrams that could not be sent or taken.
        private_bytes: memory that this process shares with nobody.
        named: (monotonic seconds, whom it named as coordinator), in order.
        broadcasts: how many it started.
    """

    cpu_s: float
    meters_s: dict[str, float]
    messages: dict[str, int]
    octets: int
    refused: int
    private_bytes: int
    named: tuple[tuple[float, str], ...]
    broadcasts: int


class Outbox:
    """The transport, with what is sent counted by kind."""

    def __init__(self, design: Design, transport: Transport) -> None:
        self.messages: Counter[str] = Counter()
        self._design = design
        self._transport = transport

    def send(self, to: Endpoint, message: Message) -> None:
        self._transport.send(to, message)
        self.messages[self._design.kind(type(message).__name__)] += 1


class Worker:
    """The process.

    Args:
        order: what it is.
        pipe: asked ``sample``, ``register`` bubbles, ``holds`` expected hosts, ``stop``.
    """

    def __init__(self, order: Order, pipe: Connection) -> None:
        self._order = order
        self._pipe = pipe
        self._design = DESIGNS[order.design]()
        self._named: list[tuple[float, str]] = []
        self._broadcasts = 0
        self._counters = Counters()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until told to stop."""
        order, design = self._order, self._design
        union: Any = design.messages[0]
        for kind in design.messages[1:]:
            union |= kind
        settings = TransportSettings(order.everyone[order.node], label=LABEL, keys=(order.key,))
        transport = Transport.open(settings, Decoder(union), self._counters)
        self._outbox = Outbox(design, transport)
        store = MemoryStore()
        store.commit(design.records(order.everyone))
        data = design.initial(order.node, order.everyone)
        driver = self._driver = Driver(design.machine, data, store, self._outbox, self._tell, self._counters)

        def alarm() -> None:
            transport.poll()
            driver.wake()

        controller = RealTime(alarm)
        self._pipe.send("ready")
        self._pipe.recv()
        await asyncio.sleep(order.delay_s)
        driver.start(controller)
        transport.start(driver.deliver)
        for command in (*design.commands(order.everyone), RegisterBubbles(order.bubbles)):
            await driver.submit(command)
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._asked)
        await self._stopped.wait()
        transport.close()

    def _tell(self, event: Value) -> None:
        leader = self._design.leader(event)
        if leader is not None:
            self._named.append((time.monotonic(), leader))
        self._broadcasts += self._design.broadcasts(event)

    def _asked(self) -> None:
        try:
            what, argument = self._pipe.recv()
        except EOFError:  # the one who started it is gone
            self._stopped.set()
            return
        match what:
            case "sample":
                self._pipe.send(self._sample())
            case "register":
                self._driver.submit(RegisterBubbles(argument))
            case "holds":
                self._pipe.send(argument.items() <= dict(self._design.hosts(self._driver.data)).items())
            case "stop":
                self._stopped.set()

    def _sample(self) -> Sample:
        used = resource.getrusage(resource.RUSAGE_SELF)
        refused = sum(self._counters.total(name) for name in ("send_failed", "receive_failed", "datagrams_dropped"))
        return Sample(
            used.ru_utime + used.ru_stime,
            {kind: meter.spent_ns / 1e9 for kind, meter in self._design.meters.items()},
            dict(self._outbox.messages),
            self._counters.counts["bytes_sent", ""],
            refused + self._counters.total("inputs_failed"),
            private_bytes(),
            tuple(self._named),
            self._broadcasts,
        )


def private_bytes() -> int:
    """Memory of this process that no other process shares (Linux)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def work(order: Order, pipe: Connection) -> None:
    """The main function of the process."""
    gc.freeze()  # what was loaded before the fork is shared: the collector must not touch it

    async def serve() -> None:
        await Worker(order, pipe).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def delays(count: int, seed: int) -> list[float]:
    """Pauses before the processes start, so that they do not beat in step."""
    chance = Random(seed)  # noqa: S311  (not a secret)
    return [chance.uniform(0, 1.0) for _ in range(count)]
