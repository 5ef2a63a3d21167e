"""Leaving over a network that loses messages for good: a decided view must stay learnable when its deciders go.

Messages that are never removed would hide a leaver that goes too early; here every message can be lost.
"""

from functools import partial
from typing import Annotated

from coordfsm.check.modelling.model import UNLIMITED, Faults, Local, Model, Multiset, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import Poke, Suspect, process
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.membership.properties import (
    ACTING,
    STATEMENTS,
    Observations,
    agreement,
    known_views,
    monotonic,
    observe,
    self_inclusion,
)
from coordfsm.protocols.view import View, member_of


def build(
    members: Annotated[int, Parameter("members of the view", minimum=2, maximum=4)] = 2,
    leaves: Annotated[int, Parameter("members that leave", minimum=0)] = 1,
    suspicions: Annotated[int, Parameter("how often a member is condemned, rightly or wrongly", minimum=0)] = 0,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 0,
    announcements: Annotated[int, Parameter("repeated announcements of leaving", minimum=0, maximum=10)] = 1,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 0,
    probes: Annotated[bool, Parameter("whether members probe each other; without, crashes may hide a decision")] = True,  # noqa: FBT002  (a parameter of the model, given by name)
) -> Model:
    """Leave: who stays can always learn the decided view, although those who decided it go."""
    view = first_view(members)
    names = tuple(member.node for member in view.members)

    def commands(local: Local) -> tuple[Command, ...]:
        # Members probe each other all the time: that is how one that missed a decision learns of it.
        given: tuple[Command, ...] = (Leave(),) if local.data.node in names[:leaves] else ()
        given = (*given, Poke()) if probes else given
        return (*given, *(Suspect(name) for name in names if name != local.data.node))

    return Model(
        name="membership-leave",
        parameters={
            "members": members,
            "leaves": leaves,
            "suspicions": suspicions,
            "takeovers": takeovers,
            "announcements": announcements,
            "crashes": crashes,
            "probes": probes,
        },
        nodes=tuple(process(name, view, commands, confirms=True) for name in names),
        network=Multiset(loss=UNLIMITED),
        faults=Faults(crash=crashes),
        # Fewer announcements than it takes to lose patience: a leaver that does not wait is as good as crashed.
        budgets={
            "timeout_takeover": takeovers,
            "timeout_leave": announcements,
            "local_leave": leaves,
            "local_suspect": suspicions,
            "timeout_rejoin": 0,
        },
        properties=_properties(view, names[leaves:] if not suspicions else ()),
    )


def _properties(first: View, staying: tuple[str, ...]) -> tuple[Property, ...]:
    def stranded(observed: Observations) -> bool:
        return all(process.node != name or process.lifecycle == "member" for process in observed for name in staying)

    def learned(observed: Observations) -> bool:
        # Nobody acts in an old view: neither one that somebody left nor one that somebody replaced.
        left = {name for name, process in zip(_names(first), observed, strict=True) if process.history.left}
        newest = max((view.number for view in known_views(observed)), default=0)
        acting = [process.view for process in observed if process.lifecycle in ACTING and process.view is not None]
        return all(view.number == newest and all(member_of(view, name) is None for name in left) for view in acting)

    def gone(observed: Observations) -> bool:
        return any(process.history.left for process in observed)

    def excluded(observed: Observations) -> bool:
        return any(process.history.shunned for process in observed)

    invariant = partial(Property, observe=observe)
    sometimes = partial(Property, observe=observe, kind="sometimes")
    witness = sometimes("M-left", "A member can leave.", gone)
    if not staying:
        witness = sometimes("M-shunned", "A member can be excluded and learn of it.", excluded)
    return (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M4", STATEMENTS["M4"], self_inclusion),
        witness,
        Property(
            "ML3",
            "Whoever acts in an old view, or in one that somebody left, can learn of the next.",
            learned,
            "reachable",
            observe,
        ),
        invariant("M5", "Who did not ask to leave stays.", stranded),
    )


def _names(view: View) -> tuple[str, ...]:
    return tuple(member.node for member in view.members)


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-leave": ({}, {"leaves": 0, "suspicions": 1})}
MODELS = {"membership-leave": build}
