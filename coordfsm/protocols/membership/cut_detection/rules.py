"""Guards and actions of the cut detector: when is it certain enough who leaves and who joins?

For a subject with d monitors, H = max(1, ceil(0.7 d)) condemnations mean dead, from L = max(1, floor(0.3 d)) on it is
unstable. Accusations count towards L, too: they come before condemnations, and so hold a cut back until those arrive
that belong to it. A monitor that is condemned itself counts as condemning, since it can no longer speak; but only for a
subject that L others condemn: dead monitors alone prove nothing. A leaver still speaks for itself. Waiting until nobody
is unstable lets simultaneous crashes leave in one view change, as in Rapid (Suresh et al., ATC 2018). It avoids
conflicting proposals; safety never depends on it.
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Map, Notify, Raise, Received, SetTimer, Timer, TimerFired, Value
from coordfsm.protocols.membership.chain import is_member, without_lapse
from coordfsm.protocols.membership.cut_detection.admission import admitted_at_once, is_proven, refusal_of
from coordfsm.protocols.membership.data import CutData, MembershipData, current_view, identity_of, self_in, stamp_of
from coordfsm.protocols.membership.events import (
    AccusationMade,
    CutProposed,
    ProbeNow,
    ProposeCut,
    Reinforce,
    SelfLeaving,
    SubjectCondemned,
    SubjectExonerated,
    WithdrawCut,
)
from coordfsm.protocols.membership.evidence import (
    EVIDENCE,
    is_stale,
    looked_through,
    next_look,
    refreshed,
    settled,
    without,
    witnesses_against,
)
from coordfsm.protocols.membership.messages import (
    NO_CUT,
    Accusation,
    Condemnation,
    Cut,
    Exoneration,
    JoinRequest,
    LeaveRequest,
    MemberId,
)
from coordfsm.protocols.membership.stamps import is_current
from coordfsm.protocols.view import Member, View, ViewUnstable, majority, monitors, ring_order, subjects

Done = tuple[CutData, tuple[Effect, ...]]

BATCH = Timer("batch")
REINFORCE = Timer("reinforce")


class Assessment(NamedTuple):
    """What the evidence says of the members, by node."""

    dead: frozenset[str]
    unstable: frozenset[str]


def high_mark(count: int) -> int:
    """H for a subject with so many monitors: max(1, ceil(0.7 d))."""
    return max(1, -(-7 * count // 10))


def low_mark(count: int) -> int:
    """L for a subject with so many monitors: max(1, floor(0.3 d))."""
    return max(1, 3 * count // 10)


def assess(data: CutData, context: MembershipData) -> Assessment:
    """Who is dead and who unstable, in the current view. A process never counts itself dead."""
    view = current_view(context)
    if view is None:
        return Assessment(frozenset(), frozenset())
    dead: frozenset[str] = frozenset()
    while True:
        found = {node for node in data.condemning if _is_dead(data, context, view, node, dead)}
        if found <= dead:
            break
        dead |= found
    suspected = {*data.accusing, *data.condemning} - dead
    unstable = (node for node in suspected if _is_unstable(data, context, view, node))
    return Assessment(dead, frozenset(unstable))


def _condemning(data: CutData, context: MembershipData, view: View, node: str) -> tuple[frozenset[str], int]:
    watchers = monitors(view, node, context.settings.rings)
    return data.condemning.get(node, frozenset()) & frozenset(watchers), len(watchers)


def _is_dead(data: CutData, context: MembershipData, view: View, node: str, dead: frozenset[str]) -> bool:
    explicit, count = _condemning(data, context, view, node)
    if node == context.node or len(explicit) < low_mark(count):
        return False
    implicit = dead.intersection(monitors(view, node, context.settings.rings))
    return len(explicit | implicit) >= high_mark(count)


def _is_unstable(data: CutData, context: MembershipData, view: View, node: str) -> bool:
    watchers = monitors(view, node, context.settings.rings)
    against = witnesses_against(data, node) & frozenset(watchers)
    return len(against) >= low_mark(len(watchers)) and not against <= data.tolerated.get(node, frozenset())


def cut_of(data: CutData, context: MembershipData) -> Cut:
    """The cut that the evidence asks for now."""
    view = current_view(context)
    if view is None:
        return NO_CUT
    dead = assess(data, context).dead
    condemned = [identity_of(member) for member in view.members if member.node in dead]
    superseded = [member for member in view.members if member.node in data.joining and member.node not in dead]
    leaving = {member for member in data.leaving if member.node not in dead}
    leaving |= {identity_of(member) for member in superseded}
    staying = len(view.members) - len(condemned) - len(leaving)
    cut = Cut(tuple(condemned), tuple(sorted(leaving)), admitted_at_once(data.joining.values(), view, staying))
    return without_lapse(cut, view)


def acting_coordinator(view: View, context: MembershipData) -> Member:
    """Who is to be asked to join: the first in ring order that is not known dead or leaving, else the coordinator."""
    gone = assess(context.cut, context).dead | {member.node for member in context.cut.leaving}
    order = ring_order(view)
    return next((member for member in order if member.node not in gone), order[0])


def is_admissible(data: object, given: Received, context: MembershipData) -> bool:
    """A request to join this very view's successor, at its coordinator, from a proven address; no reason to refuse."""
    view, request = current_view(context), given.message
    assert isinstance(request, JoinRequest)
    return (
        view is not None
        and request.stamp == stamp_of(view)
        and is_proven(request, context)
        and refusal_of(request, context) is None
        and acting_coordinator(view, context).node == context.node
    )


