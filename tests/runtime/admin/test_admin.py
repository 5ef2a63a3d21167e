"""The admin socket: answers, refusals, nonsense, watching, stale sockets."""

import asyncio
import contextlib
import socket
import threading
import tracemalloc
from contextlib import asynccontextmanager

import pytest

from coordfsm_runtime.admin.server import MAXIMUM_REQUEST_BYTES, AdminClient, AdminServer
from coordfsm_runtime.errors import AdminError


async def handle(command, arguments):
    if command == "add":
        return sum(arguments["numbers"])
    if command == "fail":
        return 1 // 0
    raise AdminError(f"unknown command {command!r}")


async def watch(*, serves):
    for number in range(3):
        yield {"event": number}


async def quiet(*, serves):
    await asyncio.sleep(3_600)
    yield {}


async def watched(path):
    """A server without events, and what its one watcher writes to."""
    server = AdminServer(path, handle, quiet)
    await server.start()
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"command": "watch"}\n')
    await writer.drain()
    return server, writer


@asynccontextmanager
async def serving(path):
    server = AdminServer(path, handle, watch)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def against_server(path, talk):
    async def run():
        async with serving(path):
            return await asyncio.to_thread(talk)

    return asyncio.run(run())


def test_answers_and_refusals(tmp_path):
    def talk():
        with AdminClient(tmp_path) as client:
            assert client.call("add", numbers=[1, 2]) == 3
            with pytest.raises(AdminError, match="unknown command 'dance'"):
                client.call("dance")
            with pytest.raises(AdminError, match="internal error: ZeroDivisionError"):
                client.call("fail")
            assert client.call("add", numbers=[]) == 0
        with AdminClient(tmp_path / "admin.sock") as client:
            assert list(client.watch()) == [{"event": 0}, {"event": 1}, {"event": 2}]

    against_server(tmp_path / "admin.sock", talk)
    assert not (tmp_path / "admin.sock").exists()


def test_nonsense_is_answered(tmp_path):
    path = tmp_path / "admin.sock"

    def talk():
        for nonsense in (
            b"hello\n",
            b"[]\n",
            b'{"command": 1}\n',
            b'{"command": "add", "arguments": 3}\n',
            b"[" * 9999 + b"\n",
        ):
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(path))
                raw.sendall(nonsense)
                assert raw.makefile("rb").readline().startswith(b'{"ok":false,"error":"expected ')

    against_server(path, talk)


def test_a_watcher_that_hangs_up_is_forgotten(tmp_path):
    async def run():
        server, writer = await watched(tmp_path / "admin.sock")
        await asyncio.sleep(0.05)
        assert len(server._connections) == 1
        writer.close()
        async with asyncio.timeout(10):
            while server._connections:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(0.01)
        await server.close()

    asyncio.run(run())


def test_nobody_there(tmp_path):
    with pytest.raises(AdminError, match="no node answers at"):
        AdminClient(tmp_path)


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(tmp_path):
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))

    async def run():
        async with serving(path):
            with pytest.raises(AdminError, match="another node listens"):
                await AdminServer(path, handle, watch).start()

    asyncio.run(run())


def test_a_node_that_stops_hangs_up(tmp_path):
    async def run():
        server = AdminServer(tmp_path / "admin.sock", handle, watch)
        await server.start()
        client = await asyncio.to_thread(AdminClient, tmp_path)
        await asyncio.to_thread(client.call, "add", numbers=[1])
        await server.close()
        with pytest.raises(AdminError, match="hung up"):
            await asyncio.to_thread(client.call, "add", numbers=[1])
        client.close()

    asyncio.run(run())
    assert threading.active_count() == 1


def test_a_line_that_is_too_long_is_told_and_ends_the_connection(tmp_path):
    def talk():
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(tmp_path / "admin.sock"))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                caller.sendall(b"x" * (MAXIMUM_REQUEST_BYTES + 70_000))
            answer = caller.recv(1_000)
        assert b"a request of more than 4,194,304 bytes, expected less" in answer
        with AdminClient(tmp_path) as client:
            assert client.call("add", numbers=[1]) == 1

    against_server(tmp_path / "admin.sock", talk)


def test_what_a_watcher_sends_is_not_kept(tmp_path):
    async def run():
        server, writer = await watched(tmp_path / "admin.sock")
        tracemalloc.start()
        for _ in range(320):
            writer.write(bytes(1 << 16))
            await writer.drain()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 8 << 20
        writer.close()
        await server.close()

    asyncio.run(run())
