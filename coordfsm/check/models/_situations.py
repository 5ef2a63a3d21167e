"""The situations of a process, and the inputs that lead to each: `membership_told` begins there."""

from msgspec.structs import replace

from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Input, Received, Recover, Timer, TimerFired, Write
from coordfsm.protocols.membership.chain import decision_of, next_view
from coordfsm.protocols.membership.cut_detection.admission import challenge_of
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord, chain_key, stamp_of
from coordfsm.protocols.membership.events import ContactDoubted, Found, Join, Leave
from coordfsm.protocols.membership.messages import (
    NO_CUT,
    Accusation,
    Ballot,
    Cut,
    JoinRedirect,
    JoinRequest,
    LeaveRequest,
    MemberId,
    ProbeAck,
    Stamp,
    ViewAccepted,
    ViewDecision,
    ViewPrepare,
)
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.view import Member, View, ring_order

VIEW = first_view(3)
ME, NEXT, LAST = (member.node for member in ring_order(VIEW))
"""The process is the coordinator of the first view."""

JOINER = Member("j", 2, "j")
LABEL = "cluster"
SETTINGS = Settings(
    takeover_ms=0, missed_limit=3, recovery_acks=1, contact_attempts=1, leave_attempts=2, join_attempts=2
)

WITHOUT_ME = Cut(leaving=(MemberId(ME, 1),))
WITHOUT_LAST = Cut(leaving=(MemberId(LAST, 1),))
WITH_JOINER = Cut(joining=(JOINER,))
STAMP, FROM = stamp_of(VIEW), MemberId(NEXT, 1)
EARLIER, LATER = Stamp(VIEW.lineage, 0, ""), Stamp(VIEW.lineage, 9, "f" * 32)
FOREIGN = Stamp("alien", 1, "f" * 32)
STRANGER = MemberId("x", 1)


def renewed(view: View) -> View:
    """The view after it, in which this process is anew."""
    following = next_view(view, NO_CUT)
    members = (*(member for member in following.members if member.node != ME), Member(ME, 2, ME))
    return replace(following, members=tuple(sorted(members, key=lambda member: member.node)))


Script = tuple[Input, ...]

# -- steps on the way -----------------------------------------------------------------------------------------------


def fired(*timers: str, subject: str = "") -> Script:
    """These timers, one after the other."""
    return tuple(TimerFired(Timer(kind, subject)) for kind in timers)


def _leaves(node: str) -> Script:
    return (Received(node, LeaveRequest(STAMP, MemberId(node, 1))),)


ASKED: Script = (Join((NEXT,)), Received(NEXT, JoinRedirect(LABEL, STAMP, NEXT, 0)))
EXCLUSION = decision_of(VIEW, WITHOUT_ME)
OUT: Script = (Received(NEXT, ViewDecision(stamp_of(next_view(VIEW, WITHOUT_ME)), FROM, (EXCLUSION,))),)
BACK: Script = (*OUT, *fired("rejoin"), Received(NEXT, JoinRedirect(LABEL, stamp_of(renewed(VIEW)), NEXT, 1)))
CUT_OFF: Script = (ContactDoubted(), *fired("contact"))
PROMISED: Script = (Received(NEXT, ViewPrepare(STAMP, FROM, Ballot(1, 1))),)
RIPE: Script = (*_leaves(LAST), *fired("batch"))
ADMITTED: Script = (
    Received(JOINER.node, JoinRequest(LABEL, STAMP, JOINER, challenge_of(VIEW, ME, JOINER.node, JOINER.endpoint))),
    *fired("batch"),
)
VOTED: Script = (Received(NEXT, ViewAccepted(STAMP, FROM, Ballot(0, 0))),)
HEARD: Script = (Received(NEXT, ProbeAck(STAMP, FROM, 0, 0)),)
MISSED_ONCE: Script = fired("probe", "probe_late", subject=LAST)
MISSED: Script = (*MISSED_ONCE, *fired("probe_late", subject=LAST), *HEARD)
ACCUSED: Script = (*MISSED, *fired("probe_late", subject=LAST))
TOLD: Script = (Received(NEXT, Accusation(STAMP, FROM, MemberId(LAST, 1), 0)),)
TOLERATED: Script = (*TOLD, *fired("reinforce", "reinforce"))

