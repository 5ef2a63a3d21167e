"""Membership as one component: its machines, and what a process starts with."""

from coordfsm.kernel import Composition, Endpoint, Part
from coordfsm.protocols.membership.cut_detection.machine import CUT_DETECTOR
from coordfsm.protocols.membership.data import MembershipData
from coordfsm.protocols.membership.failure_detection.health import HEALTH
from coordfsm.protocols.membership.failure_detection.machine import DETECTOR, DETECTORS
from coordfsm.protocols.membership.founding.machine import FOUNDER
from coordfsm.protocols.membership.lifecycle.machine import LIFECYCLE
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.membership.view_change.catch_up import CATCH_UP
from coordfsm.protocols.membership.view_change.machine import VIEW_CHANGE

PARTS = (
    Part("lifecycle", LIFECYCLE),
    Part("catch_up", CATCH_UP),
    Part("view_change", VIEW_CHANGE),
    Part("cut", CUT_DETECTOR),
    Part("health", HEALTH),
    Part("detectors", DETECTOR, DETECTORS),
    Part("founder", FOUNDER),
)
"""In the order in which an input reaches them. The lifecycle knows the incarnation before the others recover; the
catch-up compares a message with the view as it was before that message could install the next."""

composition = Composition("membership", PARTS)


def initial(node: str, endpoint: Endpoint, settings: Settings | None = None) -> MembershipData:
    """The data of a process before its first input, which is `Recover`.

    Args:
        node: its stable id.
        endpoint: the address at which others reach it.
        settings: None for the defaults.
    """
    return MembershipData(node, endpoint, settings or Settings())
