"""Comparing a message's view with one's own: sound, behind, ahead, or of another lineage."""

from coordfsm.kernel import Received
from coordfsm.protocols.membership.chain import fits, is_member
from coordfsm.protocols.membership.data import MembershipData, current_view, stamp_of
from coordfsm.protocols.membership.messages import MemberMessage, ViewAccept, ViewPrepare
from coordfsm.protocols.view import rank

FOREIGN = "another lineage"
CONFLICT = "another view of the same number"
STRANGER = "sender is not a member of the view in this incarnation"
ILL_BALLOT = "ballot does not belong to the sender"
ILL_CUT = "cut does not fit the view"


def is_current(data: object, given: Received, context: MembershipData) -> bool:
    """The message is from a member of the current view and its ballot and cut are in order."""
    view = current_view(context)
    return view is not None and given.message.stamp == stamp_of(view) and fault_of(given, context) is None  # type: ignore[attr-defined]


def is_behind(data: object, given: Received, context: MembershipData) -> bool:
    """The sender lacks decisions that this process knows."""
    held = context.view_change
    if held.view is None:
        return False
    known = held.chain[-1].number + 1 if held.chain else held.view.number
    told = 0 if held.excluded is None else held.excluded.number
    stamp = _stamped(given).stamp
    return stamp.lineage == held.view.lineage and stamp.number < max(known, held.view.number, told)


def is_ahead(data: object, given: Received, context: MembershipData) -> bool:
    """The sender has installed a later view than this process, which is a member."""
    view = current_view(context)
    stamp = _stamped(given).stamp
    return view is not None and stamp.lineage == view.lineage and stamp.number > view.number


def is_unsound(data: object, given: Received, context: MembershipData) -> bool:
    """The message has no place in the current view."""
    return current_view(context) is not None and fault_of(given, context) is not None


def fault_of(given: Received, context: MembershipData) -> str | None:
    """Why a message that neither lags nor leads has no place in the current view; None: it has one."""
    view = current_view(context)
    message = _stamped(given)
    if view is None or message.stamp.lineage != view.lineage:
        return FOREIGN
    if message.stamp.number == view.number and message.stamp != stamp_of(view):
        return CONFLICT
    if not is_member(view, message.origin):
        return STRANGER
    if isinstance(message, ViewPrepare | ViewAccept) and rank(view, message.origin.node) != message.ballot.rank:
        return ILL_BALLOT
    if isinstance(message, ViewAccept) and not fits(view, message.cut):
        return ILL_CUT
    return None


def _stamped(given: Received) -> MemberMessage:
    assert isinstance(given.message, MemberMessage)
    return given.message
