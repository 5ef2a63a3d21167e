"""Leaving over a network that loses messages for good: a decided view must stay learnable when its deciders go.

Messages that are never removed would hide a leaver that goes too early; here every message can be lost.
"""

from functools import partial
from typing import Annotated

from coordfsm.check.model import UNLIMITED, Faults, Local, Model, Multiset, Property
from coordfsm.check.models.membership_chain import process
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.check.parameters import Parameter
from coordfsm.kernel import Command
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.membership.properties import (
    STATEMENTS,
    Observations,
    agreement,
    monotonic,
    observe,
    self_inclusion,
)
from coordfsm.protocols.view import View, member_of


def build(
    members: Annotated[int, Parameter("members of the view", minimum=2, maximum=4)] = 2,
    leaves: Annotated[int, Parameter("members that leave", minimum=1)] = 1,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 0,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 0,
) -> Model:
    """Leave: who stays can always learn the decided view, although those who decided it go."""
    view = first_view(members)
    names = tuple(member.node for member in view.members)

    def commands(local: Local) -> tuple[Command, ...]:
        return (Leave(),) if local.data.node in names[:leaves] else ()

    return Model(
        name="membership-leave",
        parameters={"members": members, "leaves": leaves, "takeovers": takeovers, "crashes": crashes},
        nodes=tuple(process(name, view, commands, confirms=True) for name in names),
        network=Multiset(loss=UNLIMITED),
        faults=Faults(crash=crashes),
        budgets={"timeout_takeover": takeovers, "local_leave": leaves, "timeout_rejoin": 0},
        properties=_properties(view, names[leaves:]),
    )


def _properties(first: View, staying: tuple[str, ...]) -> tuple[Property, ...]:
    def stranded(observed: Observations) -> bool:
        return all(process.node != name or process.lifecycle == "member" for process in observed for name in staying)

    def learned(observed: Observations) -> bool:
        # Whatever was decided, those who stay have it: nobody who left is in the view of one who stays.
        left = {name for name, process in zip(_names(first), observed, strict=True) if process.history.left}
        views = [process.view for process in observed if process.node in staying]
        return all(view is not None and all(member_of(view, name) is None for name in left) for view in views)

    def gone(observed: Observations) -> bool:
        return any(process.history.left for process in observed)

    invariant = partial(Property, observe=observe)
    return (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M4", STATEMENTS["M4"], self_inclusion),
        Property("M-left", "A member can leave.", gone, "sometimes", observe),
        Property("ML3", "Whoever stays can learn of every view that a leaver left behind.", learned, "reachable", observe),
        invariant("M5", "Who did not ask to leave stays.", stranded),
    )


def _names(view: View) -> tuple[str, ...]:
    return tuple(member.node for member in view.members)


MODELS = {"membership-leave": build}
