"""What membership tells the application (`Notify`), and the commands that its machines and callers give.

The commands that reach beyond membership are in `coordfsm.protocols.view`.
"""

from coordfsm.kernel import Command, Endpoint, Value
from coordfsm.protocols.membership.messages import Ballot, Cut, MemberId
from coordfsm.protocols.view import View, ViewId

# -- commands of the application or operator ---------------------------------------------------------------------


class Bootstrap(Command):
    """Found a new cluster. Exactly one process is told to.

    Attributes:
        token: anything that differs from bootstrap to bootstrap; it makes the lineage unique.
    """

    token: str


class Found(Command):
    """Found a new cluster, unless a seed knows of one with this label.

    Attributes:
        token: as in `Bootstrap`.
        seeds: who must know of none; empty: nobody is asked.
        confirmed: an operator's word that a cluster is to be founded although seeds do not answer.
    """

    token: str
    seeds: tuple[Endpoint, ...] = ()
    confirmed: bool = False


class Join(Command):
    """Join the cluster of which the seeds are members; from a wedged process: leave its lineage for that one.

    Attributes:
        seeds: whom to ask.
        token: random, another one for each command: a process that lost its store is told from its former self by it.
    """

    seeds: tuple[Endpoint, ...]
    token: str = ""


class Leave(Command):
    """Leave the cluster for good, or stop trying to join it."""


class ForceView(Command):
    """Operator: carry on without a majority, in a new lineage. The lost majority must never come back to life as such.

    Attributes:
        survivors: node ids of the members that carry on; the same at every process where the command is given.
        token: as in `Bootstrap`; the same at every process where the command is given.
    """

    survivors: tuple[str, ...]
    token: str


# -- commands between the machines of membership -----------------------------------------------------------------


class ProposeCut(Command):
    """Cut detector to view change: this cut is ripe."""

    cut: Cut


class WithdrawCut(Command):
    """Cut detector to view change: there is nothing to change any more."""


class AdoptView(Command):
    """Lifecycle to view change: install this view, which others decided (or an operator).

    Attributes:
        view: what to install.
        confirm: whom to tell when it is durable; empty: nobody.
    """

    view: View
    confirm: Endpoint = ""


class AbandonView(Command):
    """Lifecycle to view change: the operator gives up this lineage."""


class Excluded(Command):
    """View change to lifecycle: a later view, `view`, is without this process."""

    view: View


class Retire(Command):
    """Lifecycle to view change: who is out of its view leaves for good; hand over the view that is without it."""


class HandedOver(Command):
    """View change to lifecycle: a majority of the next view has installed it; a leaver may go."""


class AccusationMade(Command):
    """Detector to cut detector: this process accuses the subject."""

    subject: MemberId


class SubjectCondemned(Command):
    """Detector to cut detector: this process condemns the subject."""

    subject: MemberId


class SubjectExonerated(Command):
    """Detector to cut detector: this process accuses and condemns it no longer."""

    subject: MemberId


class SelfLeaving(Command):
    """Lifecycle to cut detector: this process wants to be in no later view."""


class Reinforce(Command):
    """Cut detector to detectors: these subjects are unstable for too long; whoever misses them condemns them now."""

    subjects: tuple[MemberId, ...]


class ProbeMissed(Command):
    """Detector to health: a probe was not answered in time.

    Attributes:
        alone: the subject answered before, and no other monitor misses it.
    """

    alone: bool


class ProbeNow(Command):
    """To detectors: do not wait for the next turn of these subjects."""

    subjects: tuple[str, ...]


class ProbeAnswered(Command):
    """Detector to health: a probe was answered in time."""


class ContactDoubted(Command):
    """To lifecycle: members do not answer; perhaps it is this process that is cut off."""


# -- notifications -----------------------------------------------------------------------------------------------


class ViewChanged(Value):
    """A view was installed. `cut` is None for a founding, welcomed or forced view."""

    view: View
    cut: Cut | None = None


class ViewRecovered(Value):
    """After a restart the process is in the view that its store holds."""

    view: View


class CutAccepted(Value):
    """This process accepted a cut in the consensus of a view, durably; as its proposer or for another."""

    view_id: ViewId
    ballot: Ballot
    cut: Cut


class MemberShunned(Value):
    """This process is no longer a member; `view` is the one that is without it."""

    view: View


class JoinAsked(Value):
    """This process took a new incarnation and asks to be in the view that follows `view_id`."""

    incarnation: int
    view_id: ViewId


class MemberLeaving(Value):
    """This process asked to be in no later view."""


class MemberLeft(Value):
    """This process has left the cluster."""


class MemberWedged(Value):
    """A majority is out of reach: `missing` are not heard from, `needed` of them must come back."""

    missing: tuple[str, ...]
    needed: int


class MemberUnwedged(Value):
    """A majority is within reach again."""


class SubjectAccused(Value):
    """This process accuses a member."""

    subject: MemberId


class SubjectRebutted(Value):
    """A member that this process accused is alive."""

    subject: MemberId


class CutProposed(Value):
    """This process's cut is stable; it wants the next view to follow from it."""

    cut: Cut


class FoundingBegun(Value):
    """This process was told to found a cluster and asks its seeds first."""

    token: str


class FoundingDecided(Value):
    """This process founds a cluster.

    Attributes:
        seeds: all that were asked.
        answered: those that said that they know of no cluster.
        confirmed: it was told that silent seeds do not matter.
    """

    seeds: tuple[Endpoint, ...]
    answered: frozenset[Endpoint]
    confirmed: bool


class FoundingRefused(Value):
    """This process founds no cluster.

    Attributes:
        reason: what a seed knows of (a cluster, or somebody about to found one), or that seeds do not answer.
        seeds: who said so, or who does not answer.
    """

    reason: str
    seeds: tuple[Endpoint, ...]


class JoinRefused(Value):
    """A cluster refused this process, and why."""

    reason: str
    sender: Endpoint


class JoinerRefused(Value):
    """This process refused a joiner, and why."""

    reason: str
    sender: Endpoint


class CommandRefused(Value):
    """A command of the application cannot be carried out now."""

    command: str
    reason: str


class MessageRefused(Value):
    """A message was dropped: to be counted by reason."""

    message: str
    reason: str
    sender: Endpoint