# -- where it is ----------------------------------------------------------------------------------------------------

OUTSIDE: dict[str, Script] = {
    "detached": (),
    "asking seeds": (Found("token", (NEXT, LAST)),),
    "seeking": ASKED[:1],
    "waiting": ASKED,
    "withdrawing": (*ASKED, Leave()),
    "seeking after a request": (*ASKED, *fired(*("join",) * SETTINGS.join_attempts)),
}
INSIDE: dict[str, Script] = {
    "member": (),
    "wedged": CUT_OFF,
    "leaving": (Leave(),),
    "retiring": (Leave(), *OUT),
    "shunned": OUT,
    "seeking again": BACK[:2],
    "waiting again": BACK,
    "withdrawing again": (*BACK, Leave()),
    "gathering": RIPE[:1],
    "accepting": RIPE,
    "accepting, wedged": (*RIPE, *CUT_OFF),
    "installed": (*RIPE, *VOTED),
    "installed, wedged": (*RIPE, *VOTED, *CUT_OFF),
    "installed with a joiner": (*ADMITTED, *VOTED),
    "preparing": (*PROMISED, *RIPE, *fired("takeover")),
    "preparing, wedged": (*PROMISED, *RIPE, *fired("takeover"), *CUT_OFF),
    "missing all": (*MISSED_ONCE, *fired("probe", "probe_late", subject=NEXT), *fired("probe_late", subject=LAST)),
    "missing one": MISSED,
    "missing one that is accused": (*MISSED_ONCE, *TOLD),
    "missing one while gathering": (*_leaves(NEXT), *MISSED),
    "missing one while ripe": (*_leaves(NEXT), *fired("batch"), *MISSED),
    "accusing": ACCUSED,
    "accusing, wedged": (*ACCUSED, *CUT_OFF),
    "told while gathering": (*_leaves(NEXT), *TOLD),
    "accusing while gathering": (*_leaves(NEXT), *ACCUSED),
    "condemning": (*ACCUSED, *fired("rebuttal", subject=LAST)),
    "tolerating": TOLERATED,
    "tolerating and gathering": (*TOLERATED, *_leaves(NEXT)),
    "tolerating and ripe": (*TOLERATED, *_leaves(NEXT), *fired("batch")),
}


def _records(view: View, *chain: Write, incarnation: int = 1, leaving: bool = False) -> Recover:
    joins = stamp_of(renewed(VIEW)) if chain else None
    identity = IdentityRecord(incarnation, joins, leaving)
    return Recover((*chain, Write(IDENTITY_KEY, identity), Write(VIEW_KEY, view)))


_EXCLUDED = Write(chain_key(VIEW.number), EXCLUSION)
ALONE = View(VIEW.lineage, 1, "", (Member(ME, 1, ME),))
MEMBER = _records(VIEW)
RETURNING = _records(VIEW, _EXCLUDED, incarnation=2)
WITHDRAWING = _records(VIEW, _EXCLUDED, incarnation=2, leaving=True)
RESTARTS = (Recover(()), MEMBER, RETURNING, WITHDRAWING, _records(VIEW, leaving=True), _records(ALONE, leaving=True))
"""What the store of a process may hold when it starts."""

FIVE, EIGHT = _records(first_view(5)), _records(first_view(8))

SITUATIONS: dict[str, Script] = {
    "stopped": (),
    **{name: (Recover(()), *script) for name, script in OUTSIDE.items()},
    **{name: (MEMBER, *script) for name, script in INSIDE.items()},
    "alone": (_records(ALONE),),
    "returning after a restart": (RETURNING,),
    "withdrawing after a restart": (WITHDRAWING,),
    "wedged, one of five": (FIVE, *CUT_OFF),
    "missing one of seven": (EIGHT, *MISSED),
}
"""By a word that tells it, the inputs that lead there."""
