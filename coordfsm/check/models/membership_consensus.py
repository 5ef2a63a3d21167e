"""The view change alone, against every pattern of accusations: any member may want any of several cuts at any time.

One consensus, among the members of one view, with competing proposers, crashes between any two effects, and a
network that forgets no message, so that every message arrives late, twice, or never.
"""

from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Each, Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Composition,
    Input,
    Notify,
    Part,
    Persist,
    Recover,
    Send,
    SetTimer,
    Step,
    Steppable,
    Timer,
    Write,
)
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.data import (
    ACCEPTOR_KEY,
    VIEW_KEY,
    AcceptorRecord,
    MembershipData,
    ViewChangeData,
    chain_key,
)
from coordfsm.protocols.membership.events import ProposeCut
from coordfsm.protocols.membership.messages import Cut, MemberId, ViewAck, ViewDecision
from coordfsm.protocols.membership.properties import (
    STATEMENTS,
    History,
    Observations,
    agreement,
    lineage,
    monotonic,
    observe,
    remember,
    single_value,
)
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.membership.view_change.consensus import TAKEOVER
from coordfsm.protocols.membership.view_change.machine import VIEW_CHANGE
from coordfsm.protocols.view import NO_VIEW, Member, View, ring_order

CONSENSUS = Composition("consensus", (Part("view_change", VIEW_CHANGE),))

NAMES = "abcdefghijkl"


def without_confirmations(
    runs: Steppable, data: Any, given: Input, *, told: bool = True, takes_over: bool = True
) -> Step:
    """Step, but the network loses every confirmation of an installed view: they do not matter to the consensus.

    Not `told`, it loses the decisions, too. A process that does not take over never sets the timer for it.
    """
    step = runs.step(data, given)
    lost = (ViewAck,) if told else (ViewAck, ViewDecision)
    kept = tuple(
        effect
        for effect in step.effects
        if not (isinstance(effect, Send) and isinstance(effect.message, lost))
        and not (isinstance(effect, SetTimer) and effect.timer == TAKEOVER and not takes_over)
    )
    return step if len(kept) == len(step.effects) else step._replace(effects=kept)


class Restart(Command):
    """The environment crashes a member between two steps and starts it again."""


def restarting(
    runs: Steppable, data: MembershipData, given: Input, *, told: bool = True, takes_over: bool = True
) -> Step:
    """A step without confirmations, or a restart from what the member has made durable.

    Between two steps the durable records are what the data say: view, decisions, promise and acceptance.
    """
    if not isinstance(given, Restart):
        step = without_confirmations(runs, data, given, told=told, takes_over=takes_over)
        kinds = [isinstance(effect, Persist) for effect in step.effects if isinstance(effect, Persist | Send)]
        assert kinds == sorted(kinds, reverse=True), f"{given} sends before it writes"
        return step
    held = data.view_change
    assert held.view is not None
    acceptor = AcceptorRecord(held.view.id, held.promised, held.accepted)
    links = tuple(Write(chain_key(link.number), link) for link in held.chain)
    records = (Write(ACCEPTOR_KEY, acceptor), *links, Write(VIEW_KEY, held.view))
    fresh = replace(data, view_change=ViewChangeData())
    step = without_confirmations(runs, fresh, Recover(records), takes_over=takes_over)
    timers = tuple(CancelTimer(Timer(kind)) for kind in ("takeover", "proposal", "handover"))
    # That it came back is no fact that the properties need: the view is in its store and its data.
    kept = (effect for effect in step.effects if not isinstance(effect, Notify))
    return step._replace(effects=(*timers, *kept))


def first_view(members: int) -> View:
    """A view of the first so many names, each in incarnation 1."""
    return View("lineage", 1, NO_VIEW, tuple(Member(name, 1, name) for name in NAMES[:members]))


def competing_cuts(view: View, cuts: int) -> tuple[Cut, ...]:
    """Cuts that exclude each other: the last in line is condemned, then the one before, and so on."""
    return tuple(Cut(condemned=(MemberId(member.node, 1),)) for member in ring_order(view)[::-1][:cuts])


