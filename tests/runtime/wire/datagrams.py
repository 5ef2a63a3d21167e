"""Datagrams by the million at a node: what strangers send changes nothing, what members send raises nothing.

Run as a program for a million: ``python -m tests.runtime.wire.datagrams``. The suite runs some thousands.

The datagrams are real ones of a cluster, spoiled: bits flipped, cut, spliced, lengthened, header fields replaced, sent
again; and plain noise. Most are without the cluster's key. Some are sealed under it around spoiled messages: those
that decode are stepped on the data of a real member in many states.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from coordfsm.kernel import Decoder, Message, Received, encode
from coordfsm.protocols.node import decode_message
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.host.assembly import union_of
from coordfsm_runtime.machines import MACHINE, MESSAGES
from coordfsm_runtime.traces.restep import first_data, read_node_trace
from coordfsm_runtime.wire.datagram import Envelope, Frame, pack_frame
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.transport import Transport, TransportSettings
from tests.runtime.traces.test_trace_replay import live

KEY, LABEL = b"k" * 32, "harbor"
ENDPOINT = "127.0.0.1:9"


class Corpus(NamedTuple):
    """What a real cluster said and was.

    Attributes:
        messages: that were received, each once.
        states: data of its nodes, from their first input to their last.
    """

    messages: tuple[Message, ...]
    states: tuple[Any, ...]


def record() -> Corpus:
    """Two nodes form a cluster, host bubbles and move an entity."""
    with tempfile.TemporaryDirectory() as text:
        asyncio.run(live(Path(text)))
        runs = [run for name in ("n1", "n2") for run in read_node_trace(Path(text) / f"{name}.jsonl")]
    messages: dict[bytes, Message] = {}
    states = []
    for run in runs:
        data = first_data(run)
        for line in run.lines:
            if isinstance(line.given, Received):
                messages[encode(line.given.message)] = line.given.message
            data = MACHINE.step(data, line.given).data
            states.append(data)
    return Corpus(tuple(messages.values()), tuple(states))


def spoil(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """One of the ways in which bytes go wrong."""
    spoiled = bytearray(content)
    match chance.randrange(6):
        case 0:
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(spoiled))
                spoiled[place] ^= 1 << chance.randrange(8)
        case 1:
            del spoiled[chance.randrange(len(spoiled)) :]
        case 2:
            spoiled[chance.randrange(len(spoiled)) :] = other[chance.randrange(len(other)) :]
        case 3:
            spoiled += chance.randbytes(chance.randint(1, 40))
        case 4:
            start = chance.randrange(len(spoiled))
            spoiled[start : start + chance.randint(1, 8)] = chance.randbytes(chance.randint(0, 8))
        case _:
            spoiled[chance.randrange(len(spoiled))] = chance.choice((0, 1, 0x7F, 0x80, 0xC0, 0xDE, 0xFF))
    return bytes(spoiled)


def with_other_leaf(content: bytes, chance: random.Random) -> bytes:
    """A message in which one field, however deep, is another value of its kind."""
    tree = msgspec.msgpack.decode(content)
    place, leaf = tree, 0
    while True:
        leaf = chance.randrange(len(place))
        if not isinstance(place[leaf], list) or not place[leaf]:
            break
        place = place[leaf]
    match place[leaf]:
        case bool(value):
            place[leaf] = not value
        case int(value):
            place[leaf] = chance.choice((0, -1, value + 1, value - 1, 1 << 31, 1 << 63, -(1 << 63)))
        case str(value):
            place[leaf] = chance.choice(("", "n1", "n2", "x" * 300, value[::-1], "\x00", "127.0.0.1:0"))
        case bytes(value):
            place[leaf] = chance.choice((b"", value * 2, b"\xff" * 100))
        case _:
            place[leaf] = chance.choice((None, [], 0, ""))
    return msgspec.msgpack.encode(tree)


class Target:
    """A node's transport and machines, without a socket's delay.

    Attributes:
        delivered: messages that came through.
        outcomes: what became of the datagrams, by reason.
    """

    def __init__(self) -> None:
        self.delivered: list[Message] = []
        self.counters = Counters()
        settings = TransportSettings("127.0.0.1:0", ENDPOINT, LABEL, (KEY,))
        self.transport = Transport.open(settings, Decoder(union_of(MESSAGES)), self.counters)
        self.transport._deliver = lambda _, message: self.delivered.append(message) is None

    @property
    def outcomes(self) -> dict[str, int]:
        return self.counters.of("datagrams_dropped") | self.counters.of("refusals_received")


def strangers(corpus: Corpus, count: int, seed: int) -> Target:
    """Datagrams of people without the key.

    Raises:
        AssertionError: one was taken, or one is not accounted for.
    """
    chance = random.Random(seed)
    target = Target()
    sender = Envelope(LABEL, Keyring((KEY,)))
    real = [sender.close(pack_frame(Frame(ENDPOINT, 0, 0, 1, encode(message)))) for message in corpus.messages]
    other_key = Envelope(LABEL, Keyring((b"o" * 32,)))
    plain = Envelope(LABEL, None)
    for datagram in real:
        target.transport.take(datagram)  # taken once; every later copy is a replay
    assert len(target.delivered) == len(real)
    target.delivered.clear()
    for number in range(count):
        kind = chance.randrange(8)
        content = encode(chance.choice(corpus.messages))
        if kind == 0:
            datagram = chance.randbytes(chance.randint(0, 1_400))
        elif kind == 1:
            datagram = chance.choice(real)
        elif kind == 2:
            datagram = (other_key if number % 2 else plain).close(pack_frame(Frame(ENDPOINT, 0, 0, 1, content)))
        else:
            fresh = sender.close(pack_frame(Frame(ENDPOINT, 0, 0, 1, content)))
            datagram = spoil(fresh, chance.choice(real), chance)
            if datagram == fresh:
                continue
        target.transport.take(datagram)
    target.transport.close()
    assert target.delivered == [], target.delivered[0]
    handled = target.counters.of("datagrams_received")[""] - len(real)
    assert sum(target.outcomes.values()) == handled
    assert "internal_error" not in target.outcomes
    return target


def members(corpus: Corpus, count: int, seed: int) -> tuple[Target, int]:
    """Spoiled messages sealed by a member: whatever decodes is stepped, and steps raise nothing.

    Returns:
        The target, and how many messages decoded and were stepped.

    Raises:
        Exception: what a machine raised.
    """
    chance = random.Random(seed)
    target = Target()
    sender = Envelope(LABEL, Keyring((KEY,)))
    contents = [encode(message) for message in corpus.messages]
    stepped = 0
    for _ in range(count):
        real = chance.choice(contents)
        if chance.random() < 0.5:
            content, pieces = with_other_leaf(real, chance), 1
        else:
            content, pieces = spoil(real, chance.choice(contents), chance), chance.choice((1, 1, 1, 2, 3))
        frame = Frame(ENDPOINT, chance.randrange(4), chance.randrange(4), pieces, content)
        target.transport.take(sender.close(pack_frame(frame)))
        for message in target.delivered:
            assert decode_message(encode(message)) == message
            MACHINE.step(chance.choice(corpus.states), Received(ENDPOINT, message, 1))
            stepped += 1
        target.delivered.clear()
    target.transport.close()
    assert "internal_error" not in target.outcomes
    return target, stepped


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.runtime.wire.datagrams", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="datagrams in all (1,000,000)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    logging.getLogger("coordfsm_runtime").setLevel(logging.CRITICAL)
    began = time.monotonic()
    corpus = record()
    outside = strangers(corpus, given.count * 4 // 5, given.seed)
    inside, stepped = members(corpus, given.count // 5, given.seed)
    took = time.monotonic() - began
    sys.stdout.write(
        f"{given.count:,} datagrams in {took:.0f} s, seed {given.seed}, {len(corpus.messages)} real messages spoiled\n"
        f"without the key: none taken; dropped {_counts(outside.outcomes)}\n"
        f"under the key: {stepped:,} decoded and stepped, none raised; dropped {_counts(inside.outcomes)}\n"
    )
    return 0


def _counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in Counter(outcomes).most_common())


if __name__ == "__main__":
    sys.exit(main())
