"""The view change alone, against every pattern of accusations: any member may want any of several cuts at any time.

One consensus, among the members of one view, with competing proposers, crashes between any two effects, and a
network that forgets no message, so that every message arrives late, twice, or never.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from coordfsm.check.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.parameters import Parameter
from coordfsm.kernel import Command, Composition, Input, Part, Send, Step, Steppable, Write
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.data import VIEW_KEY
from coordfsm.protocols.membership.events import ProposeCut
from coordfsm.protocols.membership.messages import Cut, MemberId, ViewAck
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
from coordfsm.protocols.membership.view_change import VIEW_CHANGE
from coordfsm.protocols.view import NO_VIEW, Member, View, ring_order

CONSENSUS = Composition("consensus", (Part("view_change", VIEW_CHANGE),))

NAMES = "abcdefg"


def without_confirmations(runs: Steppable, data: Any, given: Input) -> Step:
    """Step, but the network loses every confirmation of an installed view: they do not matter to the consensus."""
    step = runs.step(data, given)
    kept = tuple(
        effect for effect in step.effects if not (isinstance(effect, Send) and isinstance(effect.message, ViewAck))
    )
    return step if len(kept) == len(step.effects) else step._replace(effects=kept)


def first_view(members: int) -> View:
    """A view of the first so many names, each in incarnation 1."""
    return View("lineage", 1, NO_VIEW, tuple(Member(name, 1, name) for name in NAMES[:members]))


def competing_cuts(view: View, cuts: int) -> tuple[Cut, ...]:
    """Cuts that exclude each other: the last in line is condemned, then the one before, and so on."""
    return tuple(Cut(condemned=(MemberId(member.node, 1),)) for member in ring_order(view)[::-1][:cuts])


def build(
    members: Annotated[int, Parameter("members of the view", minimum=1, maximum=7)] = 3,
    cuts: Annotated[int, Parameter("different cuts that members may want", minimum=1, maximum=7)] = 2,
    proposers: Annotated[
        int | None, Parameter("members that may want one, first in line first; none: all", minimum=1)
    ] = None,
    wishes: Annotated[int, Parameter("how often a member comes to want a cut", minimum=1)] = 2,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 1,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 1,
) -> Model:
    """View change: one consensus with competing proposers and crash-recovery."""
    view = first_view(members)
    wanting = {member.node for member in ring_order(view)[:proposers]}
    wanted = tuple(ProposeCut(cut) for cut in competing_cuts(view, min(cuts, members)))

    def commands(local: Local) -> tuple[Command, ...]:
        return wanted if local.data.view_change.view == view and local.data.node in wanting else ()

    return consensus_model(
        "membership-consensus",
        {
            "members": members,
            "cuts": cuts,
            "proposers": proposers,
            "wishes": wishes,
            "takeovers": takeovers,
            "crashes": crashes,
        },
        view,
        commands,
        {"local_propose_cut": wishes, "timeout_takeover": takeovers, "timeout_proposal": 0, "timeout_handover": 0},
        Faults(crash=crashes),
    )


def consensus_model(
    name: str,
    parameters: dict[str, int | None],
    view: View,
    commands: Callable[[Local], tuple[Command, ...]],
    budgets: dict[str, int],
    faults: Faults,
) -> Model:
    """Processes that start as members of `view` and run the view change alone."""
    nodes = tuple(
        Node(
            member.node,
            initial(member.node, member.endpoint, Settings(takeover_ms=0)),
            partial(without_confirmations, CONSENSUS),
            commands=commands,
            boots=True,
            durable=(Write(VIEW_KEY, view),),
            history=remember,
            first_history=History(),
            rules=CONSENSUS.rule_names,
        )
        for member in view.members
    )
    return Model(
        name=name,
        parameters=parameters,
        nodes=nodes,
        network=UnreliableSet(),
        faults=faults,
        budgets=budgets,
        properties=safety_properties(view),
    )


def safety_properties(view: View) -> tuple[Property, ...]:
    """M1, M2, M3, M7 of processes that start in `view`."""
    founders = frozenset({view})

    def chain(observed: Observations) -> bool:
        return lineage(observed, founders)

    def value(observed: Observations) -> bool:
        return single_value(observed, founders)

    def changed(observed: Observations) -> bool:
        return sum(bool(process.history.installed) for process in observed) > 1

    invariant = partial(Property, observe=observe)
    return (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M2", STATEMENTS["M2"], chain),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M7", STATEMENTS["M7"], value),
        Property("M-changed", "Two processes can install the next view.", changed, kind="sometimes", observe=observe),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-consensus": ({"crashes": 0}, {"wishes": 1})}
MODELS = {"membership-consensus": build}

FUZZ: dict[str, tuple[dict[str, object], ...]] = {
    "membership-consensus": ({"members": 7, "cuts": 3, "wishes": 3, "takeovers": 5, "crashes": 3},)
}
