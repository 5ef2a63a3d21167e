"""Operator's commands over the admin socket of real nodes: confirmations, epochs of tokens, what is refused."""

import asyncio
import json
import threading
import time
from contextlib import AsyncExitStack

import msgspec
import pytest

from coordfsm.cli.main import main
from coordfsm_runtime.admin.operations import Operations
from coordfsm_runtime.admin.server import AdminClient
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.node import ClusterNode
from tests.runtime.test_cluster_node import configs, formed


def with_two(tmp_path, talk):
    """What an operator does in a thread, with two nodes that listen on their admin sockets."""

    async def run():
        async with AsyncExitStack() as stack:
            nodes = []
            for made in configs(tmp_path, 2):
                config = msgspec.structs.replace(made, socket=made.data / "admin.sock")
                nodes.append(await stack.enter_async_context(ClusterNode(config)))
                operations = Operations(nodes[-1])
                await operations.start()
                stack.push_async_callback(operations.close)
            await formed(nodes)
            await asyncio.to_thread(talk, *(node.config.data for node in nodes))

    asyncio.run(run())


def test_an_application_behind_the_socket_confirms_that_it_stopped(tmp_path, capsys):
    def talk(first, second):
        with AdminClient(first) as asking, AdminClient(first) as serving:
            asking.call("create", entity="ship", payload="hull")
            serving._send("watch", {"serves": True})  # at once; `watch` would begin with the first event
            time.sleep(0.3)
            events = map(json.loads, serving._file)
            answers = []

            def migrate():
                with AdminClient(first) as client:
                    answers.append(client.call("migrate", entity="ship", destination="n2"))

            moving = threading.Thread(target=migrate, daemon=True)
            moving.start()
            frozen = next(event for event in events if event["type"] == "EntityFrozen")
            assert frozen["entity"] == "ship"
            assert asking.call("entities")[0]["state"] == "freezing"
            assert asking.call("status")["unconfirmed_stops"]["count"] == 1
            with pytest.raises(AdminError, match="no stop 99 of 'ship' waits for a confirmation"):
                asking.call("confirm-stopped", entity="ship", freeze=99)
            assert main(["confirm-stopped", "ship", "--freeze", str(frozen["freeze"]), "--socket", str(first)]) == 0
            moving.join(20)
            assert [answer["outcome"] for answer in answers] == ["COMMITTED"]
            with pytest.raises(AdminError, match="no stop of 'ship' waits for a confirmation"):
                asking.call("confirm-stopped", entity="ship")

    with_two(tmp_path, talk)


def test_a_token_older_than_is_known_is_refused_with_since(tmp_path, capsys):
    def move(source, destination, token, since):
        words = ["migrate", "ship", destination, "--token", token, "--json", "--socket", str(source)]
        code = main([*words, "--since", str(since)] if since else words)
        return code, json.loads(capsys.readouterr().out)["outcome"]

    def talk(first, second):
        with AdminClient(first) as asking:
            asking.call("create", entity="ship")
        assert move(first, "n2", "there", 1) == (0, "COMMITTED")
        assert move(second, "n1", "there", 1) == (0, "ALREADY_APPLIED")
        for number in range(17):
            source, destination = (second, "n1") if number % 2 == 0 else (first, "n2")
            assert move(source, destination, f"shuttle-{number}", number + 2) == (0, "COMMITTED")
        assert move(first, "n2", "there", 1) == (1, "TOKEN_EXPIRED")

    with_two(tmp_path, talk)


def test_who_does_not_want_to_wait_says_so(tmp_path, capsys):
    def talk(first, second):
        with AdminClient(first) as asking:
            asking.call("create", entity="ship")
            with pytest.raises(AdminError, match="migrate: wait is 1, expected true or false"):
                asking.call("migrate", entity="ship", destination="n2", wait=1)
        assert main(["migrate", "ship", "n2", "--no-wait", "--socket", str(first)]) == 0
        assert capsys.readouterr().out == "ship to n2: COMMITTED\n"

    with_two(tmp_path, talk)


def test_a_watcher_that_does_not_say_plainly_whether_it_serves_is_refused(tmp_path):
    def talk(first, second):
        with AdminClient(first) as asking:
            for serves in ("yes", 1, None, []):
                with pytest.raises(AdminError, match=r"watch: serves is .*, expected true or false"):
                    asking.call("watch", serves=serves)
            assert asking.call("status")["node"] == "n1"

    with_two(tmp_path, talk)
