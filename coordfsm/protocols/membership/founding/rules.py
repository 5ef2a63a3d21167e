"""Guards and actions of the founder: every seed must know of no cluster, or an operator must say that it is meant.

While it asks, a process answers others that ask the same with "about to found": so that of two that were told to found,
and have each other as seeds, at most one does.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Notify, Raise, Received, Send, SetTimer, Timer, Value
from coordfsm.protocols.membership.data import FounderData, MembershipData
from coordfsm.protocols.membership.events import (
    Bootstrap,
    CommandRefused,
    Found,
    FoundingBegun,
    FoundingDecided,
    FoundingRefused,
)
from coordfsm.protocols.membership.messages import FoundingAnswer, FoundingInquiry

Done = tuple[FounderData, tuple[Effect, ...]]

FOUNDING = Timer("founding")

NO_CLUSTER = "no cluster"
ABOUT_TO_FOUND = "about to found one"
A_CLUSTER = "a cluster"
"""What a seed can know. Only the first lets somebody found; any other text forbids it."""

IS_ASKING = "asking already"
IN_A_CLUSTER = "not possible while "
SILENT = "no answer"


def _message(given: Received) -> Any:
    return given.message


# -- asking ------------------------------------------------------------------------------------------------------


def is_in_no_cluster(data: FounderData, given: Found, context: MembershipData) -> bool:
    """The process is in no cluster and on its way into none."""
    return context.lifecycle.state == "detached"


def has_nobody_to_ask(data: FounderData, given: Found, context: MembershipData) -> bool:
    """No seeds are known: nobody can be reached."""
    return not given.seeds


def found_alone(data: FounderData, given: Found, context: MembershipData) -> Done:
    """Found at once."""
    decided = FoundingDecided(given.seeds, frozenset(), confirmed=given.confirmed)
    return data, (Notify(decided), Raise(Bootstrap(given.token)))


def ask_seeds(data: FounderData, given: Found, context: MembershipData) -> Done:
    """Ask every seed whether it knows of a cluster with this label."""
    data = FounderData(data.state, given.token, given.seeds, confirmed=given.confirmed, attempt=1)
    return data, (Notify(FoundingBegun(given.token)), *_ask(data, context))


def _ask(data: FounderData, context: MembershipData) -> tuple[Effect, ...]:
    silent = [seed for seed in data.seeds if seed not in data.answered]
    label, node = context.settings.label, context.node
    sends = (Send(seed, FoundingInquiry(label, node, data.token, seed)) for seed in silent)
    return (*sends, SetTimer(FOUNDING, context.settings.join_ms))


def refuse_to_ask(data: FounderData, given: Found, context: MembershipData) -> Done:
    """Say why nothing can be founded now."""
    reason = IS_ASKING if data.seeds else IN_A_CLUSTER + context.lifecycle.state
    return data, (Notify(CommandRefused("Found", reason)),)


def may_ask_again(data: FounderData, given: Value, context: MembershipData) -> bool:
    """Questions and answers may have been lost."""
    return data.attempt < context.settings.join_attempts


def ask_silent_seeds(data: FounderData, given: Value, context: MembershipData) -> Done:
    """Ask those again that have not answered."""
    data = replace(data, attempt=data.attempt + 1)
    return data, _ask(data, context)


# -- deciding ----------------------------------------------------------------------------------------------------


def is_of_this_founding(data: FounderData, given: Received, context: MembershipData) -> bool:
    """It answers a question of this very founding, not one of an earlier start."""
    return bool(_message(given).token == data.token and _message(given).asked in data.seeds)


def knows_of_a_cluster(data: FounderData, given: Received, context: MembershipData) -> bool:
    """There is a cluster with this label, or somebody is about to found one."""
    return bool(_message(given).knows != NO_CLUSTER)


def refuse_for_a_cluster(data: FounderData, given: Received, context: MembershipData) -> Done:
    """Found nothing, and say where the cluster answers."""
    refused = FoundingRefused(_message(given).knows, (_message(given).asked,))
    return FounderData(data.state), (CancelTimer(FOUNDING), Notify(refused))


def note_answer(data: FounderData, given: Received, context: MembershipData) -> Done:
    """One more seed that knows of none."""
    return replace(data, answered=data.answered | {_message(given).asked}), ()


def completes_answers(data: FounderData, given: Received, context: MembershipData) -> bool:
    """With this answer, all seeds have said that they know of none."""
    return data.answered | {_message(given).asked} >= frozenset(data.seeds)


def found(data: FounderData, given: Received, context: MembershipData) -> Done:
    """Nobody knows of a cluster: found one."""
    return _decided(note_answer(data, given, context)[0])


def is_confirmed(data: FounderData, given: Value, context: MembershipData) -> bool:
    """An operator said that a cluster is to be founded although seeds are silent."""
    return data.confirmed


def found_unanswered(data: FounderData, given: Value, context: MembershipData) -> Done:
    """Found one, as the operator's word demands."""
    return _decided(data)


def _decided(data: FounderData) -> Done:
    decided = FoundingDecided(data.seeds, data.answered, confirmed=data.confirmed)
    return FounderData(data.state), (CancelTimer(FOUNDING), Notify(decided), Raise(Bootstrap(data.token)))


def refuse_for_silence(data: FounderData, given: Value, context: MembershipData) -> Done:
    """Found nothing: whether there is a cluster cannot be told."""
    silent = tuple(seed for seed in data.seeds if seed not in data.answered)
    return FounderData(data.state), (Notify(FoundingRefused(SILENT, silent)),)


# -- answering ---------------------------------------------------------------------------------------------------


def has_this_label(data: FounderData, given: Received, context: MembershipData) -> bool:
    """The cluster to be founded would have this process's label."""
    return bool(_message(given).label == context.settings.label)


def answer(data: FounderData, given: Received, context: MembershipData) -> Done:
    """Say what this process knows."""
    message = _message(given)
    reply = FoundingAnswer(message.label, message.token, message.asked, _known(data, message.token, context))
    return data, (Send(given.sender, reply),)


def _known(data: FounderData, token: str, context: MembershipData) -> str:
    if context.view_change.view is not None or context.lifecycle.joins is not None:
        return A_CLUSTER
    # A process may have itself among its seeds, under another address.
    return ABOUT_TO_FOUND if data.seeds and data.token != token else NO_CLUSTER
