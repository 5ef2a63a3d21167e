"""Wedge and heal under partition, and a view that an operator forces, alone against any pattern of doubts.

The lifecycle runs as it is; at any moment the environment makes a member doubt that others hear it, cuts the network
in two, and heals it. An operator may force the minority's view, at each wedged member, however late.
"""

from functools import partial
from typing import Annotated

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Partition, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import process
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command, Composition, Part
from coordfsm.protocols.membership.events import ContactDoubted, ForceView
from coordfsm.protocols.membership.lifecycle.machine import LIFECYCLE
from coordfsm.protocols.membership.properties import (
    STATEMENTS,
    Observations,
    agreement,
    monotonic,
    observe,
    self_inclusion,
)
from coordfsm.protocols.membership.view_change.catch_up import CATCH_UP
from coordfsm.protocols.membership.view_change.machine import VIEW_CHANGE
from coordfsm.protocols.view import majority

CONTACT = Composition(
    "contact", (Part("lifecycle", LIFECYCLE), Part("catch_up", CATCH_UP), Part("view_change", VIEW_CHANGE))
)


def build(
    members: Annotated[int, Parameter("members of the view", minimum=2, maximum=5)] = 3,
    doubts: Annotated[int, Parameter("how often a member doubts that others hear it", minimum=1)] = 1,
    partitions: Annotated[int, Parameter("partitions of the minority from the majority", minimum=0)] = 1,
    rounds: Annotated[int | None, Parameter("rounds of contact that come to their end; none: no bound")] = None,
    attempts: Annotated[int, Parameter("requests in a round of contact", minimum=1, maximum=3)] = 2,
    losses: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    forced: Annotated[int, Parameter("how often an operator forces the view of the minority", minimum=0)] = 0,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 0,
) -> Model:
    """Lifecycle: wedge and heal under partition; forced views start a lineage of their own."""
    view = first_view(members)
    names = tuple(member.node for member in view.members)
    minority = names[: members - majority(view)] or names[:1]
    cut = frozenset((a, b) for a in names for b in names if (a in minority) != (b in minority))

    def commands(local: Local) -> tuple[Command, ...]:
        if local.data.lifecycle.state != "wedged":
            return (ContactDoubted(),)
        # Operators who do not talk to each other: one keeps the minority, another a single process.
        together = (ForceView(minority, "token"),) if local.data.node in minority else ()
        return (*together, ForceView((local.data.node,), "token"))

    return Model(
        name="membership-wedge",
        parameters={
            "members": members,
            "doubts": doubts,
            "partitions": partitions,
            "rounds": rounds,
            "attempts": attempts,
            "losses": losses,
            "forced": forced,
            "crashes": crashes,
        },
        nodes=tuple(process(name, view, commands, CONTACT, contact_attempts=attempts) for name in names),
        network=Multiset(loss=losses),
        faults=Faults(partitions=(Partition("split", cut),), partition=partitions, crash=crashes),
        budgets={"local_contact_doubted": doubts, "local_force_view": forced}
        | ({} if rounds is None else {"timeout_contact": rounds}),
        properties=_properties(majority(view), forced=forced > 0, endless=rounds is None, fair=losses is not None),
    )


def _properties(quorum: int, *, forced: bool, endless: bool, fair: bool) -> tuple[Property, ...]:
    def one_lineage_without_force(observed: Observations) -> bool:
        return forced or len({process.view.lineage for process in observed if process.view is not None}) <= 1

    def wedged(observed: Observations) -> bool:
        return any(process.lifecycle == "wedged" for process in observed)

    def majority_acts(observed: Observations) -> bool:
        return sum(process.lifecycle == "member" for process in observed) >= quorum

    def healed(observed: Observations) -> bool:
        return any(process.history.healed for process in observed)

    def sound(observed: Observations) -> bool:
        return all(process.lifecycle in ("member", "") for process in observed)

    invariant = partial(Property, observe=observe)
    sometimes = partial(Property, observe=observe, kind="sometimes")
    properties: tuple[Property, ...] = (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M2", "Without an operator's command, no second lineage appears.", one_lineage_without_force),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M4", STATEMENTS["M4"], self_inclusion),
        sometimes("M-wedged", "A member that hears no majority is wedged.", wedged),
        sometimes("M-healed", "A wedged member heals when it hears a majority.", healed),
        sometimes("M-majority", "A majority can act.", majority_acts),
    )
    if endless and not forced:
        heals = Property(
            "ML3", "From every state, one in which nobody is wedged can be reached.", sound, "reachable", observe
        )
        properties = (*properties, heals)
    if endless and fair and not forced:
        # With a bound on what is lost, fairness of delivery, timers and healing is enough.
        statement = "A wedged member heals in every fair execution."
        properties = (*properties, Property("ML3-fair", statement, sound, "leads_to", observe, trigger=wedged))
    if not forced:
        return properties
    return (*properties, sometimes("M-forced", "A forced view can be installed by several.", _forced_twice))


def _forced_twice(observed: Observations) -> bool:
    return sum(process.view is not None and process.view.number > 1 for process in observed) > 1


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {
    "membership-wedge": ({}, {"crashes": 1}, {"losses": 1}, {"members": 2, "doubts": 2, "forced": 2}),
}
MODELS = {"membership-wedge": build}
