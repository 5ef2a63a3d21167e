"""Numbers at the end of what the codec holds, sealed by a member: counted, dropped, and no node ends."""

import pytest

from coordfsm.kernel import LARGEST_NUMBER, encode
from coordfsm.protocols.membership.messages import Accusation, MemberId, Rebuttal, Stamp
from coordfsm_runtime.wire.datagram import Envelope, Frame, pack_frame
from coordfsm_runtime.wire.keyring import Keyring
from tests.runtime.wire.datagrams import ENDPOINT, KEY, LABEL, Target

STAMP, SENDER = Stamp("lineage", 1, "view"), MemberId("n1", 1)


@pytest.mark.parametrize(
    "message",
    [
        Rebuttal(STAMP, SENDER, (1 << 64) - 1),
        Rebuttal(STAMP, SENDER, LARGEST_NUMBER + 1),
        Rebuttal(Stamp("lineage", -(1 << 63), "view"), SENDER, 1),
        Accusation(STAMP, MemberId("n1", 1 << 63), SENDER, 1),
        Rebuttal(Stamp("l" * 5_000, 1, "view"), SENDER, 1),
        Rebuttal(STAMP, MemberId("n1\x1b[2J", 1), 1),
    ],
)
def test_a_field_beyond_its_limits_is_dropped_and_counted(message):
    target = Target()
    target.transport.take(Envelope(LABEL, Keyring((KEY,))).close(pack_frame(Frame(ENDPOINT, 0, 0, 1, encode(message)))))
    assert target.delivered == []
    assert target.outcomes == {"out_of_range": 1}
    target.transport.close()


def test_a_field_at_its_limit_is_taken():
    target = Target()
    message = Rebuttal(STAMP, SENDER, LARGEST_NUMBER)
    target.transport.take(Envelope(LABEL, Keyring((KEY,))).close(pack_frame(Frame(ENDPOINT, 0, 0, 1, encode(message)))))
    assert target.delivered == [message]
    target.transport.close()
