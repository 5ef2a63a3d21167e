"""Real sockets on loopback: what is sent arrives, what is wrong is counted, nothing raises."""

import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime.ledger import MESSAGES, Deposit, Question, Receipt

from coordfsm.kernel import Decoder, encode
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import ConfigurationError, EndpointError, MessageTooLargeError
from coordfsm_runtime.wire.datagram import Bundle, Envelope, Frame, pack_bundle, pack_frame
from coordfsm_runtime.wire.endpoint import format_endpoint, parse_endpoint, resolve_endpoint, split_endpoint
from coordfsm_runtime.wire.fragments import MAXIMUM_MESSAGE_BYTES
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.transport import DATAGRAM_BYTES, Transport, TransportSettings

KEY = b"k" * 32
DECODER = Decoder(MESSAGES[0] | MESSAGES[1] | MESSAGES[2])


class Inbox:
    """Collects what a transport delivers."""

    def __init__(self, room: int = 1_000) -> None:
        self.received = []
        self.room = room
        self.arrived = asyncio.Event()

    def __call__(self, sender, message) -> bool:
        if len(self.received) >= self.room:
            return False
        self.received.append((sender, message))
        self.arrived.set()
        return True

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.received) < count:
                self.arrived.clear()
                await self.arrived.wait()


def opened(**settings) -> tuple[Transport, Counters]:
    counters = Counters()
    return Transport.open(TransportSettings("127.0.0.1:0", **settings), DECODER, counters), counters


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["plain", "sealed"])
def test_messages_of_any_size_cross(keys):
    messages = [Question(), Deposit(7, b"small"), Deposit(8, bytes(range(256)) * 4_000)]

    async def story():
        (here, sent), (there, received) = opened(keys=keys), opened(keys=keys)
        inbox = Inbox()
        there.start(inbox)
        here.start(Inbox())  # for the receipts
        for message in messages:
            here.send(there.endpoint, message)
        await inbox.wait(3)
        async with asyncio.timeout(10):
            while len(here._flow):  # noqa: ASYNC110  (nothing tells of the last receipt)
                await asyncio.sleep(0.001)
        here.close()
        there.close()
        assert inbox.received == [(here.endpoint, message) for message in messages]
        assert sent.total("datagrams_sent") == received.total("datagrams_received") > 800
        assert sent.total("bytes_sent") <= sent.total("datagrams_sent") * DATAGRAM_BYTES
        assert received.of("datagrams_dropped") == {}
        assert received.of("messages_received") == {"Question": 1, "Deposit": 2}

    asyncio.run(story())


def test_a_message_over_the_limit_is_refused_and_nothing_is_sent():
    async def story():
        here, counters = opened()
        with pytest.raises(MessageTooLargeError):
            here.send(here.endpoint, Deposit(1, b"x" * (MAXIMUM_MESSAGE_BYTES + 1)))
        here.close()
        assert counters.total("datagrams_sent") == 0

    asyncio.run(story())


def test_wrong_addresses_are_counted_not_raised():
    async def story():
        here, counters = opened()
        for address in ("nowhere", "name.invalid:1", "127.0.0.1:99999", "[::1]:7", "127.0.0.1:0"):
            here.send(address, Question())
        here.close()
        assert counters.total("send_failed") == 5

    asyncio.run(story())


def test_each_kind_of_wrong_datagram_is_counted_by_its_reason():
    async def story():
        transport, counters = opened(keys=(KEY,), label="blue")
        inbox = Inbox(room=1)
        transport.start(inbox)
        blue, other = Envelope("blue", Keyring((KEY,))), Envelope("green", Keyring((KEY,)))
        good = blue.close(pack_frame(Frame("127.0.0.1:9", 0, 0, 1, encode(Question()))))
        transport.take(good)
        transport.take(good)
        transport.take(blue.close(pack_frame(Frame("127.0.0.1:9", 0, 0, 1, encode(Question())))))
        transport.take(blue.close(pack_frame(Frame("127.0.0.1:9", 0, 0, 1, b"\x93\xc1"))))
        transport.take(blue.close(pack_frame(Frame("somebody:9", 0, 0, 1, encode(Question())))))
        transport.take(blue.close(pack_frame(Frame("127.0.0.1:9", 5, 9, 3, b"x"))))
        transport.take(other.close(pack_frame(Frame("127.0.0.1:9", 0, 0, 1, encode(Question())))))
        transport.take(good[:-1] + bytes((good[-1] ^ 1,)))
        forged = blue.close(pack_frame(Frame("127.0.0.1:9", 0, 0, 1, encode(Question()))))
        transport.take(forged[:-1] + bytes((forged[-1] ^ 1,)))
        transport.take(b"GET / HTTP/1.1")
        transport.close()
        assert inbox.received == [("127.0.0.1:9", Question())]
        assert counters.of("datagrams_dropped") == {
            "forged": 1,
            "malformed": 2,
            "other_cluster": 1,
            "queue_full": 1,
            "replayed": 2,
            "unknown_message": 1,
            "unknown_version": 1,
        }

    asyncio.run(story())


