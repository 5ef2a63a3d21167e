"""Who is let in: why a joiner is refused, how it proves its address, and how many may come in at once.

Every refusal has a reason; silence means a lost message, nothing else. A joiner that cannot be reached at the address
that it advertises would be a dead member from its first view on; so it counts only when it echoes what was sent there.
"""

from collections.abc import Iterable

from coordfsm.kernel import Endpoint, fingerprint
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


def challenge_of(view: View, coordinator: str, node: str, endpoint: Endpoint) -> str:
    """What a coordinator sends to a joiner's advertised address: 32 hexadecimal digits of XXH3-128.

    It follows from the view and from who asks, so that nobody has to remember which joiner was sent what. It tells a
    wrong address from a right one; it is no secret, and no defence against a joiner that lies.
    """
    return f"{fingerprint((view.id, coordinator, node, endpoint)):032x}"


def is_proven(request: JoinRequest, context: MembershipData) -> bool:
    """Whether the joiner echoes what this process, as the coordinator of its view, sends to its advertised address."""
    view, joiner = current_view(context), request.member
    return view is not None and request.challenge == challenge_of(view, context.node, joiner.node, joiner.endpoint)


def admitted_at_once(joiners: Iterable[Member], view: View, staying: int) -> tuple[Member, ...]:
    """Those joiners that the next view admits, sorted by node; the others wait for the view after it.

    They are fewer than the members that stay, so that these are a majority of the next view and can go on without
    them if need be. A single member has to take that risk: it admits one.
    """
    # The view's id is mixed in, so that no joiner is last for ever.
    order = sorted(joiners, key=lambda joiner: (fingerprint((view.id, joiner.node, joiner.incarnation)), joiner.node))
    return tuple(sorted(order[: max(1, staying - 1)], key=lambda joiner: joiner.node))
