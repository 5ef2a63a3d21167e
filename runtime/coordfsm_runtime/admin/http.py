"""A small HTTP server for people and monitors: GET only, every answer from memory. `h11` does the protocol.

It answers to names of this machine only: a page on the web could otherwise have its own name point here, and read the
state of the cluster through its visitor's browser. When all places are taken, who has waited longest without sending a
request makes room: slow callers cannot keep a supervisor from asking whether the node is well.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

import h11

from coordfsm.kernel import Endpoint
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.wire.endpoint import is_loopback_host, parse_endpoint

REQUEST_TIMEOUT_S = 10.0
MAXIMUM_CONNECTIONS = 64
MAXIMUM_STREAMS = 48
"""Of the connections, how many may be streams: they stay, and the rest is for questions."""

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
        hosts: further names under which it may be asked, besides loopback's and the bound address.

    Attributes:
        port: the bound port, after `start`.
    """

    def __init__(self, listen: Endpoint, routes: Mapping[str, Route], hosts: tuple[str, ...] = ()) -> None:
        self._listen = listen
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts), parse_endpoint(listen)[0]})
        self._idle: dict[asyncio.Task[None], None] = {}  # those that have sent no request, the oldest first
        self._streams = 0
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
            oldest = next(iter(self._idle), None)
            if oldest is None:
                writer.close()
                return
            del self._idle[oldest]
            oldest.cancel()
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            pass  # hung up, too slow, not HTTP, or the node stops
        except Exception:
            logger.exception("a request failed")
        finally:
            self._connections.discard(task)
            self._idle.pop(task, None)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16_384)
        task = asyncio.current_task()
        assert task is not None
        while True:
            self._idle[task] = None
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await _next_request(connection, reader)
            if request is None or self._idle.pop(task, False) is False:
                return
            path = request.target.decode("ascii", "replace").partition("?")[0]
            route = self._routes.get(path)
            refusal = self._refusal_of(request)
            if refusal is not None:
                await _answer(connection, writer, refusal)
                return
            if request.method not in (b"GET", b"HEAD"):
                await _answer(connection, writer, Page("text/plain", b"only GET\n", 405))
            elif route is None:
                known = "\n".join(sorted(self._routes))
                await _answer(connection, writer, Page("text/plain", f"not found; there is\n{known}\n".encode(), 404))
            elif route.events is not None and self._streams >= MAXIMUM_STREAMS:
                await _answer(connection, writer, Page("text/plain", b"too many streams; try again later\n", 503))
            elif route.events is not None:
                self._streams += 1
                try:
                    await _stream(connection, writer, route.events())
                finally:
                    self._streams -= 1
                return
            elif route.page is not None:
                await _answer(connection, writer, route.page(), with_body=request.method == b"GET")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    def _refusal_of(self, request: h11.Request) -> Page | None:
        """Why a request is not answered: it was sent to a name that is not this machine's."""
        named = [value for name, value in request.headers if name == b"host"]
        host = _host_of(named[0].decode("ascii", "replace")) if len(named) == 1 else ""
        if host in self._hosts or is_loopback_host(host):
            return None
        return Page("text/plain", b"not a name of this node; admin.http_hosts adds one\n", 403)


def _host_of(header: str) -> str:
    """The host in a ``Host`` header, without its port and the brackets of an IPv6 address."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


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
