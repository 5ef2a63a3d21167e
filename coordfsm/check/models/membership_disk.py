"""A member whose disk is lost asks to come back, and the seed that it asks may lag behind.

Lifecycle and view change run as they are. The seed is a member of the first view, and hears of later ones late or
never: what it says of the incarnations that a node has had may be out of date.
"""

from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import WITHOUT_CATCH_UP, chain_properties, process, without_answers
from coordfsm.check.models.membership_consensus import NAMES, first_view
from coordfsm.check.models.membership_founding import Wipe, wiped
from coordfsm.kernel import Command, Composition, Input, Step
from coordfsm.protocols.membership.events import Join
from coordfsm.protocols.membership.properties import Observations, observe
from coordfsm.protocols.view import View

SEED, COORDINATOR, JOINER = PROCESSES = tuple(NAMES[:3])


def losing(runs: Composition, first: Any, data: Any, given: Input) -> Step:
    """A step of the joiner, or its start with an empty disk."""
    return wiped(runs, first, data, given) if isinstance(given, Wipe) else without_answers(runs, data, given)


def commands(local: Local) -> tuple[Command, ...]:
    """The joiner joins whenever it is in no cluster, with another token on each disk."""
    if local.data.node != JOINER:
        return ()
    keys = tuple(record.key for record in local.durable)
    loss = (Wipe(keys, local.timers),) if keys else ()
    if local.data.lifecycle.state != "detached":
        return loss
    return (*loss, Join((SEED,), f"disk {len(local.history.asked)}"))


def joiner(view: View) -> Node:
    """The process that joins and may lose its disk."""
    outside = process(JOINER, view, commands, WITHOUT_CATCH_UP)
    return Node(
        JOINER,
        outside.initial,
        partial(losing, WITHOUT_CATCH_UP, outside.initial),
        commands,
        boots=True,
        history=outside.history,
        first_history=outside.first_history,
        rules=outside.rules,
        events=("local_wipe",),
    )


def build(
    *,
    wipes: Annotated[int, Parameter("disks that are lost", minimum=0, maximum=2)] = 1,
    retries: Annotated[int, Parameter("how often a joiner asks again", minimum=0)] = 0,
) -> Model:
    """A joiner loses its disk as a member, or on the way in, and asks a seed that may lag behind."""
    view = first_view(2)
    last = view.number + wipes + 1

    def within_bound(local: Local) -> bool:
        held = None if local.data is None else local.data.view_change.view
        return held is None or held.number <= last

    def back(observed: Observations) -> bool:
        process = observed[-1]
        return len({view.id for view in process.history.installed}) > wipes and process.lifecycle == "member"

    members = tuple(process(name, view, commands, WITHOUT_CATCH_UP) for name in (SEED, COORDINATOR))
    statement = "A member that lost its disk can come back."
    return Model(
        name="membership-disk",
        parameters={"wipes": wipes, "retries": retries},
        nodes=(*members, joiner(view)),
        network=UnreliableSet(),
        budgets={"local_wipe": wipes, "local_join": wipes + 1, "timeout_join": retries}
        | dict.fromkeys(("timeout_rejoin", "timeout_takeover", "timeout_leave", "timeout_proposal"), 0)
        | {"timeout_handover": 0},
        boundary=within_bound,
        properties=(
            *chain_properties(view, PROCESSES, returns=False, chains=False),
            Property("M-back", statement, back, "sometimes", observe),
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-disk": ({},)}
MODELS = {"membership-disk": build}
