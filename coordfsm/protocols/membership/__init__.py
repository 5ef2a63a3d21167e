"""Membership: who is in the cluster. Failure detector, cut detector, view change, catch-up, lifecycle."""

from coordfsm.protocols.membership.composition import PARTS, composition, initial
from coordfsm.protocols.membership.data import MembershipData
from coordfsm.protocols.membership.settings import Settings

__all__ = ["PARTS", "MembershipData", "Settings", "composition", "initial"]
