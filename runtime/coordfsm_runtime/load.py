"""A stream of migrations asked of running nodes over their admin sockets, by a few threads. For the demo and tests.

Each worker picks an entity where it was last known to be, and another node to send it to. Refusals and nodes that are
down are part of the load: they are counted, and the worker goes on.
"""

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from coordfsm_runtime.admin import AdminClient
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.processes import LocalCluster, ProcessError

PAUSE_S = 0.05
"""Pause after a node that does not answer, or a refusal: nobody gains from asking at once again."""

UNREACHABLE = "UNREACHABLE"


class MigrationLoad:
    """Workers that ask for migrations until stopped.

    Args:
        cluster: whose nodes are asked.
        owners: entity to the node that has it.
        workers: threads; each has one migration in work.
        seed: of the choices.

    Attributes:
        outcomes: how often each outcome came back; `UNREACHABLE` when the node was gone.
        failure: what ended a worker that should not have ended, or None.
    """

    def __init__(self, cluster: LocalCluster, owners: Mapping[str, str], workers: int = 4, seed: int = 1) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failure: Exception | None = None
        self._cluster = cluster
        self._nodes = tuple(cluster.nodes)
        self._owners = dict(owners)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # Each worker has entities of its own: two requests for one entity at a time would only refuse each other.
        shares = [sorted(owners)[place::workers] for place in range(workers)]
        self._threads = [
            threading.Thread(target=self._work, args=(share, random.Random(seed + place)), daemon=True)  # noqa: S311
            for place, share in enumerate(shares)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for no more, and wait for the answers that are due.

        Raises:
            ProcessError: a worker failed meanwhile.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.failure is not None:
            raise ProcessError(f"the load failed: {self.failure!r}") from self.failure

    def count(self, outcome: str) -> int:
        with self._lock:
            return self.outcomes[outcome]

    def total(self) -> int:
        with self._lock:
            return sum(self.outcomes.values())

    def _work(self, entities: Sequence[str], choice: random.Random) -> None:
        clients: dict[str, AdminClient] = {}
        try:
            while not self._stop.is_set():
                self._ask_once(clients, choice.choice(entities), choice)
        except Exception as error:  # noqa: BLE001  (handed to whoever stops the load)
            self.failure = error
        finally:
            for client in clients.values():
                client.close()

    def _ask_once(self, clients: dict[str, AdminClient], entity: str, choice: random.Random) -> None:
        owner = self._owners[entity]
        target = choice.choice([node for node in self._nodes if node != owner])
        try:
            if owner not in clients:
                clients[owner] = self._cluster.nodes[owner].client(30)
            answer: dict[str, Any] = clients[owner].call("migrate", entity=entity, destination=target)
        except AdminError:
            client = clients.pop(owner, None)
            if client is not None:
                client.close()
            self._note(UNREACHABLE)
            # The entity may be at the node that is down, or may have moved just before.
            self._owners[entity] = choice.choice(self._nodes)
            self._stop.wait(PAUSE_S)
            return
        self._note(answer["outcome"])
        if answer["outcome"] in ("COMMITTED", "ALREADY_APPLIED"):
            self._owners[entity] = target
        elif answer["outcome"] == "NOT_OWNER":
            self._owners[entity] = answer["owner"] or choice.choice(self._nodes)
        else:
            self._stop.wait(PAUSE_S)

    def _note(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
