"""A budget for strangers: members are heard, whatever others send."""

import asyncio
import secrets
import socket

from runtime.ledger import MESSAGES, Deposit
from runtime.wire.test_transport import Inbox

from coordfsm.kernel import Decoder
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.wire.datagram import Envelope
from coordfsm_runtime.wire.endpoint import Address, parse_endpoint
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.strangers import BURST, MAXIMUM_KNOWN, STRANGERS_PER_S, Strangers
from coordfsm_runtime.wire.transport import Transport, TransportSettings

KEY = b"k" * 32


def address(number: int) -> Address:
    return Address("127.0.0.1", number)


def test_strangers_share_a_budget_and_who_is_known_is_always_heard():
    strangers = Strangers(0.0)
    strangers.note(address(1))
    heard = sum(strangers.may_be_heard(address(number), 0.0) for number in range(2, 10_000))
    assert heard == BURST
    assert strangers.may_be_heard(address(1), 0.0)
    assert sum(strangers.may_be_heard(address(2), 0.1) for _ in range(10_000)) == STRANGERS_PER_S // 10
    assert sum(strangers.may_be_heard(address(2), 99.0) for _ in range(10_000)) == BURST


def test_what_is_remembered_is_bounded_and_the_longest_silent_goes_first():
    strangers = Strangers(0.0)
    for number in range(MAXIMUM_KNOWN + 1):
        strangers.note(address(number))
        strangers.note(address(0))
    while strangers.may_be_heard(Address("127.0.0.2", 1), 0.0):
        pass
    assert strangers.may_be_heard(address(0), 0.0)
    assert not strangers.may_be_heard(address(1), 0.0)


def forged(count: int) -> list[bytes]:
    """Datagrams with a valid header and a wrong seal, each of another session."""
    real = Envelope("blue", Keyring((KEY,))).close(b"\x00" * 40)
    return [real[:10] + secrets.token_bytes(len(real) - 10) for _ in range(count)]


def test_a_flood_of_forged_datagrams_is_dropped_unopened_and_a_member_is_heard():
    async def story():
        decoder = Decoder(MESSAGES[0] | MESSAGES[1] | MESSAGES[2])
        counters, inbox = Counters(), Inbox()
        settings = TransportSettings("127.0.0.1:0", "", "blue", (KEY,))
        here, there = Transport.open(settings, decoder, Counters()), Transport.open(settings, decoder, counters)
        there.start(inbox)
        here.send(there.endpoint, Deposit(1, b"known from now on"))
        await inbox.wait(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagrams in [forged(100)] * 40:
                for datagram in datagrams:
                    stranger.sendto(datagram, parse_endpoint(there.endpoint))
                await asyncio.sleep(0)
        here.send(there.endpoint, Deposit(2, b"still heard"))
        await inbox.wait(2)
        dropped = counters.of("datagrams_dropped")
        assert dropped["too_many_strangers"] > 4 * dropped["forged"]
        here.close()
        there.close()

    asyncio.run(story())
