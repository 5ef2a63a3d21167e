"""Liveness in every fair execution: who asks is admitted, who is excluded comes back, and all end in one view.

Lifecycle, catch-up and view change run as they are, against an environment that suspects members rightly or wrongly.
Timers fire as often as they like. Weak fairness is asked of deliveries, timers and recoveries; suspicions, crashes and
losses have budgets, so that from some moment on there are none.
"""

from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import PROCESS, WITHOUT_CATCH_UP, Suspect, without_answers
from coordfsm.check.models.membership_consensus import NAMES, first_view
from coordfsm.check.models.membership_join import unhurried
from coordfsm.kernel import Command, Composition, Input, Step, Value, Write
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord, MembershipData, current_view
from coordfsm.protocols.membership.events import Join
from coordfsm.protocols.membership.properties import STATEMENTS
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.view import View, member_of

FOUNDED = 1
"""The number of the first view."""

SETTINGS = Settings(takeover_ms=0, join_attempts=2, handover_attempts=2)


def timeless(runs: Composition, data: Any, given: Input) -> Step:
    """Step without the counts that only lengthen delays: time does not pass here, and they would never end."""
    step = unhurried(without_answers(runs, data, given), given)
    held: MembershipData = step.data
    lifecycle, change = held.lifecycle, held.view_change
    if lifecycle.state == "seeking":
        lifecycle = replace(lifecycle, attempt=0)
    if change.state in ("preparing", "accepting"):
        change = replace(change, attempts=0)
    change = replace(change, failures=0)
    if (lifecycle, change) == (held.lifecycle, held.view_change):
        return step
    return step._replace(data=replace(held, lifecycle=lifecycle, view_change=change))


class Standing(Value):
    """One process as the properties see it.

    Attributes:
        node: its id; empty while it is down.
        state: of its lifecycle.
        view: the view it acts in, None if it acts in none.
    """

    node: str = ""
    state: str = "down"
    view: View | None = None


Standings = tuple[Standing, ...]


def standing(local: Local) -> Standing:
    """Project a local state."""
    data: MembershipData | None = local.data
    return Standing() if data is None else Standing(data.node, data.lifecycle.state, current_view(data))


def build(
    *,
    members: Annotated[int, Parameter("members of the first view", minimum=1, maximum=3)] = 2,
    joiners: Annotated[int, Parameter("processes outside that may join", minimum=0, maximum=2)] = 0,
    suspicions: Annotated[int, Parameter("how often a member is condemned, rightly or wrongly", minimum=0)] = 1,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery", minimum=0)] = 0,
    losses: Annotated[int, Parameter("messages that are lost for good", minimum=0)] = 0,
    catch_up: Annotated[bool, Parameter("whether questions for missed views and the answers ever arrive")] = True,
) -> Model:
    """Join, exclusion and rejoin, in every fair execution: ML2 and ML3."""
    given = dict(locals())
    runs = PROCESS if catch_up else WITHOUT_CATCH_UP
    view = first_view(members)
    names = tuple(NAMES[: members + joiners])

    def commands(local: Local) -> tuple[Command, ...]:
        held = current_view(local.data)
        if local.data.lifecycle.state == "detached":
            return (Join(names[:1]),)
        if held is None:
            return ()
        return tuple(Suspect(member.node) for member in held.members if member.node != local.data.node)

    def node(name: str) -> Node:
        durable = (Write(IDENTITY_KEY, IdentityRecord(1, None)), Write(VIEW_KEY, view))
        return Node(
            name,
            initial(name, name, SETTINGS),
            partial(timeless, runs),
            commands,
            boots=True,
            durable=() if member_of(view, name) is None else durable,
            rules=runs.rule_names,
        )

    return Model(
        name="membership-fair",
        parameters=given,
        nodes=tuple(node(name) for name in names),
        network=UnreliableSet(loss=losses),
        faults=Faults(crash=crashes),
        budgets={"local_suspect": suspicions, "timeout_takeover": crashes},
        properties=_properties(),
    )


def _properties() -> tuple[Property, ...]:
    def acting(processes: Standings) -> list[Standing]:
        return [process for process in processes if process.view is not None]

    def asking(processes: Standings) -> bool:
        return bool(acting(processes)) and any(process.state in ("seeking", "waiting") for process in processes)

    def apart(processes: Standings) -> bool:
        return not settled(processes)

    def settled(processes: Standings) -> bool:
        """All that are in a cluster or want to be act in one view; one that crashed while it asked must ask again."""
        inside = [process for process in processes if process.state != "detached"]
        views = {process.view for process in inside}
        if len(views) != 1 or any(process.state != "member" for process in inside):
            return False
        (view,) = views
        outside = {process.node for process in processes if process.state == "detached"}
        return view is not None and {member.node for member in view.members} - outside == {p.node for p in inside}

    def returned(processes: Standings) -> bool:
        return settled(processes) and any(p.view is not None and p.view.number > FOUNDED for p in processes)

    leads_to = partial(Property, kind="leads_to", observe=standing)
    return (
        leads_to("ML2-fair", "Who asks is a member in the end, in every fair execution.", settled, trigger=asking),
        leads_to("ML3-fair", STATEMENTS["ML3"] + " In every fair execution.", settled, trigger=apart),
        Property("M-settled", "After a change all can be in one view.", returned, "sometimes", standing),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {
    "membership-fair": (
        {},
        {"crashes": 1},
        {"members": 1, "joiners": 2, "suspicions": 0},
        {"members": 1, "joiners": 1, "losses": 1},
    )
}
MODELS = {"membership-fair": build}
