"""Guards and actions of the lifecycle, on the way in and out again: a joiner that changes its mind.

Its request may have been granted already, and a view of two that one of them never enters can decide nothing any more.
So it asks until it knows: it enters and leaves like any member, or learns that the view was decided without it.
Its patience is bounded like that of a leaver (decision 0104).
"""

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Notify, Received, Send, SetTimer, Timer, Value
from coordfsm.protocols.membership.data import LifecycleData, MembershipData
from coordfsm.protocols.membership.events import Excluded, MemberLeaving
from coordfsm.protocols.membership.lifecycle.joining import (
    JOIN,
    REJOIN,
    directed,
    known_seeds,
    persist_identity,
    request_to_join,
)
from coordfsm.protocols.membership.messages import JoinInquiry

Done = tuple[LifecycleData, tuple[Effect, ...]]

LEAVE = Timer("leave")


def may_have_been_admitted(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """A request to join left this process, and what became of it is not known."""
    return data.joins is not None


def withdraw(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Find out first."""
    data = replace(data, leaves=True, attempt=0)
    stop = (CancelTimer(JOIN), CancelTimer(REJOIN))
    return data, (persist_identity(data), Notify(MemberLeaving()), *stop, *_ask(data, context))


def resume_withdrawing(data: LifecycleData, given: Excluded, context: MembershipData) -> Done:
    """Restarted while withdrawing a request to come back: it may have been granted meanwhile."""
    data = replace(data, seeds=known_seeds(given.view, context), attempt=0)
    return data, _ask(data, context)


def _ask(data: LifecycleData, context: MembershipData) -> tuple[Effect, ...]:
    # After a restart nobody knows any more who was asked.
    asked = (Send(data.target, request_to_join(data, context)),) if data.target else ()
    # The coordinator that was asked may be gone: the seeds know its successor.
    seed = data.seeds[data.attempt % len(data.seeds)] if data.seeds else ""
    inquiry = (Send(seed, JoinInquiry(context.settings.label, context.node)),) if seed else ()
    return *asked, *inquiry, SetTimer(LEAVE, context.settings.leave_ms)


def may_withdraw_again(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """Still worth asking."""
    return data.attempt + 1 < context.settings.leave_attempts


def withdraw_again(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Ask again."""
    data = replace(data, attempt=data.attempt + 1)
    return data, _ask(data, context)


def ask_there(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Another coordinator, or a view that has this process: the answer is there."""
    data = directed(data, given)
    return data, (Send(data.target, request_to_join(data, context)),)
