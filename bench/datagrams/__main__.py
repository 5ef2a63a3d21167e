"""``python -m bench.datagrams``: how many datagrams a second of processor time a node carries.

The path is the one of every datagram: open the seal, decode the message, step the machines, encode what they send, seal
it. Each datagram is a probe of a member of a view of two, which is answered. First the path alone, in a loop; then a
node in a process of its own with its socket, event loop, counters and timers, bombarded from here. Figures are by
processor time, which other work on the machine changes less than the clock's.
"""

import argparse
import asyncio
import datetime as dt
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.datagrams.scene import KEY, LABEL, PATIENCE_S, Prober, Scene, joined
from bench.peers.store import machine
from coordfsm.kernel import Decoder, Received, Send, encode
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.host.assembly import union_of
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.machines import MACHINE, MESSAGES
from coordfsm_runtime.wire.datagram import Envelope, Frame, pack_frame, unpack_frame
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.transport import Transport, TransportSettings

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BEGIN, END = "<!-- datagrams: begin -->", "<!-- datagrams: end -->"
WINDOW = 256
"""Probes not yet answered: enough to keep a node busy, few enough to fit every buffer."""

LOST_S = 1.0
"""A probe that is not answered by then was dropped."""


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.datagrams", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--count", type=int, default=50_000, metavar="N", help="datagrams on each path (50000)")
    add("--out", type=Path, default=HERE / "results", help="where results.json and table.md go")
    add("--publish", type=Path, metavar="PAGE", help="also put the table into this Markdown page")
    add("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args(words)
    if given.count < WINDOW:
        parser.error(f"--count takes at least {WINDOW}")
    return given


def _timed(name: str, given: Sequence[Any], function: Callable[[Any], Any], parts: dict[str, float]) -> list[Any]:
    began = time.process_time()
    made = [function(item) for item in given]
    parts[name] = (time.process_time() - began) / len(given) * 1e6
    return made


def pure(scene: Scene, count: int) -> dict[str, Any]:
    """The path alone, part by part: microseconds of processor time a datagram."""
    endpoint = "127.0.0.1:9"
    prober = Prober(scene, scene.founder, scene.joiner, endpoint)
    datagrams = [prober.next() for _ in range(count)]
    envelope, decoder = Envelope(LABEL, Keyring((KEY,))), Decoder(union_of(MESSAGES))
    parts: dict[str, float] = {}
    frames = _timed("open the seal", datagrams, lambda datagram: unpack_frame(envelope.open(datagram)), parts)
    messages = _timed("decode", frames, lambda frame: decoder.decode(frame.content), parts)
    steps = _timed("step", messages, lambda message: MACHINE.step(scene.data, Received(endpoint, message, 0)), parts)
    answers = [effect.message for step in steps for effect in step.effects if isinstance(effect, Send)]
    if len(answers) != count:
        raise RuntimeError(f"{len(answers)} answers to {count} probes")
    contents = _timed("encode", answers, encode, parts)
    _timed("seal", contents, lambda content: envelope.close(pack_frame(Frame(endpoint, 0, 0, 1, content))), parts)
    return {"parts_us": parts, "per_second": 1e6 / sum(parts.values())}


def sockets(scene: Scene, target: str, process: int, count: int) -> dict[str, Any]:
    """A node on its socket: what of its processor time a datagram takes."""
    counters = Counters()
    own = Transport.open(TransportSettings("127.0.0.1:0", keys=(KEY,)), Decoder(union_of(MESSAGES)), counters)
    prober = Prober(scene, scene.joiner, scene.founder, own.endpoint)
    host, port = target.split(":")
    answered = 0

    def take(_sender: str, _message: object) -> bool:
        nonlocal answered
        answered += 1
        return True

    async def bombard() -> dict[str, Any]:
        own.start(take)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            sent, heard = 0, time.monotonic()
            before, began = _cpu_s(process), time.monotonic()
            while answered < count:
                known = answered
                while sent < answered + WINDOW:
                    out.sendto(prober.next(), (host, int(port)))
                    sent += 1
                await asyncio.sleep(0)
                now = time.monotonic()
                if answered > known:
                    heard = now
                elif now > heard + LOST_S:
                    raise RuntimeError(f"{sent - answered} of {sent} probes were not answered")
            cpu_s, took_s = _cpu_s(process) - before, time.monotonic() - began
        received = counters.total("datagrams_received")
        own.close()
        return {
            "answered": answered,
            "answers_per_datagram": answered / received,
            "cpu_us": cpu_s / answered * 1e6,
            "per_second": answered / cpu_s,
            "wall_per_second": answered / took_s,
        }

    return asyncio.run(bombard())


def _cpu_s(process: int) -> float:
    """Processor time of a process, seconds, to the nanosecond."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in _tasks(process)) / 1e9


def _tasks(process: int) -> list[Path]:
    return list(Path(f"/proc/{process}/task").iterdir())


def _measure(count: int) -> dict[str, Any]:
    (target,) = free_endpoints(1)
    command = [sys.executable, "-m", "bench.datagrams.scene", target]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        try:
            assert node.stdout is not None
            if node.stdout.readline().strip() != "ready":
                raise RuntimeError("the node did not start")

            async def meet() -> tuple[Scene, dict[str, Any]]:
                async with asyncio.timeout(PATIENCE_S + 120), joined(target) as scene:
                    # In a thread: the joined node must go on answering, or it would be taken for dead.
                    return scene, await asyncio.to_thread(sockets, scene, target, node.pid, count)

            scene, bombarded = asyncio.run(meet())
        finally:
            node.kill()
    return {"pure": pure(scene, count), "sockets": bombarded}


def table(found: dict[str, Any]) -> str:
    """Parts of the path, then both ways to run it."""
    where, alone, bombarded = found["machine"], found["pure"], found["sockets"]
    about = (
        f"Measured on {found['date']}: {where['processor']}, {where['cores']} cores, Python {where['python']}. "
        f"Command: `{found['command']}`."
    )
    shared = (
        f"On the socket {bombarded['answers_per_datagram']:.1f} answers shared a datagram, since those of one turn of "
        "the event loop to one address do. Every probe came in a datagram of its own, and all "
        f"{bombarded['answered']:,} were answered, {bombarded['wall_per_second']:,.0f} a second by the clock."
    )
    rows = {
        **alone["parts_us"],
        "**the path alone, in and out**": 1e6 / alone["per_second"],
        "**a node on its socket, in and out**": bombarded["cpu_us"],
    }
    lines = [
        *(about, "", "| | CPU µs a datagram | datagrams a second of a core |", "| --- | ---: | ---: |"),
        *(f"| {name} | {spent:.1f} | {1e6 / spent:,.0f} |" for name, spent in rows.items()),
        *("", shared, ""),
    ]
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, 1 a probe was not answered, 2 usage."""
    words = sys.argv[1:] if words is None else words
    given = _arguments(words)
    shown = [Path(word).name if "/" in word else word for word in words]
    try:
        measured = _measure(given.count)
    except (RuntimeError, TimeoutError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    found = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": shlex.join(["python", "-m", "bench.datagrams", *shown]),
        "machine": machine(),
        **measured,
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (given.out / "table.md").write_text(table(found))
    if given.publish:
        before, rest = given.publish.read_text().split(BEGIN, 1)
        given.publish.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{rest.split(END, 1)[1]}")
    print(json.dumps(found, indent=1) if given.json else table(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
