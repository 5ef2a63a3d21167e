"""The operator's door to a running node: requests and answers as JSON lines over a Unix socket.

A request is ``{"command": name, "arguments": {...}}``; the answer ``{"ok": true, "result": ...}`` or
``{"ok": false, "error": text}``. ``watch`` is answered by one line an event until the caller hangs up; with
``{"serves": true}`` entities wait for this caller's ``confirm-stopped`` before they leave. The socket is readable and
writable by its owner only: who may connect may operate.
"""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from coordfsm.kernel import CoordfsmError
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.plain import to_line

MAXIMUM_REQUEST_BYTES = 4 << 20
ANSWER_TIMEOUT_S = 60.0
MAXIMUM_CONNECTIONS = 64

logger = logging.getLogger(__name__)

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers one command; raises `CoordfsmError` to refuse it."""


class Watch(Protocol):
    """The events for one watcher."""

    def __call__(self, *, serves: bool) -> AsyncIterator[dict[str, Any]]: ...


class AdminServer:
    """Listens on the Unix socket.

    Args:
        path: of the socket; a stale one is replaced.
        handle: answers commands.
        watch: the events for ``watch``.
    """

    def __init__(self, path: Path, handle: Handler, watch: Watch) -> None:
        self._path = path
        self._handle = handle
        self._watch = watch
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            AdminError: the socket cannot be made, or another process listens on it.
        """
        try:
            _remove_stale(self._path)
            self._server = await asyncio.start_unix_server(self._accept, self._path, limit=MAXIMUM_REQUEST_BYTES)
            self._path.chmod(0o600)
        except OSError as error:
            raise AdminError(f"admin socket {self._path}: {error.strerror or error}") from error

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MAXIMUM_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError, ValueError):
            pass  # the caller hung up, the node stops, or a line without end
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await _line(reader, writer):
            request = _parse(line)
            if request is not None and request[0] == "watch" and isinstance(_serves(request), bool):
                await self._show_events(reader, writer, serves=_serves(request))
                return
            writer.write(to_line(await self._answer(request)))
            await writer.drain()

    async def _show_events(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, serves: bool) -> None:
        """Write events until they end or the caller hangs up: a quiet node must not keep callers that are gone."""

        async def write() -> None:
            async for event in self._watch(serves=serves):
                writer.write(to_line(event))
                await writer.drain()

        async def drop() -> None:
            while await reader.read(65_536):
                pass  # a watcher has nothing to say; it must not be kept

        tasks = [asyncio.ensure_future(write()), asyncio.ensure_future(drop())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: tuple[str, dict[str, Any]] | None) -> dict[str, Any]:
        if request is None:
            return {"ok": False, "error": 'expected {"command": name, "arguments": {...}} on one line'}
        if request[0] == "watch":
            # Taken for false, an application would believe that entities wait for it.
            return {"ok": False, "error": f"watch: serves is {_serves(request)!r:.80}, expected true or false"}
        try:
            return {"ok": True, "result": await self._handle(*request)}
        except CoordfsmError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            logger.exception("command failed", extra={"fields": {"command": request[0]}})
            return {"ok": False, "error": f"internal error: {type(error).__name__}: {error}"}


async def _line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The next request; empty at the end, and after a line that is too long, which is told."""
    try:
        return await reader.readline()
    except ValueError:
        error = f"a request of more than {MAXIMUM_REQUEST_BYTES:,} bytes, expected less"
        writer.write(to_line({"ok": False, "error": error}))
        await writer.drain()
        return b""


def _parse(line: bytes) -> tuple[str, dict[str, Any]] | None:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        return None
    arguments = request.get("arguments", {})
    return (request["command"], arguments) if isinstance(arguments, dict) else None


def _serves(request: tuple[str, dict[str, Any]]) -> Any:
    """What a watcher says of whether it serves entities."""
    return request[1].get("serves", False)


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed process left; refuse to take one that answers."""
    if path.is_dir():
        raise AdminError(f"admin socket {path}: a directory, expected the path of a socket to make")
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise AdminError(f"admin socket {path}: another node listens on it")


class AdminClient:
    """Talks to a running node, blocking. Use as a context manager.

    Args:
        path: the node's admin socket, or its data directory.
        timeout_s: longest wait for one answer.

    Raises:
        AdminError: nobody listens there.
    """

    def __init__(self, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._path = path / "admin.sock" if path.is_dir() else path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self._socket.close()
            raise AdminError(f"no node answers at {self._path}: {error.strerror or error}") from error
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def call(self, command: str, **arguments: Any) -> Any:
        """The result of one command.

        Raises:
            AdminError: the node refused it (with its reason), hung up, or took too long.
        """
        self._send(command, arguments)
        answer = self._receive()
        if not answer.get("ok"):
            raise AdminError(str(answer.get("error")))
        return answer["result"]

    def watch(self, *, serves: bool = False) -> Iterator[dict[str, Any]]:
        """Events as they happen, until the node stops.

        Args:
            serves: entities do not leave before ``confirm-stopped`` was called for each, over another connection.
        """
        self._socket.settimeout(None)
        self._send("watch", {"serves": serves})
        for line in self._file:
            yield json.loads(line)

    def _send(self, command: str, arguments: dict[str, Any]) -> None:
        try:
            self._socket.sendall(to_line({"command": command, "arguments": arguments}))
        except OSError as error:
            raise AdminError(f"the node at {self._path} hung up: {error.strerror or error}") from error

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._file.readline()
        except TimeoutError:
            raise AdminError(f"the node at {self._path} gave no answer in time") from None
        except OSError as error:
            raise AdminError(f"the node at {self._path} hung up: {error.strerror or error}") from error
        if not line:
            raise AdminError(f"the node at {self._path} hung up")
        answer: dict[str, Any] = json.loads(line)
        return answer