# -- evidence ----------------------------------------------------------------------------------------------------


def _noted(data: CutData, given: Value, context: MembershipData) -> CutData:
    """The data with one more piece of evidence; the same data if it is none."""
    if isinstance(given, SubjectCondemned):
        return _speak_against(data, "condemning", context, given.subject, context.node)
    if isinstance(given, AccusationMade):
        return _speak_against(data, "accusing", context, given.subject, context.node)
    if isinstance(given, SubjectExonerated):
        return _exonerate(data, given.subject, context.node)
    if isinstance(given, SelfLeaving):
        return _leave(data, context)
    if isinstance(given, TimerFired):
        return looked_through(data, context)
    assert isinstance(given, Received)
    return _reported(data, given.message, context)


def _reported(data: CutData, message: Any, context: MembershipData) -> CutData:
    if isinstance(message, JoinRequest):
        node = message.member.node
        return replace(data, joining=data.joining.set(node, message.member), unrepeated=data.unrepeated - {node})
    if isinstance(message, Condemnation):
        return _speak_against(data, "condemning", context, message.subject, message.origin.node)
    if isinstance(message, Accusation):
        return _speak_against(data, "accusing", context, message.subject, message.origin.node)
    if isinstance(message, Exoneration):
        return _exonerate(data, message.subject, message.origin.node)
    assert isinstance(message, LeaveRequest)
    return replace(data, leaving=data.leaving | {message.origin})


def _speak_against(data: CutData, field: str, context: MembershipData, subject: MemberId, monitor: str) -> CutData:
    view = current_view(context)
    if view is None or not is_member(view, subject):
        return data
    if monitor not in monitors(view, subject.node, context.settings.rings):
        return data
    held: Map[str, frozenset[str]] = getattr(data, field)
    data = refreshed(data, subject.node, monitor)
    return replace(data, **{field: held.set(subject.node, held.get(subject.node, frozenset()) | {monitor})})


def _leave(data: CutData, context: MembershipData) -> CutData:
    view = current_view(context)
    return data if view is None else replace(data, leaving=data.leaving | {self_in(view, context)})


def _exonerate(data: CutData, subject: MemberId, monitor: str) -> CutData:
    node, said = subject.node, frozenset({monitor})
    accusing, condemning = without(data.accusing, node, said), without(data.condemning, node, said)
    return settled(replace(refreshed(data, node, monitor), accusing=accusing, condemning=condemning))


def is_news(data: CutData, given: Value, context: MembershipData) -> bool:
    """Evidence of the current view that was not known."""
    if isinstance(given, Received):
        sound = is_admissible if isinstance(given.message, JoinRequest) else is_current
        if not sound(data, given, context):
            return False
    return current_view(context) is not None and _noted(data, given, context) != data


def is_repeated(data: CutData, given: Received, context: MembershipData) -> bool:
    """A monitor stands by what it said before the last look."""
    message: Any = given.message
    field = data.accusing if isinstance(message, Accusation) else data.condemning
    known = message.origin.node in field.get(message.subject.node, frozenset())
    return known and is_stale(data, message.subject.node, message.origin.node) and is_current(data, given, context)


def keep(data: CutData, given: Received, context: MembershipData) -> Done:
    """It counts until the next look."""
    message: Any = given.message
    return refreshed(data, message.subject.node, message.origin.node), ()


def asks_again(data: CutData, given: Received, context: MembershipData) -> bool:
    """A joiner repeats the request that it made before the last look."""
    message: Any = given.message
    joiner = message.member
    is_due = joiner.node in data.unrepeated and data.joining.get(joiner.node) == joiner
    return is_due and is_admissible(data, given, context)


def keep_request(data: CutData, given: Received, context: MembershipData) -> Done:
    """It counts until the next look."""
    return _reported(data, given.message, context), ()


def lapses(data: CutData, given: Value, context: MembershipData) -> bool:
    """Something was not repeated since the last look."""
    return bool(data.stale or data.unrepeated)


def look(data: CutData, given: Value, context: MembershipData) -> Done:
    """All of it was said or repeated lately."""
    after = looked_through(data, context)
    return after, next_look(data, after, given, context)


