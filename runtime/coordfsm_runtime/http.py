"""A small HTTP server for people and monitors: GET only, every answer from memory. `h11` does the protocol."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

import h11

from coordfsm.kernel import Endpoint
from coordfsm_runtime.endpoint import parse_endpoint
from coordfsm_runtime.errors import AdminError

REQUEST_TIMEOUT_S = 10.0
MAXIMUM_CONNECTIONS = 64

logger = logging.getLogger(__name__)


class Page(NamedTuple):
    """One answer."""

    content_type: str
    body: bytes
    status: int = 200


class Route(NamedTuple):
    """What a path gives: one page, or a stream of lines for server-sent events."""

    page: Callable[[], Page] | None = None
    events: Callable[[], AsyncIterator[bytes]] | None = None


class HttpServer:
    """Serves fixed paths.

    Args:
        listen: numeric ``host:port``; port 0 picks a free one.
        routes: by path.

    Attributes:
        port: the bound port, after `start`.
    """

    def __init__(self, listen: Endpoint, routes: Mapping[str, Route]) -> None:
        self._listen = listen
        self._routes = routes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen.

        Raises:
            AdminError: the address cannot be bound.
        """
        host, port = parse_endpoint(self._listen)
        try:
            self._server = await asyncio.start_server(self._accept, host, port)
        except OSError as error:
            raise AdminError(f"admin.http {self._listen}: cannot be bound: {error.strerror or error}") from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MAXIMUM_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            pass  # hung up, too slow, not HTTP, or the node stops
        except Exception:
            logger.exception("a request failed")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16_384)
        while True:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await _next_request(connection, reader)
            if request is None:
                return
            path = request.target.decode("ascii", "replace").partition("?")[0]
            route = self._routes.get(path)
            if request.method not in (b"GET", b"HEAD"):
                await _answer(connection, writer, Page("text/plain", b"only GET\n", 405))
            elif route is None:
                known = "\n".join(sorted(self._routes))
                await _answer(connection, writer, Page("text/plain", f"not found; there is\n{known}\n".encode(), 404))
            elif route.events is not None:
                await _stream(connection, writer, route.events())
                return
            elif route.page is not None:
                await _answer(connection, writer, route.page(), with_body=request.method == b"GET")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _next_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None


async def _answer(
    connection: h11.Connection, writer: asyncio.StreamWriter, page: Page, *, with_body: bool = True
) -> None:
    headers = [
        ("content-type", page.content_type),
        ("content-length", str(len(page.body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ]
    writer.write(connection.send(h11.Response(status_code=page.status, headers=headers)) or b"")
    if with_body:
        writer.write(connection.send(h11.Data(data=page.body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _stream(connection: h11.Connection, writer: asyncio.StreamWriter, events: AsyncIterator[bytes]) -> None:
    headers = [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("connection", "close")]
    writer.write(connection.send(h11.Response(status_code=200, headers=headers)) or b"")
    with contextlib.suppress(ConnectionError):
        async for line in events:
            writer.write(connection.send(h11.Data(data=b"data: " + line.strip() + b"\n\n")) or b"")
            await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
