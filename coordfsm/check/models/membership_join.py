"""Bootstrap and join: one process founds a cluster, others ask two seeds, one of which may not be a member yet."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import PROCESS
from coordfsm.check.models.membership_consensus import NAMES, without_confirmations
from coordfsm.kernel import Command, Input, ParameterError, Recover, Send, SetTimer, Step, Steppable
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.cut_detection.admission import OTHER_LABEL
from coordfsm.protocols.membership.events import Bootstrap, Join, Leave
from coordfsm.protocols.membership.properties import (
    ACTING,
    STATEMENTS,
    History,
    Observations,
    agreement,
    converged,
    is_admitted,
    known_views,
    lineage,
    monotonic,
    no_return,
    observe,
    remember,
    self_inclusion,
    single_value,
    validity,
)
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.membership.view_change.consensus import TAKEOVER

FOREIGNER = "z"
UNREACHABLE = "y"
NOWHERE = "nowhere"


def without_the_lost(stepping: Callable[..., Step], runs: Steppable, data: Any, given: Input) -> Step:
    """Step, but what is sent to the address where nobody answers is lost."""
    step = stepping(runs, data, given)
    kept = tuple(effect for effect in step.effects if not (isinstance(effect, Send) and effect.to == NOWHERE))
    return step if len(kept) == len(step.effects) else step._replace(effects=kept)


def without_haste(runs: Steppable, data: Any, given: Input) -> Step:
    """Step without confirmations, and with a takeover only after a recovery."""
    return unhurried(without_confirmations(runs, data, given), given)


def unhurried(step: Step, given: Input) -> Step:
    """The step, except that only a process that recovers takes over: the other timers for that are too slow."""
    if isinstance(given, Recover):
        return step
    kept = tuple(effect for effect in step.effects if not (isinstance(effect, SetTimer) and effect.timer == TAKEOVER))
    return step if len(kept) == len(step.effects) else step._replace(effects=kept)


def build(
    *,
    joiners: Annotated[int, Parameter("processes that join", minimum=1, maximum=3)] = 2,
    strangers: Annotated[int, Parameter("processes with another label that try", minimum=0, maximum=1)] = 0,
    retries: Annotated[int, Parameter("how often a joiner asks again, or asks another seed", minimum=0)] = 1,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 0,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 0,
    leaves: Annotated[int, Parameter("joiners that change their mind on the way in", minimum=0)] = 0,
    views: Annotated[int, Parameter("the number of the last view", minimum=1)] = 3,
    unreachable: Annotated[int, Parameter("joiners that advertise a wrong address", minimum=0, maximum=1)] = 0,
) -> Model:
    """Bootstrap and join with two seeds; a stranger is refused with a reason.

    Who is `unreachable` hears the seeds' answers, and nothing that is sent to the address that it advertises.

    ML2 is left out with `takeovers`: they can be spent before they are needed. Without, only a process that recovers
    takes over, so that a proposal that nobody heard of is taken up again.
    """
    if views <= joiners:
        raise ParameterError(f"views={views}: {joiners} joiners may come in one by one, so up to view {joiners + 1}")
    names = tuple(NAMES[: joiners + 1])
    seeds = names[:2]

    def commands(local: Local) -> tuple[Command, ...]:
        if local.data.lifecycle.state in ("seeking", "waiting"):
            return (Leave(),) if leaves else ()
        if local.data.lifecycle.state != "detached":
            return ()
        if local.data.node == names[0]:
            return (Bootstrap("token"),)
        return (Join(tuple(seed for seed in seeds if seed != local.data.node)),)

    def node(name: str) -> Node:
        settings = Settings(label="other" if name == FOREIGNER else "cluster", join_attempts=2, takeover_ms=0)
        stepping = without_confirmations if takeovers else without_haste
        return Node(
            name,
            initial(name, NOWHERE if name == UNREACHABLE else name, settings),
            partial(without_the_lost, stepping, PROCESS) if unreachable else partial(stepping, PROCESS),
            commands,
            boots=True,
            history=remember,
            first_history=History(),
            rules=PROCESS.rule_names,
        )

    def within_bound(local: Local) -> bool:
        held = None if local.data is None else local.data.view_change.view
        return held is None or held.number <= views

    everybody = (*names, *([UNREACHABLE] if unreachable else []), *([FOREIGNER] if strangers else []))
    return Model(
        name="membership-join",
        parameters={
            "joiners": joiners,
            "strangers": strangers,
            "retries": retries,
            "takeovers": takeovers,
            "crashes": crashes,
            "leaves": leaves,
            "views": views,
            "unreachable": unreachable,
        },
        nodes=tuple(node(name) for name in everybody),
        network=UnreliableSet(),
        faults=Faults(crash=crashes),
        budgets={
            "timeout_join": retries,
            "timeout_takeover": takeovers or crashes,
            "timeout_leave": retries,
            # A founder that crashes before its view is durable is told again.
            "local_bootstrap": 1 + crashes,
            "local_leave": leaves,
        }
        | dict.fromkeys(("timeout_proposal", "timeout_handover", "timeout_rejoin"), 0),
        boundary=within_bound,
        properties=_properties(
            everybody,
            names,
            strangers=strangers,
            leaves=leaves,
            live=not takeovers,
        ),
    )


def _properties(
    everybody: tuple[str, ...], names: tuple[str, ...], *, strangers: int, leaves: int, live: bool
) -> tuple[Property, ...]:
    def chain(observed: Observations) -> bool:
        return lineage(observed, frozenset(view for view in known_views(observed) if not view.parent))

    def founded_once(observed: Observations) -> bool:
        return len({view.lineage for view in known_views(observed)}) <= 1

    def strangers_outside(observed: Observations) -> bool:
        return all(not process.history.installed for process in observed if process.node == FOREIGNER)

    def all_in(observed: Observations) -> bool:
        return all(is_admitted(observed, name) for name in names) and converged(observed)

    def nobody_missing(observed: Observations) -> bool:
        gone = {name for name, process in zip(everybody, observed, strict=True) if process.history.left}
        views = [process.view for process in observed if process.lifecycle in ACTING and process.view is not None]
        return all(member.node not in gone for view in views for member in view.members)

    def reached(observed: Observations) -> bool:
        return all(member.endpoint != NOWHERE for view in known_views(observed) for member in view.members)

    def refused(observed: Observations) -> bool:
        return any(process.node == FOREIGNER and OTHER_LABEL in process.history.refused for process in observed)

    invariant = partial(Property, observe=observe)
    sometimes = partial(Property, observe=observe, kind="sometimes")
    properties: tuple[Property, ...] = (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M2", STATEMENTS["M2"], chain),
        invariant("M2-founder", "Nothing bootstraps by itself: there is one lineage.", founded_once),
        invariant("M3", STATEMENTS["M3"], monotonic),
        invariant("M4", STATEMENTS["M4"], self_inclusion),
        invariant("M5", STATEMENTS["M5"], partial(validity, everybody)),
        invariant("M6", STATEMENTS["M6"], no_return),
        invariant("M7", STATEMENTS["M7"], single_value),
        sometimes("M-joined", "All joiners can be members of one view.", all_in),
    )
    if leaves:
        statement = "A joiner that gives up leaves nobody in a view that has it: from every state this can be reached."
        properties += (Property("ML3-given-up", statement, nobody_missing, "reachable", observe),)
    elif live:
        properties += (Property("ML2", STATEMENTS["ML2"], all_in, "reachable", observe),)
    if UNREACHABLE in everybody:
        statement = "Who does not answer at the address that it advertises is in no view."
        properties += (invariant("M5-address", statement, reached),)
    if not strangers:
        return properties
    return (
        *properties,
        invariant("M5-label", "A process with another label is never a member.", strangers_outside),
        sometimes("M-refused", "It is told why.", refused),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {
    "membership-join": (
        {},
        {"joiners": 1, "retries": 3},
        {"joiners": 1, "strangers": 1, "crashes": 1},
        {"joiners": 1, "leaves": 1, "retries": 2},
        {"joiners": 1, "unreachable": 1, "retries": 0},
    )
}
MODELS = {"membership-join": build}