@settings(max_examples=300)
@given(st.binary(max_size=200), st.booleans(), st.sampled_from([encode(Receipt(1)), encode(Deposit(2, b"z" * 40))]))
def test_authentic_junk_and_mutated_messages_raise_nothing(junk, splice, message):
    counters = Counters()
    transport = Transport.open(TransportSettings("127.0.0.1:0", keys=(KEY,)), DECODER, counters)
    try:
        content = message[: len(junk) % len(message)] + junk if splice else junk
        envelope = Envelope("coordfsm", Keyring((KEY,)))
        transport.take(envelope.close(content))
        transport.take(envelope.close(pack_frame(Frame("127.0.0.1:9", 1, 0, 1, content))))
        transport.take(envelope.close(pack_frame(Frame("127.0.0.1:9", 1, len(junk) % 3, 2, content))))
        transport.take(content)
        assert counters.of("datagrams_dropped").get("internal_error", 0) == 0
    finally:
        transport.close()


def test_messages_of_one_turn_share_datagrams_and_keep_their_order():
    async def story():
        (here, sent), (there, counters) = opened(keys=(KEY,)), opened(keys=(KEY,))
        inbox = Inbox()
        there.start(inbox)
        messages = [Deposit(number, b"x" * 300) for number in range(10)]
        for message in messages:
            here.send(there.endpoint, message)
        await inbox.wait(10)
        assert [message for _, message in inbox.received] == messages
        assert sent.total("messages_sent") == 10
        assert sent.total("datagrams_sent") == counters.total("datagrams_received") == 4
        assert counters.of("datagrams_dropped") == {}
        here.send(there.endpoint, Question())
        here.close()  # what was handed over before is sent
        await inbox.wait(11)
        there.close()

    asyncio.run(story())


def test_a_bad_message_does_not_take_its_bundle_with_it():
    transport, counters = opened(keys=(KEY,))
    inbox = Inbox()
    transport._deliver = inbox
    sender = Envelope("coordfsm", Keyring((KEY,)))
    good = encode(Question())
    transport.take(sender.close(pack_bundle(Bundle("127.0.0.1:9", (good, b"\x93\xc1", good)))))
    assert len(inbox.received) == 2
    assert counters.of("messages_dropped") == {"unknown_message": 1}
    assert counters.of("datagrams_dropped") == {}
    transport.take(sender.close(pack_bundle(Bundle("127.0.0.1:9", (good, good)))[:-1]))
    assert counters.of("datagrams_dropped") == {"truncated": 1}
    transport.close()


def test_only_pieces_that_are_kept_are_acknowledged():
    transport, counters = opened(keys=(KEY,))
    inbox = Inbox(room=0)
    transport._deliver = inbox
    sender, here = Envelope("coordfsm", Keyring((KEY,))), "127.0.0.1:9"
    content = encode(Deposit(1, b"xy"))

    def take(number: int, place: int, pieces: int, piece: bytes) -> list[tuple[int, int]]:
        transport.take(sender.close(pack_frame(Frame(here, number, place, pieces, piece))))
        return transport._receipts.pop(here, [])

    assert take(5, 0, 2, content[:4]) == [(5, 0)]
    assert take(5, 0, 2, b"else") == []  # contradicts what is held
    assert take(5, 1, 3, content[4:]) == []  # another number of pieces
    assert take(5, 1, 2, content[4:]) == []  # whole, and nobody has room for it
    inbox.room = 1
    assert take(5, 1, 2, content[4:]) == [(5, 1)]
    assert take(5, 1, 2, content[4:]) == [(5, 1)]  # the receipt was lost
    assert [message for _, message in inbox.received] == [Deposit(1, b"xy")]
    assert take(6, 0, 2, b"\x93") == [(6, 0)]
    assert take(6, 1, 2, b"\xc1") == [(6, 1)]  # no message, however often it is sent
    assert counters.of("datagrams_dropped") == {"malformed": 2, "queue_full": 1, "unknown_message": 1}
    transport.close()


