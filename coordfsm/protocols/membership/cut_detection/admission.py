"""Why a joiner is refused. Every refusal has a reason; silence means a lost message, nothing else."""

from coordfsm.kernel import Endpoint
from coordfsm.protocols.membership.chain import newest
from coordfsm.protocols.membership.data import MembershipData, current_view, stamp_of
from coordfsm.protocols.membership.messages import JoinInquiry, JoinRequest
from coordfsm.protocols.view import Member, View, member_at, member_of

NOT_A_MEMBER = "not a member"
OTHER_LABEL = "other label"
BAD_ADDRESS = "bad address"
DUPLICATE_NODE = "duplicate node id"
STALE_INCARNATION = "stale incarnation"
SHARED_ADDRESS = "address of another joiner"

LONGEST_ADDRESS = 255


def is_address(endpoint: Endpoint) -> bool:
    """Whether a text may be an address: not empty, not too long, printable and without blanks."""
    return 0 < len(endpoint) <= LONGEST_ADDRESS and endpoint.isprintable() and " " not in endpoint


def refusal_of(request: JoinInquiry | JoinRequest, context: MembershipData) -> str | None:
    """The reason to refuse a joiner, None if there is none.

    A node id that is in use at another address is a duplicate. At the same address it is the same node come back
    without its memory: its former incarnation leaves in the cut in which the new one joins.
    """
    view = current_view(context)
    if view is None:
        return NOT_A_MEMBER
    if request.label != context.settings.label:
        return OTHER_LABEL
    if isinstance(request, JoinInquiry):
        return None
    return _refusal_in(view, request) or (SHARED_ADDRESS if shares_address(request.member, context) else None)


def shares_address(joiner: Member, context: MembershipData) -> bool:
    """Whether another node asked first to join at this address. A cut with both fits no view, and lets nobody in."""
    known = context.cut.joining.values()
    return any(other.endpoint == joiner.endpoint and other.node != joiner.node for other in known)


def _refusal_in(view: View, request: JoinRequest) -> str | None:
    joiner = request.member
    holder = member_at(view, joiner.endpoint)
    if not is_address(joiner.endpoint) or (holder is not None and holder.node != joiner.node):
        return BAD_ADDRESS
    held = member_of(view, joiner.node)
    if held is not None and held.endpoint != joiner.endpoint:
        return DUPLICATE_NODE
    if request.stamp == stamp_of(view) and joiner.incarnation <= newest(view, joiner.node):
        return STALE_INCARNATION
    return None
