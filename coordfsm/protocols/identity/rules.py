"""Guards and actions of the identity of a store.

Commits are counted on and on in one store, whatever boots there are. So a boot follows what was seen exactly if its
number is higher and it began with at least the commit that was seen; whatever else comes under the same name is a copy.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Map, Persist, Received, Send, SetTimer, Timer, Value, Write
from coordfsm.protocols.identity.data import IdentityData, Standing
from coordfsm.protocols.identity.messages import (
    BOOT_KEY,
    SEEN_PREFIX,
    BootRecord,
    OtherProcessFound,
    Sighting,
    SightingReply,
    SightingRequest,
    StaleCopyFound,
    Stamp,
    StampSeen,
    StoreConfirmed,
    StoreOpened,
    Superseded,
)
from coordfsm.protocols.view import View, member_of

Done = tuple[IdentityData, tuple[Effect, ...]]

SIGHTING = Timer("sighting")

ASK_MS = 100
"""Pause between two questions to a member that does not answer."""

FORMER_LIMIT = 256
"""Former members whose stores are remembered."""

ATTEMPTS = 10
"""Questions before a member's answer is waited for no longer: one second in all."""


def _message(given: Received) -> Any:
    return given.message


# -- starting ----------------------------------------------------------------------------------------------------


def is_alone(data: IdentityData, given: StoreOpened, context: Standing) -> bool:
    """There is no other member that could have seen the store."""
    return not _others(data, context)


def begin_alone(data: IdentityData, given: StoreOpened, context: Standing) -> Done:
    """Count this start, and act at once."""
    data, persist = _opened(data, given, context)
    return replace(data, outcome=StoreConfirmed(data.boot, ())), (persist,)


def ask(data: IdentityData, given: StoreOpened, context: Standing) -> Done:
    """Count this start, then ask all others of the view what they saw last of the store."""
    data, persist = _opened(data, given, context)
    data = replace(data, ask=data.ask.update(_others(data, context)), attempt=1)
    return data, (persist, *_questions(data, context))


def _others(data: IdentityData, context: Standing) -> dict[str, str]:
    members = context.view.members if context.view is not None else ()
    return {member.node: member.endpoint for member in members if member.node != data.node}


def _opened(data: IdentityData, given: StoreOpened, context: Standing) -> tuple[IdentityData, Persist]:
    records = {record.key: record.value for record in given.records}
    kept = records.get(BOOT_KEY)
    boot = kept.boot if isinstance(kept, BootRecord) else 0
    seen = {
        key.removeprefix(SEEN_PREFIX): value
        for key, value in records.items()
        if key.startswith(SEEN_PREFIX) and isinstance(value, Sighting)
    }
    found = (context.incarnation, boot, given.commit)
    data = replace(data, process=given.process, found=found, boot=boot + 1, seen=data.seen.update(seen))
    return data, Persist((Write(BOOT_KEY, BootRecord(boot + 1)),))


def _questions(data: IdentityData, context: Standing) -> tuple[Effect, ...]:
    question = SightingRequest(data.node, data.process)
    return (*(Send(data.ask[node], question) for node in sorted(data.ask)), SetTimer(SIGHTING, ASK_MS))


# -- answers -----------------------------------------------------------------------------------------------------


def is_of_this_start(data: IdentityData, given: Received, context: Standing) -> bool:
    """It answers a question of this very process, not of an earlier one."""
    return bool(_message(given).process == data.process)


def saw_newer(data: IdentityData, given: Received, context: Standing) -> bool:
    """Another member saw more of the store than is in it."""
    return _what_was_seen(given) > data.found


def _what_was_seen(given: Received) -> tuple[int, int, int]:
    reply = _message(given)
    return reply.incarnation, reply.boot, reply.commit


def stop_stale(data: IdentityData, given: Received, context: Standing) -> Done:
    """Never act on a store that is older than what was seen of it."""
    found = StaleCopyFound(_message(given).node, _what_was_seen(given), data.found)
    return replace(data, outcome=found), (CancelTimer(SIGHTING),)


def completes_answers(data: IdentityData, given: Received, context: Standing) -> bool:
    """With this answer, all others of the view have said what they saw."""
    return frozenset(data.ask) <= {_message(given).node}


def begin_confirmed(data: IdentityData, given: Received, context: Standing) -> Done:
    """All others have said that the store is as new as they know."""
    data, _ = note_answer(data, given, context)
    return replace(data, outcome=StoreConfirmed(data.boot, ())), (CancelTimer(SIGHTING),)