def build(  # noqa: PLR0913  (each a dimension of the model)
    *,
    members: Annotated[int, Parameter("members of the view", minimum=1, maximum=7)] = 3,
    cuts: Annotated[int, Parameter("different cuts that members may want", minimum=1, maximum=7)] = 2,
    proposers: Annotated[
        int | None, Parameter("members that may want one or take over, first in line first; none: all", minimum=1)
    ] = None,
    passive: Annotated[int, Parameter("members, first in line, that do neither", minimum=0, maximum=6)] = 0,
    wishes: Annotated[int | None, Parameter("how often a member comes to want a cut; none: no bound", minimum=1)] = 2,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 1,
    each: Annotated[bool, Parameter("whether every member takes over so often, instead of all together")] = False,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 1,
    restarts: Annotated[bool, Parameter("whether members may restart between steps, any number of times")] = False,
    told: Annotated[bool, Parameter("whether decisions ever reach the others")] = True,
) -> Model:
    """View change: one consensus with competing proposers and crash-recovery.

    With `restarts`, a crash and the recovery from it are one step, between two steps of the member, without a budget.
    Nothing is lost by that: while a member is down the others cannot tell it from one whose messages are late, and a
    crash within a step is like one after it whose last messages never arrive, since every step writes before it sends
    (this is checked). Not `told`, only who decides installs; for what is decided that changes nothing.
    """
    given = dict(locals())
    view = first_view(members)
    wanting = {member.node for member in ring_order(view)[passive:][:proposers]}
    wanted = tuple(ProposeCut(cut) for cut in competing_cuts(view, min(cuts, members)))

    def commands(local: Local) -> tuple[Command, ...]:
        wish = wanted if local.data.view_change.view == view and local.data.node in wanting else ()
        return (*wish, Restart()) if restarts else wish

    def node(member: Member) -> Node:
        steps = restarting if restarts else without_confirmations
        return Node(
            member.node,
            initial(member.node, member.endpoint, Settings(takeover_ms=0)),
            partial(steps, CONSENSUS, told=told, takes_over=member.node in wanting),
            commands,
            boots=True,
            durable=(Write(VIEW_KEY, view),),
            history=remember,
            first_history=History(),
            rules=CONSENSUS.rule_names,
        )

    return Model(
        name="membership-consensus",
        parameters=given,
        nodes=tuple(node(member) for member in view.members),
        network=UnreliableSet(),
        faults=Faults(crash=crashes),
        budgets={
            **({} if wishes is None else {"local_propose_cut": wishes}),
            "timeout_takeover": Each(takeovers) if each else takeovers,
            "timeout_proposal": 0,
            "timeout_handover": 0,
        },
        properties=safety_properties(view, installs=2 if told else 1),
    )


def safety_properties(view: View, *, installs: int) -> tuple[Property, ...]:
    """M1, M2, M3, M7 of processes that start in `view`."""
    founders = frozenset({view})

    def chain(observed: Observations) -> bool:
        return lineage(observed, founders)

    def value(observed: Observations) -> bool:
        return single_value(observed, founders)

    def changed(observed: Observations) -> bool:
        return sum(bool(process.history.installed) for process in observed) >= installs

    invariant = partial(Property, observe=observe)
    return (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M2", STATEMENTS["M2"], chain),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M7", STATEMENTS["M7"], value),
        Property("M-changed", "The next view can be installed.", changed, kind="sometimes", observe=observe),
    )


DEFAULTS: dict[str, tuple[dict[str, int | bool], ...]] = {
    "membership-consensus": (
        {"crashes": 0},
        {"wishes": 1},
        {"crashes": 0, "restarts": True},
        {"members": 5, "proposers": 2, "takeovers": 0},
        # Three ballots: a first proposal, and one takeover after the other.
        {"crashes": 0, "takeovers": 2, "proposers": 2},
        # Two proposers in one round, and a crash; the coordinator leaves it to them.
        {"takeovers": 2, "passive": 1},
        # Both proposers take over, once each: neither uses up what the other has left.
        {"wishes": 1, "crashes": 0, "proposers": 2, "each": True},
    )
}
MODELS = {"membership-consensus": build}

FUZZ: dict[str, tuple[dict[str, object], ...]] = {
    "membership-consensus": ({"members": 7, "cuts": 3, "wishes": 3, "takeovers": 5, "crashes": 3},)
}
