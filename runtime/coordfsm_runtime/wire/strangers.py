"""A budget for datagrams from addresses that nobody has proven to be a member's.

Opening a sealed datagram costs about ten times what reading it does. Anybody can send datagrams with a valid header,
so without a bound a flood of them takes the time in which members' probes should be answered, and members are
condemned. An address from which an authentic datagram came is known; the others share a budget, and what exceeds it
is dropped before it is opened. An attacker who forges a member's source address is bounded by the network, not here.
"""

from collections import OrderedDict

from coordfsm_runtime.wire.endpoint import Address

STRANGERS_PER_S = 2_000
"""Datagrams from unknown addresses that are opened, a second."""

BURST = 500
"""How many may come at once: a cluster that starts together."""

MAXIMUM_KNOWN = 8_192
"""Addresses that are remembered; the one that was silent longest goes first."""


class Strangers:
    """Who is known, and how many of the others may still be heard.

    Args:
        now_s: the time now, seconds on any monotonic clock.
    """

    def __init__(self, now_s: float) -> None:
        self._known: OrderedDict[Address, None] = OrderedDict()
        self._tokens = float(BURST)
        self._filled_s = now_s

    def note(self, source: Address) -> None:
        """An authentic datagram came from here."""
        self._known[source] = None
        self._known.move_to_end(source)
        if len(self._known) > MAXIMUM_KNOWN:
            self._known.popitem(last=False)

    def may_be_heard(self, source: Address, now_s: float) -> bool:
        """Whether to open a datagram from here; a stranger's uses up some of the budget."""
        if source in self._known:
            return True
        self._tokens = min(BURST, self._tokens + (now_s - self._filled_s) * STRANGERS_PER_S)
        self._filled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
