"""What members and joiners send each other, and the values inside.

Every message between members starts with the sender's view and identity, so that a receiver always knows whether
one of the two lags behind.
"""

from typing import ClassVar

from coordfsm.kernel import Endpoint, Message, Value, not_ascending
from coordfsm.protocols.view import Member, View, ViewId

LONGEST_CHAIN = 512
"""Decisions in one message: twice what the settings let a process keep."""


class MemberId(Value, order=True):
    """A member without its address: what is removed, accused or asked.

    Attributes:
        node: node id.
        incarnation: rises with every start of its process.
    """

    node: str
    incarnation: int


class Stamp(Value):
    """Which view the sender is in."""

    lineage: str
    number: int
    view_id: ViewId


class Ballot(Value, order=True):
    """An attempt to decide: compared by round, then by the proposer's rank in the ring order of the view."""

    least_number: ClassVar[int] = -1

    round: int
    rank: int


NO_BALLOT = Ballot(-1, -1)
"""Lower than every ballot."""


class Cut(Value):
    """The change from one view to the next: everything that is needed to build it.

    Attributes:
        condemned: members removed because their monitors condemned them, sorted.
        leaving: members that asked to leave, or whose process asked to join anew, sorted.
        joining: members to add, sorted by node.
    """

    condemned: tuple[MemberId, ...] = ()
    leaving: tuple[MemberId, ...] = ()
    joining: tuple[Member, ...] = ()

    def ill_formed(self) -> str | None:
        """One of the three is not sorted, or holds something twice."""
        return (
            not_ascending("condemned", self.condemned)
            or not_ascending("leaving", self.leaving)
            or not_ascending("joining", (member.node for member in self.joining))
        )


NO_CUT = Cut()


class Proposal(Value):
    """A cut and the ballot at which it was accepted."""

    ballot: Ballot
    cut: Cut


class Decision(Value):
    """What the members of one view decided: a link in the chain of views.

    Attributes:
        number: of the view that decided.
        view_id: of the view that decided.
        cut: what was decided.
        result: the id of the view that follows.
    """

    number: int
    view_id: ViewId
    cut: Cut
    result: ViewId


class MemberMessage(Message):
    """Base of what a member sends.

    Attributes:
        stamp: the sender's view.
        origin: the sender.
    """

    stamp: Stamp
    origin: MemberId


# -- view change: one single-decree consensus per view -----------------------------------------------------------


class ViewPrepare(MemberMessage):
    """Phase 1a: promise to accept nothing below `ballot`, and say what you accepted."""

    ballot: Ballot


class ViewPromise(MemberMessage):
    """Phase 1b: promised, and this is what I accepted before (None: nothing)."""

    ballot: Ballot
    accepted: Proposal | None


class ViewAccept(MemberMessage):
    """Phase 2a: accept `cut` at `ballot`."""

    ballot: Ballot
    cut: Cut


class ViewAccepted(MemberMessage):
    """Phase 2b: accepted, durably."""

    ballot: Ballot


class ViewReject(MemberMessage):
    """Your ballot is too low: I promised `promised`."""

    promised: Ballot


class ViewDecision(MemberMessage):
    """The decisions that lead from an earlier view to the sender's, oldest first."""

    longest_list: ClassVar[int] = LONGEST_CHAIN
    decisions: tuple[Decision, ...]


class ViewSnapshot(MemberMessage):
    """The sender's whole view, for a member that lags further behind than the decisions that are kept."""

    view: View


class ViewAck(MemberMessage):
    """I have installed the view of my stamp."""


class ViewInquiry(MemberMessage):
    """I am in the view of my stamp and think that there is a later one."""


# -- failure detection -------------------------------------------------------------------------------------------


class Probe(MemberMessage):
    """Are you alive, in this incarnation?

    Attributes:
        target: who is meant.
        sent_ms: the sender's clock, to be returned.
    """

    target: MemberId
    sent_ms: int


class ProbeAck(MemberMessage):
    """I am alive.

    Attributes:
        sent_ms: as it came.
        turn_ms: in so many milliseconds it is this monitor's turn again.
    """

    sent_ms: int
    turn_ms: int


class Accusation(MemberMessage):
    """The monitor misses the subject's answers; `epoch` is the last note epoch it knows of the subject."""

    subject: MemberId
    epoch: int


class Rebuttal(MemberMessage):
    """The accused is alive: a note of a higher epoch."""

    epoch: int


class Condemnation(MemberMessage):
    """The monitor's accusation was not rebutted in time."""

    subject: MemberId


class Exoneration(MemberMessage):
    """The monitor withdraws its accusation and its condemnation: the subject is alive."""

    subject: MemberId


# -- joining, leaving, wedging -----------------------------------------------------------------------------------


class JoinInquiry(Message):
    """A stranger asks where to join."""

    label: str
    node: str


class JoinRedirect(Message):
    """Ask at `coordinator` to be in the view that follows the one of `stamp`.

    Attributes:
        label: of the cluster that answers.
        newest: the joiner's incarnation must be higher.
        held: the joiner's incarnation in that view; 0 if it is not in it.
        challenge: from the coordinator itself, to be echoed in the request; empty from any other member.
    """

    label: str
    stamp: Stamp
    coordinator: Endpoint
    newest: int
    held: int = 0
    challenge: str = ""


class JoinRequest(Message):
    """A joiner asks to be in the view that follows the one of `stamp`.

    Attributes:
        label: of the cluster that is sought.
        stamp: the view whose members are asked.
        member: the joiner, with the address that it advertises.
        challenge: what the coordinator sent to that address; empty as long as nothing came from there.
    """

    label: str
    stamp: Stamp
    member: Member
    challenge: str = ""


class JoinRefusal(Message):
    """Why the join cannot happen; one of the reasons in `admission`."""

    reason: str


class ViewWelcome(MemberMessage):
    """You are a member: this is the view."""

    view: View


class LeaveRequest(MemberMessage):
    """The sender wants to be in no later view."""


class ContactRequest(MemberMessage):
    """Can you hear me?"""


class ContactReply(MemberMessage):
    """I can hear you."""


class ViewForced(MemberMessage):
    """An operator forced this view, which starts a new lineage, on the wedged members of its parent."""

    view: View


QUESTIONS = (Probe, ContactRequest)
"""What asks whether a process is alive."""


# -- founding: by who is no member, so without a view ------------------------------------------------------------


class FoundingInquiry(Message):
    """I am told to found a cluster with this label: do you know of one?

    Attributes:
        label: of the cluster to be founded.
        node: the founder.
        token: of this founding; the answer returns it.
        asked: the seed as the founder knows it; the answer returns it.
    """

    label: str
    node: str
    token: str
    asked: Endpoint


class FoundingAnswer(Message):
    """What a seed knows: no cluster, a cluster, or that it is about to found one itself."""

    label: str
    token: str
    asked: Endpoint
    knows: str
