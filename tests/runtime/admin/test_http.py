"""The HTTP server: pages, streams, and what is not HTTP."""

import asyncio
import contextlib
import http.client
import socket
import time

from coordfsm_runtime.admin.http import MAXIMUM_CONNECTIONS, MAXIMUM_STREAMS, HttpServer, Page, Route
from coordfsm_runtime.admin.metrics import exposition
from coordfsm_runtime.counters import Counters


async def ticks():
    for number in range(2):
        yield b'{"tick": %d}\n' % number


async def endless():
    while True:
        yield b"{}\n"
        await asyncio.sleep(0.05)


ROUTES = {"/status": Route(lambda: Page("application/json", b"{}")), "/events": Route(events=ticks)}


def get(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    answer = response.status, response.headers["content-type"], response.read()
    connection.close()
    return answer


def with_server(talk, hosts=()):
    async def run():
        server = HttpServer("127.0.0.1:0", ROUTES | {"/endless": Route(events=endless)}, hosts)
        await server.start()
        try:
            await asyncio.to_thread(talk, server.port)
        finally:
            await server.close()

    asyncio.run(run())


def test_pages_streams_and_refusals():
    def talk(port):
        assert get(port, "/status") == (200, "application/json", b"{}")
        assert get(port, "/status?x=1", "HEAD") == (200, "application/json", b"")
        assert get(port, "/events") == (200, "text/event-stream", b'data: {"tick": 0}\n\ndata: {"tick": 1}\n\n')
        assert get(port, "/nothing") == (404, "text/plain", b"not found; there is\n/endless\n/events\n/status\n")
        assert get(port, "/status", "POST")[0] == 405

    with_server(talk)


def test_one_connection_serves_several_requests():
    def talk(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(3):
            connection.request("GET", "/status")
            assert connection.getresponse().read() == b"{}"
        connection.close()

    with_server(talk)


def test_nonsense_closes_the_connection_only():
    def talk(port):
        async def nonsense():
            for junk in (b"\x00\xff" * 99 + b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 99_999):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(junk)
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(), 10) == b""
                writer.close()

        asyncio.run(nonsense())
        assert get(port, "/status")[0] == 200

    with_server(talk)


def test_metrics_text():
    counters = Counters()
    counters.add("datagrams_dropped", 'a "b"\n')
    counters.add("datagrams_sent", amount=3)
    counters.observe("commit", 0.7)
    counters.observe("commit", 9_999)
    text = exposition(counters, {"members": (3, "Members of the view.")}).splitlines()
    assert 'coordfsm_datagrams_dropped_total{reason="a \\"b\\"\\n"} 1' in text
    assert "coordfsm_datagrams_sent_total 3" in text
    assert 'coordfsm_commit_seconds_bucket{le="0.0005"} 0' in text
    assert 'coordfsm_commit_seconds_bucket{le="0.001"} 1' in text
    assert 'coordfsm_commit_seconds_bucket{le="+Inf"} 2' in text
    assert "coordfsm_commit_seconds_count 2" in text
    assert text[-1] == "coordfsm_members 3"
    names = [line.split()[2] for line in text if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def asked(port: int, *headers: str) -> int:
    """The status of a request with these headers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall("\r\n".join(("GET /status HTTP/1.1", *headers, "", "")).encode())
        return int(caller.recv(4_096).split()[1])


def test_only_names_of_this_machine_are_answered():
    def talk(port):
        for host in ("localhost", "LOCALHOST:1", f"127.0.0.1:{port}", "127.8.9.10", "[::1]:80", "inside.example"):
            assert asked(port, f"Host: {host}") == 200, host
        for host in ("evil.example", "evil.example:80", "", "10.0.0.1", "localhost.evil.example", "127.0.0.1.x"):
            assert asked(port, f"Host: {host}") == 403, host

    with_server(talk, hosts=("inside.example",))


def test_slow_callers_make_room_for_one_that_asks():
    def talk(port):
        slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(MAXIMUM_CONNECTIONS + 20)]
        for caller in slow[::2]:
            with contextlib.suppress(OSError):
                caller.sendall(b"GET /status HTTP/1.1\r\nHost: local")
        began = time.monotonic()
        assert get(port, "/status") == (200, "application/json", b"{}")
        assert time.monotonic() - began < 2
        for caller in slow:
            caller.close()

    with_server(talk)


def test_streams_leave_room_for_questions():
    def talk(port):
        streams = []
        for _ in range(MAXIMUM_STREAMS + 5):
            stream = socket.create_connection(("127.0.0.1", port), timeout=10)
            stream.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            streams.append((stream, int(stream.recv(100).split()[1])))
        assert [status for _, status in streams] == [200] * MAXIMUM_STREAMS + [503] * 5
        assert get(port, "/status")[0] == 200
        for stream, _ in streams:
            stream.close()

    with_server(talk)
