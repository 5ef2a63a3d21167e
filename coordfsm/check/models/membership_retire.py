"""Leaving at any moment, as a member or after an exclusion: what only the leaver knows is handed over before it goes.

No message is ever lost or consumed, so each comes late, twice or never; a message that never comes stays in flight.
"""

from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import WITHOUT_CATCH_UP, Suspect, process
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command
from coordfsm.protocols.membership.events import Leave
from coordfsm.protocols.membership.properties import (
    STATEMENTS,
    Observations,
    agreement,
    handed_over,
    observe,
    self_inclusion,
)


def build(
    *,
    members: Annotated[int, Parameter("members of the view", minimum=3, maximum=5)] = 3,
    leaves: Annotated[int, Parameter("how often a member is told to leave", minimum=1)] = 1,
    suspicions: Annotated[int, Parameter("how often a member is condemned, rightly or wrongly", minimum=0)] = 1,
    rejoins: Annotated[int, Parameter("how often a shunned process asks to come back", minimum=0)] = 0,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 0,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 1,
    impatient: Annotated[bool, Parameter("whether a leaver loses patience at once")] = False,
) -> Model:
    """Leave, excluded or not, with three members or more: a majority of the next view has it before the leaver goes."""
    view = first_view(members)
    names = tuple(member.node for member in view.members)

    def commands(local: Local) -> tuple[Command, ...]:
        suspects = tuple(Suspect(name) for name in names if name != local.data.node)
        return (Leave(), *suspects) if local.data.view_change.view in (view, None) else ()

    def first_change(local: Local) -> bool:
        held = None if local.data is None else local.data.view_change.view
        return held is None or held.number <= view.number + 1

    def node(name: str) -> Any:
        attempts = 1 if impatient else 2
        return process(name, view, commands, WITHOUT_CATCH_UP, confirms=True, leave_attempts=attempts)

    invariant = partial(Property, observe=observe)
    sometimes = partial(Property, observe=observe, kind="sometimes")
    retire = invariant("M8", STATEMENTS["M8"], handed_over)
    return Model(
        name="membership-retire",
        parameters={
            "members": members,
            "leaves": leaves,
            "suspicions": suspicions,
            "rejoins": rejoins,
            "takeovers": takeovers,
            "crashes": crashes,
            "impatient": impatient,
        },
        nodes=tuple(node(name) for name in names),
        network=UnreliableSet(),
        faults=Faults(crash=crashes),
        budgets={
            "local_leave": leaves,
            "local_suspect": suspicions,
            "timeout_rejoin": rejoins,
            "timeout_takeover": takeovers,
            "timeout_leave": int(impatient),
        }
        | dict.fromkeys(("timeout_join", "timeout_proposal", "timeout_handover"), 0),
        boundary=first_change,
        properties=(
            invariant("M1", STATEMENTS["M1"], agreement),
            invariant("M4", STATEMENTS["M4"], self_inclusion),
            *(() if impatient else (retire,)),
            invariant("M8-wish", "Who asked to leave is a member again only if it asks to join.", stays_a_leaver),
            sometimes("M-left", "A member can leave.", left),
            *([sometimes("M-left-shunned", "An excluded process can leave.", left_shunned)] if suspicions else []),
        ),
    )


def stays_a_leaver(observed: Observations) -> bool:
    """Nobody is told to join here, so that who asked to leave is on its way out until it is gone."""
    return all(not process.history.leaving or process.lifecycle not in ("member", "wedged") for process in observed)


def left(observed: Observations) -> bool:
    """Some process has left."""
    return any(process.history.left for process in observed)


def left_shunned(observed: Observations) -> bool:
    """Some process was excluded, and has left."""
    return any(process.history.left and process.history.shunned for process in observed)


DEFAULTS: dict[str, tuple[dict[str, int | bool], ...]] = {
    "membership-retire": ({}, {"impatient": True, "suspicions": 0})
}
MODELS = {"membership-retire": build}
