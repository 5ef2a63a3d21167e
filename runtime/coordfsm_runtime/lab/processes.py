"""Real node processes on loopback: started, stopped, killed and asked. For trying out, the demo and tests.

Every process lives in a directory of its own with its store, log, trace and admin socket. Processes end with the one
that started them: each watches its standard input, which closes when the parent is gone.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from coordfsm.kernel import CoordfsmError, Endpoint
from coordfsm_runtime.admin.server import AdminClient
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.wire.keyring import new_key

POLL_S = 0.02


class ProcessError(CoordfsmError):
    """A node process ended when it should not have, or did not do in time what was waited for."""


class NodeProcess:
    """One node.

    Args:
        name: node id.
        directory: where it keeps everything.
        listen: its UDP address.
        settings: environment variables of the configuration.

    Attributes:
        advertise: what other nodes send to.
        traced: whether it records a trace; True unless changed before it starts.
        program: what the interpreter runs; a test may put a node of its own in place.
        wrapper: a command that runs the interpreter: in a network namespace, under a limit.
    """

    def __init__(self, name: str, directory: Path, listen: Endpoint, settings: Mapping[str, str]) -> None:
        self.name = name
        self.directory = directory
        self.listen = listen
        self.settings = dict(settings)
        self.advertise = self.settings.get("COORDFSM_NODE_ADVERTISE", listen)
        self.traced = True
        self.program: tuple[str, ...] = ("-m", "coordfsm_runtime")
        self.wrapper: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def store(self) -> Path:
        return self.directory / "node.db"

    @property
    def trace(self) -> Path:
        return self.directory / "trace.jsonl"

    @property
    def log(self) -> Path:
        return self.directory / "log.jsonl"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, **settings: str) -> None:
        """Start the process; `settings` are added for this run."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("COORDFSM_")},
            "COORDFSM_NODE_NAME": self.name,
            "COORDFSM_NODE_DATA": str(self.directory),
            "COORDFSM_NODE_LISTEN": self.listen,
            **({"COORDFSM_NODE_TRACE": str(self.trace)} if self.traced else {}),
            **self.settings,
            **settings,
        }
        self._log = self.log.open("ab")
        command = [*self.wrapper, sys.executable, *self.program, "--stop-with-parent"]
        self._process = subprocess.Popen(  # noqa: S603  (our own program)
            command, env=environment, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log
        )

    def signal(self, number: int) -> None:
        if self.running and self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``: no goodbye."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def terminate(self, timeout_s: float) -> int:
        """SIGTERM: leave gracefully; the exit code.

        Raises:
            ProcessError: not gone in time.
        """
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """The exit code (negative: the signal).

        Raises:
            ProcessError: not gone in time.
        """
        if self._process is None:
            return 0
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.name} did not end within {timeout_s:g} s; see {self.log}") from None
        self._close_pipes()
        return code

    def _close_pipes(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._log is not None:
            self._log.close()

    def client(self, timeout_s: float = 30.0) -> AdminClient:
        """A connection to its admin socket.

        Raises:
            AdminError: it does not listen.
        """
        return AdminClient(self.directory, timeout_s)

    def ask(self, command: str, **arguments: Any) -> Any:
        """The answer to one command.

        Raises:
            AdminError: no answer, or refused.
        """
        with self.client() as client:
            return client.call(command, **arguments)

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


class LocalCluster:
    """Several nodes on loopback, one of which founds the cluster. A context manager: all processes end with it.

    Args:
        directory: one subdirectory a node is made here.
        names: node ids; the first founds the cluster.
        settings: environment variables for all of them.
        advertised: node to advertised endpoint, for a relay in between.
        listens: node to the endpoint to listen on; free ports when not given.
    """

    def __init__(
        self,
        directory: Path,
        names: Iterable[str],
        settings: Mapping[str, str] | None = None,
        advertised: Mapping[str, Endpoint] | None = None,
        listens: Mapping[str, Endpoint] | None = None,
    ) -> None:
        names = tuple(names)
        known = listens or dict(zip(names, free_endpoints(len(names)), strict=True))
        shared = {"COORDFSM_SECURITY_KEYS": new_key(), **(settings or {})}
        self.nodes: dict[str, NodeProcess] = {}
        for name in names:
            own = dict(shared)
            if advertised:
                own["COORDFSM_NODE_ADVERTISE"] = advertised[name]
            self.nodes[name] = NodeProcess(name, directory / name, known[name], own)
        seed = next(iter(self.nodes.values()))
        seed.settings["COORDFSM_NODE_BOOTSTRAP"] = "true"
        seed.settings["COORDFSM_NODE_NEW_CLUSTER"] = "true"  # the others may start later than it waits
        for node in self.nodes.values():
            others = [other.advertise for other in self.nodes.values() if other is not node]
            node.settings["COORDFSM_NODE_SEEDS"] = ",".join(others)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill whatever still runs."""
        for node in self.nodes.values():
            node.kill()

    @property
    def running(self) -> tuple[NodeProcess, ...]:
        return tuple(node for node in self.nodes.values() if node.running)

    def start(self) -> None:
        for node in self.nodes.values():
            node.start()

    def status(self, name: str) -> dict[str, Any] | None:
        """A node's status, or None while it does not answer."""
        try:
            answer: dict[str, Any] = self.nodes[name].ask("status")
        except AdminError:
            return None
        return answer

    def wait_for_view(self, names: Iterable[str], timeout_s: float) -> dict[str, Any]:
        """Wait until all of `names` act as members of one and the same view, which holds exactly them.

        Returns:
            The status of the first of them.

        Raises:
            ProcessError: not in time, or a process ended.
        """
        expected = sorted(names)

        def agreed() -> dict[str, Any] | None:
            states = [self.status(name) for name in expected]
            views = [state["view"] if state else None for state in states]
            first = views[0]
            same = first is not None and all(view is not None and view["id"] == first["id"] for view in views)
            acting = all(state is not None and state["state"] == "member" for state in states)
            if not same or not acting or first is None or [m["node"] for m in first["members"]] != expected:
                return None
            return states[0]

        status: dict[str, Any] = self.wait_until(agreed, f"{', '.join(expected)} in one view", timeout_s, expected)
        return status

    def wait_until(self, condition: Callable[[], Any], what: str, timeout_s: float, alive: Iterable[str] = ()) -> Any:
        """Poll until the condition gives something true, and return that.

        Args:
            condition: what to poll.
            what: for the error.
            timeout_s: longest wait.
            alive: nodes whose processes must run meanwhile.

        Raises:
            ProcessError: not in time, or one of `alive` ended.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            found = condition()
            if found:
                return found
            for name in alive:
                if not self.nodes[name].running:
                    code = self.nodes[name].wait(1)
                    raise ProcessError(f"{name} ended with exit code {code}:\n{self.nodes[name].last_words()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"not within {timeout_s:g} s: {what}")
            time.sleep(POLL_S)


def free_endpoints(count: int) -> tuple[Endpoint, ...]:
    """UDP endpoints on 127.0.0.1 that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        bound = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in bound:
            probe.bind(("127.0.0.1", 0))
        return tuple(f"127.0.0.1:{probe.getsockname()[1]}" for probe in bound)