def note_answer(data: IdentityData, given: Received, context: Standing) -> Done:
    """One member less to wait for."""
    node = _message(given).node
    return (replace(data, ask=data.ask.delete(node)) if node in data.ask else data), ()


def may_ask_again(data: IdentityData, given: Value, context: Standing) -> bool:
    """Questions and answers may have been lost, or a member is just starting itself."""
    return data.attempt < ATTEMPTS


def ask_again(data: IdentityData, given: Value, context: Standing) -> Done:
    """Ask those again that have not answered."""
    data = replace(data, attempt=data.attempt + 1)
    return data, _questions(data, context)


def begin_unanswered(data: IdentityData, given: Value, context: Standing) -> Done:
    """Who cannot be reached must not keep a cluster from coming back: what it saw is compared once it is heard."""
    unheard = tuple(sorted(data.ask))
    return replace(data, ask=type(data.ask)(), outcome=StoreConfirmed(data.boot, unheard)), ()


def answer(data: IdentityData, given: Received, context: Standing) -> Done:
    """Say what was seen last of the asker's store."""
    question = _message(given)
    seen = data.seen.get(question.node)
    numbers = (0, 0, 0) if seen is None else (seen.incarnation, seen.boot, seen.commit)
    return data, (Send(given.sender, SightingReply(data.node, question.process, *numbers)),)


# -- what others' datagrams say ----------------------------------------------------------------------------------


def is_of_a_member(data: IdentityData, given: StampSeen, context: Standing) -> bool:
    """It is of another member of the view: no other stores are remembered."""
    member = None if context.view is None else member_of(context.view, given.stamp.node)
    return member is not None and member.node != data.node and member.incarnation == given.stamp.incarnation


def _seen(data: IdentityData, stamp: Stamp) -> Sighting | None:
    """What was seen before of the same incarnation."""
    seen = data.seen.get(stamp.node)
    return seen if seen is not None and seen.incarnation == stamp.incarnation else None


def follows(data: IdentityData, given: StampSeen, context: Standing) -> bool:
    """It is of the process that was seen last, or of a later one whose store contains all that was seen."""
    seen, stamp = _seen(data, given.stamp), given.stamp
    if seen is None or seen.process == stamp.process:
        return True
    return stamp.boot > seen.boot and stamp.since >= seen.commit


def note(data: IdentityData, given: StampSeen, context: Standing) -> Done:
    """Remember the newest that was seen."""
    assert context.view is not None
    seen, stamp = _seen(data, given.stamp), given.stamp
    # Datagrams overtake each other.
    commit = stamp.commit if seen is None or seen.process != stamp.process else max(seen.commit, stamp.commit)
    newest = Sighting(stamp.incarnation, stamp.boot, commit, stamp.process, given.sender, context.view.number)
    if newest == data.seen.get(stamp.node):
        return data, ()
    return replace(data, seen=_bounded(data.seen.set(stamp.node, newest), context.view)), ()


def _bounded(seen: Map[str, Sighting], view: View) -> Map[str, Sighting]:
    """Without those former members that were seen longest ago.

    A former member may come back with a copy that is older than what was seen of it, so they are kept for a while.
    """
    if len(seen) < len(view.members) + FORMER_LIMIT:
        return seen
    former = sorted((node for node in seen if member_of(view, node) is None), key=lambda node: (seen[node].view, node))
    for node in former[: max(0, len(former) - FORMER_LIMIT)]:
        seen = seen.delete(node)
    return seen


def has_same_boot(data: IdentityData, given: StampSeen, context: Standing) -> bool:
    """Two processes started from copies of one store: which one is right cannot be told."""
    seen = _seen(data, given.stamp)
    return seen is not None and seen.boot == given.stamp.boot


def stop_both(data: IdentityData, given: StampSeen, context: Standing) -> Done:
    """Tell both that there is another."""
    seen = data.seen[given.stamp.node]
    other = Superseded(data.node, seen.process, given.stamp.boot, given.stamp.commit)
    return data, (*stop_other(data, given, context)[1], Send(seen.endpoint, other))


def stop_other(data: IdentityData, given: StampSeen, context: Standing) -> Done:
    """Tell a process that its store is not the one that was seen last."""
    seen = data.seen[given.stamp.node]
    return data, (Send(given.sender, Superseded(data.node, given.stamp.process, seen.boot, seen.commit)),)


def stop_superseded(data: IdentityData, given: Received, context: Standing) -> Done:
    """Stop: another process has taken this one's place, or has seen a newer store."""
    told = _message(given)
    found = OtherProcessFound(told.node, (told.boot, told.commit), (data.boot, data.found[2]))
    return replace(data, outcome=found), (CancelTimer(SIGHTING),)