def test_a_stranger_is_told_why_rarely_and_briefly():
    async def story():
        (member, told), (stranger, heard) = opened(keys=(KEY,)), opened(keys=(b"x" * 32,))
        member.start(Inbox())
        stranger.start(Inbox())
        for _ in range(20):
            stranger.send(member.endpoint, Question())
            await asyncio.sleep(0)  # a datagram of its own for each
        async with asyncio.timeout(10):
            while told.of("datagrams_dropped") != {"unknown_key": 20} or not heard.total("refusals_received"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert 1 <= heard.total("refusals_received") < 20
        assert heard.of("datagrams_dropped") == {}
        # A refusal is never answered, and nothing follows from a forged one.
        for code in range(256):
            member.take(bytes((1, 2, code)), parse_endpoint(stranger.endpoint))
        assert told.total("refusals_received") == 3
        assert set(told.of("refusals_sent")) == {"unknown_key"}
        member.close()
        stranger.close()

    asyncio.run(story())


def test_without_a_key_only_loopback_unless_told():
    counters = Counters()
    with pytest.raises(ConfigurationError, match=r"node\.listen is '0\.0\.0\.0:0', expected a loopback address"):
        Transport.open(TransportSettings("0.0.0.0:0"), DECODER, counters)
    reached = "192.0.2.1:7401"
    Transport.open(TransportSettings("0.0.0.0:0", reached, insecure=True), DECODER, counters).close()
    Transport.open(TransportSettings("0.0.0.0:0", reached, keys=(KEY,)), DECODER, counters).close()


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"])
def test_a_wildcard_needs_an_advertised_address(listen):
    with pytest.raises(
        ConfigurationError, match=r"node\.advertise is missing, expected the address that others send to"
    ):
        Transport.open(TransportSettings(listen, keys=(KEY,)), DECODER, Counters())


@pytest.mark.parametrize("advertise", ["0.0.0.0:7401", "[::]:7401", "[::ffff:0.0.0.0]:7401"])
def test_a_wildcard_is_never_advertised(advertise):
    with pytest.raises(ConfigurationError, match=r"node\.advertise is .*, expected an address of this machine"):
        Transport.open(TransportSettings("127.0.0.1:0", advertise), DECODER, Counters())


def test_an_address_in_use_is_a_configuration_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="can be bound"):
            Transport.open(TransportSettings(listen), DECODER, Counters())


def test_keys_are_replaced_while_running():
    async def story():
        (here, _), (there, counters) = opened(keys=(KEY,)), opened(keys=(KEY,))
        inbox = Inbox()
        there.start(inbox)
        new = b"n" * 32
        for transport, keys in (
            (here, (KEY, new)),
            (there, (KEY, new)),
            (here, (new, KEY)),
            (there, (new, KEY)),
            (here, (new,)),
            (there, (new,)),
        ):
            transport.replace_keys(keys)
            here.send(there.endpoint, Question())
            await inbox.wait(len(inbox.received) + 1)
        here.close()
        there.close()
        assert counters.of("datagrams_dropped") == {}

    asyncio.run(story())


def test_endpoints():
    assert format_endpoint(parse_endpoint("[::1]:80")) == "[::1]:80"
    assert resolve_endpoint("localhost:80") in ("127.0.0.1:80", "[::1]:80")
    for wrong in ("", ":1", "host", "host:", "host:x", "h:65536", "h" * 99 + ":1", "h:\u0661"):
        with pytest.raises(EndpointError):
            split_endpoint(wrong)
