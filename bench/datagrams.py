"""How many datagrams a second one node handles on one core: unsealed, decoded, stepped, answered, encoded, sealed.

``python -m bench.datagrams`` starts a node in a process of its own and asks it, over real sockets on loopback, whether
it is alive, as a monitor does, a window of questions at a time. It counts the answers and the node's processor seconds.
In the same run as many datagrams of the same sizes bounce off a process that only receives and sends: the share of the
system and of Python's sockets.
"""

import argparse
import asyncio
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordfsm.kernel import encode
from coordfsm.protocols.membership.messages import MemberId, Probe, Stamp
from coordfsm.protocols.node import decode_message
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.datagram import Bundle, Envelope, Frame, pack_frame, unpack_frame
from coordfsm_runtime.keyring import Keyring
from coordfsm_runtime.node import ClusterNode

ROOT = Path(__file__).parents[1]
KEY = b"k" * 32
PATIENCE_S = 1.0


async def run_node(directory: str) -> None:
    """The node that is asked. Says where it is, then what it has spent, once a line it reads."""
    async with ClusterNode(NodeConfig(name="n1", data=Path(directory), bootstrap=True, keys=(KEY,))) as node:
        view = await node.member()
        stamp = [view.lineage, view.number, view.id]
        print(json.dumps({"endpoint": node.endpoint, "stamp": stamp}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(spent()), flush=True)


def run_mirror() -> None:
    """A process that sends every datagram back."""
    mirror = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mirror.bind(("127.0.0.1", 0))
    print(json.dumps({"endpoint": "{}:{}".format(*mirror.getsockname())}), flush=True)
    mirror.settimeout(PATIENCE_S)
    while True:
        try:
            datagram, sender = mirror.recvfrom(65_536)
        except TimeoutError:
            print(json.dumps(spent()), flush=True)
            return
        mirror.sendto(datagram, sender)


def spent() -> float:
    """Processor seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def exchange(
    client: socket.socket,
    to: tuple[str, int],
    question: Callable[[], bytes],
    count: Callable[[bytes], int],
    seconds: float,
    window: int,
) -> int:
    """Keep a window of questions open; how many answers came.

    Args:
        client: the asker's socket.
        to: who is asked.
        question: makes one.
        count: how many answers a datagram holds.
        seconds: for how long.
        window: questions without an answer.
    """
    answers, unanswered, end = 0, 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        while unanswered < window:
            client.sendto(question(), to)
            unanswered += 1
        try:
            number = count(client.recv(65_536))
        except TimeoutError:  # some were lost: the window is open again
            unanswered = 0
            continue
        answers += number
        unanswered -= number
    return answers


def measure(seconds: float, window: int) -> dict[str, Any]:
    """Both figures: of the node, and of a mirror in its place."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    client.settimeout(PATIENCE_S)
    own = "{}:{}".format(*client.getsockname())
    sealing = Envelope("coordfsm", Keyring((KEY,)))
    with tempfile.TemporaryDirectory() as directory, _started("node", directory) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        message = Probe(Stamp(*told["stamp"]), MemberId("n2", 1), MemberId("n1", 1), 1)
        frame = pack_frame(Frame(own, 0, 0, 1, encode(message)))
        sizes: list[int] = []

        def count(datagram: bytes) -> int:
            sizes.append(len(datagram))
            answer = unpack_frame(sealing.open(datagram))
            contents = answer.messages if isinstance(answer, Bundle) else (answer.content,)
            assert all(type(decode_message(content)).__name__ == "ProbeAck" for content in contents)
            return len(contents)

        to = _address(told["endpoint"])
        exchange(client, to, lambda: sealing.close(frame), count, seconds / 4, window)
        sizes.clear()
        before, began = _spent_by(process), time.perf_counter()
        answers = exchange(client, to, lambda: sealing.close(frame), count, seconds, window)
        watched, cpu = time.perf_counter() - began, _spent_by(process) - before
    plain = bytes(len(sealing.close(frame)))
    with _started("mirror") as process:
        assert process.stdout is not None
        to = _address(json.loads(process.stdout.readline())["endpoint"])
        bounced = exchange(client, to, lambda: plain, lambda _: 1, seconds, window)
        mirror_cpu = float(process.stdout.readline())
    return {
        "questions_per_second": answers / watched,
        "questions_per_cpu_second": answers / cpu,
        "datagrams_out_per_question": len(sizes) / max(answers, 1),
        "question_bytes": len(plain),
        "mirror_datagrams_per_cpu_second": bounced / mirror_cpu,
    }


def _started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.datagrams", *words]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )


def _address(endpoint: str) -> tuple[str, int]:
    host, port = endpoint.split(":")
    return host, int(port)


def _spent_by(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    if sys.argv[1:2] == ["node"]:
        asyncio.run(run_node(sys.argv[2]))
        return
    if sys.argv[1:2] == ["mirror"]:
        run_mirror()
        return
    parser = argparse.ArgumentParser(prog="python -m bench.datagrams", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each is watched (4)")
    parser.add_argument("--window", type=int, default=128, help="questions without an answer (128)")
    given = parser.parse_args()
    print(json.dumps(measure(given.seconds, given.window), indent=1))


if __name__ == "__main__":
    main()