def leaves_unstable(data: CutData, given: Value, context: MembershipData) -> bool:
    """With it, some member is neither well nor surely dead."""
    return bool(assess(_noted(data, given, context), context).unstable)


def leaves_cut(data: CutData, given: Value, context: MembershipData) -> bool:
    """With it, there is something to change."""
    return cut_of(_noted(data, given, context), context) != NO_CUT


def is_last(data: CutData, given: Value, context: MembershipData) -> bool:
    """There is nobody else: whoever leaves alone changes no view."""
    view = current_view(context)
    return view is not None and len(view.members) == 1


def _unstable_view(context: MembershipData) -> Effect:
    view = current_view(context)
    assert view is not None
    return Raise(ViewUnstable(view.id))


def note_and_wait(data: CutData, given: Value, context: MembershipData) -> Done:
    """Wait for more evidence, but not for ever."""
    waiting: tuple[Effect, ...] = ()
    if data.state != "unstable":
        view = current_view(context)
        assert view is not None
        # Crashes seldom come alone: look at all subjects now, so that those that belong together leave together.
        look = Raise(ProbeNow(subjects(view, context.node, context.settings.rings)))
        waiting = (CancelTimer(BATCH), SetTimer(REINFORCE, context.settings.reinforce_ms), look)
    after = _noted(data, given, context)
    return after, (*waiting, *next_look(data, after, given, context), _unstable_view(context))


def note_and_gather(data: CutData, given: Value, context: MembershipData) -> Done:
    """Nobody is unstable: give others a moment to join the same cut."""
    waiting: tuple[Effect, ...] = ()
    if data.state != "gathering":
        waiting = (CancelTimer(REINFORCE), SetTimer(BATCH, context.settings.batch_ms))
    after = _noted(data, given, context)
    return after, (*waiting, *next_look(data, after, given, context), _unstable_view(context))


def note_and_rest(data: CutData, given: Value, context: MembershipData) -> Done:
    """Nothing to change any more."""
    after = _noted(data, given, context)
    stop = (CancelTimer(REINFORCE), CancelTimer(BATCH), Raise(WithdrawCut()))
    return after, (*stop, *next_look(data, after, given, context))


# -- in time -----------------------------------------------------------------------------------------------------


def can_win(data: CutData, given: Value, context: MembershipData) -> bool:
    """The members that the cut does not condemn are a majority: a minority need not try, and had better not.

    What it would get its own few to accept would stay in the way when the others come back.
    """
    view = current_view(context)
    return view is not None and len(view.members) - len(cut_of(data, context).condemned) >= majority(view)


def wait_for_majority(data: CutData, given: Value, context: MembershipData) -> Done:
    """Look again later."""
    return data, (SetTimer(BATCH, context.settings.contact_ms),)


def propose(data: CutData, given: Value, context: MembershipData) -> Done:
    """The cut is ripe."""
    cut = cut_of(data, context)
    return data, (Notify(CutProposed(cut)), Raise(ProposeCut(cut)))


def is_unreinforced(data: CutData, given: Value, context: MembershipData) -> bool:
    """Some unstable member's monitors were not told yet to make up their mind."""
    return not assess(data, context).unstable <= data.reinforced


def reinforce(data: CutData, given: Value, context: MembershipData) -> Done:
    """Whoever misses an unstable member shall condemn it now."""
    view = current_view(context)
    assert view is not None
    unstable = assess(data, context).unstable
    lasting = tuple(identity_of(member) for member in view.members if member.node in unstable)
    return replace(data, reinforced=data.reinforced | unstable), (
        Raise(Reinforce(lasting)),
        SetTimer(REINFORCE, context.settings.reinforce_ms),
        _unstable_view(context),
    )


def has_cut(data: CutData, given: Value, context: MembershipData) -> bool:
    """There is something to change."""
    return cut_of(data, context) != NO_CUT


def _tolerating(data: CutData, context: MembershipData) -> CutData:
    tolerated = data.tolerated
    for node in sorted(assess(data, context).unstable):
        tolerated = tolerated.set(node, witnesses_against(data, node))
    return replace(data, tolerated=tolerated)


def tolerate(data: CutData, given: Value, context: MembershipData) -> Done:
    """Most monitors hear the unstable member: it stays, unless more condemn it."""
    return _tolerating(data, context), ()


def tolerate_and_gather(data: CutData, given: Value, context: MembershipData) -> Done:
    """The unstable member stays; the others' change goes on."""
    return _tolerating(data, context), (SetTimer(BATCH, context.settings.batch_ms),)


def begin_anew(data: CutData, given: Value, context: MembershipData) -> Done:
    """A new view: old evidence means nothing in it."""
    return CutData(state=data.state), (CancelTimer(BATCH), CancelTimer(REINFORCE), CancelTimer(EVIDENCE))
