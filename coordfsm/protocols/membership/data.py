"""The data of the membership machines, and the records they keep durably."""

from coordfsm.kernel import Endpoint, Map, Value
from coordfsm.protocols.membership.messages import NO_BALLOT, NO_CUT, Ballot, Cut, Decision, MemberId, Proposal, Stamp
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.view import Member, View, ViewId, member_of

VIEW_KEY = "membership/view"
ACCEPTOR_KEY = "membership/acceptor"
IDENTITY_KEY = "membership/identity"
EXCLUDED_KEY = "membership/excluded"
"""The view that is without this process, when it was told the view and not the decisions that led there."""

CHAIN_PREFIX = "membership/chain/"


def chain_key(number: int) -> str:
    """Where the decision of the view with this number is kept; sorts by number."""
    return f"{CHAIN_PREFIX}{number:012}"


class AcceptorRecord(Value):
    """Durable: what this process promised and accepted in the consensus of one view."""

    view_id: ViewId
    promised: Ballot
    accepted: Proposal | None


class IdentityRecord(Value):
    """Durable: the incarnation, the view it asks to join (None: it founded one), and whether it is leaving."""

    incarnation: int
    joins: Stamp | None
    leaving: bool = False


class ViewChangeData(Value):
    """The acceptor and the proposer of the current view's consensus.

    Attributes:
        state: the machine's state.
        view: the last view in which this process was a member.
        chain: past decisions, oldest first; the last may be the one that excludes this process.
        promised: the highest ballot promised (durable).
        accepted: the proposal accepted last (durable).
        ballot: the ballot of the own proposal in work.
        cut: the cut of the own proposal in work.
        wish: the cut that this process would propose.
        promises: what the others had accepted, by node, of those that promised.
        answers: nodes that promised, accepted or confirmed, as the state demands.
        attempts: sendings of the proposal or decision in work.
        failures: own proposals in this view that were overtaken.
        excluded: the much later view that is without this process, of which it was told; None in a view, and where
            the chain ends with the decision that excluded it.
    """

    state: str = "outside"
    view: View | None = None
    chain: tuple[Decision, ...] = ()
    promised: Ballot = NO_BALLOT
    accepted: Proposal | None = None
    ballot: Ballot = NO_BALLOT
    cut: Cut = NO_CUT
    wish: Cut = NO_CUT
    promises: Map[str, Proposal | None] = Map()
    answers: frozenset[str] = frozenset()
    attempts: int = 0
    failures: int = 0
    excluded: View | None = None


class CatchUpData(Value):
    """The catch-up remembers nothing: it compares stamps."""

    state: str = "watching"


class CutData(Value):
    """Evidence for the next cut, of the current view only.

    Attributes:
        state: the machine's state.
        accusing: subject's node to the monitors that accused it.
        condemning: subject's node to the monitors that condemn it.
        leaving: members that asked to leave.
        joining: members to add, by node.
        reinforced: unstable subjects whose monitors were told to reinforce, for as long as anybody speaks against them.
        tolerated: unstable subjects that reinforcement did not condemn, with the monitors against it then; as long.
        stale: subject's node to the monitors that have not repeated what they said since the last look.
        unrepeated: joiners that have not repeated their request since the last look.
    """

    state: str = "quiet"
    accusing: Map[str, frozenset[str]] = Map()
    condemning: Map[str, frozenset[str]] = Map()
    leaving: frozenset[MemberId] = frozenset()
    joining: Map[str, Member] = Map()
    reinforced: frozenset[str] = frozenset()
    tolerated: Map[str, frozenset[str]] = Map()
    stale: Map[str, frozenset[str]] = Map()
    unrepeated: frozenset[str] = frozenset()


class DetectorData(Value):
    """What a monitor knows of one subject.

    Attributes:
        node: the subject.
        incarnation: the subject's, 0 while it is not watched.
        state: the machine's state.
        asked: a probe is under way.
        missed: probes missed in a row.
        answered: probes answered in a row while condemned.
        announced: announcements of the condemnation.
        epoch: the highest note epoch seen of the subject.
        mean_ms: smoothed round trip, 0 before the first.
        deviation_ms: smoothed deviation of the round trip.
    """

    node: str
    incarnation: int = 0
    state: str = "trusted"
    asked: bool = False
    missed: int = 0
    answered: int = 0
    announced: int = 0
    epoch: int = 0
    mean_ms: int = 0
    deviation_ms: int = 0


class HealthData(Value):
    """How far this process mistrusts itself.

    Attributes:
        state: the machine's state.
        score: 0 is well; about as many subjects are missed by this process alone.
        silence: probes missed since any member was heard.
    """

    state: str = "nominal"
    score: int = 0
    silence: int = 0


class LifecycleData(Value):
    """A process on its way into the cluster and out of it.

    Attributes:
        state: the machine's state.
        incarnation: the current one (durable).
        joins: the view it asks to join (durable); None for a founder.
        leaves: it is leaving for good (durable).
        seeds: whom to ask.
        seed: which of them is asked now.
        token: of the command to join; it counts while this process remembers no incarnation.
        target: the coordinator that was asked last.
        challenge: what that coordinator sent to be echoed, empty if nothing.
        attempt: requests made since the last change.
        epoch: the own note epoch.
        heard: members that answered in the running round of contact, None when no round runs.
    """

    state: str = "detached"
    incarnation: int = 0
    joins: Stamp | None = None
    leaves: bool = False
    seeds: tuple[Endpoint, ...] = ()
    seed: int = 0
    target: Endpoint = ""
    attempt: int = 0
    epoch: int = 0
    heard: frozenset[str] | None = None
    challenge: str = ""
    token: str = ""


class FounderData(Value):
    """A process that is told to found a cluster.

    Attributes:
        state: the machine's state.
        token: of the founding in work.
        seeds: all that are asked; empty while nothing is founded.
        answered: those that know of no cluster.
        confirmed: an operator said that silent seeds do not matter.
        attempt: questions to each silent seed.
    """

    state: str = "idle"
    token: str = ""
    seeds: tuple[Endpoint, ...] = ()
    answered: frozenset[Endpoint] = frozenset()
    confirmed: bool = False
    attempt: int = 0


class MembershipData(Value):
    """All of one process's membership: who it is, and the data of its machines."""

    node: str
    endpoint: Endpoint
    settings: Settings = Settings()
    lifecycle: LifecycleData = LifecycleData()
    view_change: ViewChangeData = ViewChangeData()
    catch_up: CatchUpData = CatchUpData()
    cut: CutData = CutData()
    health: HealthData = HealthData()
    detectors: Map[str, DetectorData] = Map()
    founder: FounderData = FounderData()


def stamp_of(view: View) -> Stamp:
    """The stamp of a view."""
    return Stamp(view.lineage, view.number, view.id)


def identity_of(member: Member) -> MemberId:
    """A member without its address."""
    return MemberId(member.node, member.incarnation)


def current_view(context: MembershipData) -> View | None:
    """The view in which this process acts as a member now, None if it acts in none."""
    return None if context.view_change.state in ("outside", "retiring") else context.view_change.view


def self_in(view: View, context: MembershipData) -> MemberId:
    """This process as a member of a view that it installed."""
    me = member_of(view, context.node)
    assert me is not None, "a process installs only views that contain it"
    return identity_of(me)


def others(view: View, context: MembershipData) -> tuple[Member, ...]:
    """The members of a view besides this process."""
    return tuple(member for member in view.members if member.node != context.node)
