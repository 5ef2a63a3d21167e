"""Two nodes in processes of their own, on loopback, sealed, asked by lines of JSON."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
END_S = 30


class PairError(Exception):
    """A process of the pair failed."""


class Pair:
    """Both processes; the second joins the first.

    Args:
        directory: for their stores.
        shares: whether they measure where their time goes, which costs some of it.
    """

    def __init__(self, directory: Path, *, shares: bool = False) -> None:
        endpoints = [f"127.0.0.1:{port}" for port in _free_ports(2)]
        self._processes: list[subprocess.Popen[str]] = []
        for place, endpoint in enumerate(endpoints):
            name, seed = f"n{place + 1}", endpoints[0] if place else ""
            words = [name, endpoint, seed, str(directory / name), "shares" if shares else ""]
            command = [sys.executable, "-m", "bench.migration.worker", *words]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
            )
            self._processes.append(process)
            _answer(process)
        self.ask_both("members", number=2)

    def ask_first(self, do: str, **given: Any) -> dict[str, Any]:
        """Have the first node do something; its answer."""
        return self._ask(self._processes[:1], do, given)[0]

    def ask_both(self, do: str, **given: Any) -> list[dict[str, Any]]:
        """Have both do something at the same time; their answers."""
        return self._ask(self._processes, do, given)

    def _ask(self, processes: list[subprocess.Popen[str]], do: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            process.stdin.flush()
        return [_answer(process) for process in processes]

    def close(self) -> None:
        """End both; by force if they do not end by themselves."""
        for process in reversed(self._processes):
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise PairError("a node ended while the bench was running")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _free_ports(number: int) -> list[int]:
    with _sockets(number) as sockets:
        return [item.getsockname()[1] for item in sockets]


@contextmanager
def _sockets(number: int) -> Iterator[list[socket.socket]]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(number)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        yield sockets
    finally:
        for item in sockets:
            item.close()
