"""Founding: processes that are told to found a cluster and have each other as seeds, and one that loses its disk."""

from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_consensus import NAMES
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Composition,
    Input,
    Part,
    Persist,
    Recover,
    Step,
    Steppable,
    Timer,
    Value,
    Write,
)
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.data import VIEW_KEY, MembershipData
from coordfsm.protocols.membership.events import Found, FoundingBegun, FoundingDecided, FoundingRefused
from coordfsm.protocols.membership.founding.machine import FOUNDER
from coordfsm.protocols.membership.lifecycle.machine import LIFECYCLE
from coordfsm.protocols.membership.properties import STATEMENTS
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.membership.view_change.machine import VIEW_CHANGE
from coordfsm.protocols.view import View

PROCESS = Composition(
    "founding", (Part("lifecycle", LIFECYCLE), Part("view_change", VIEW_CHANGE), Part("founder", FOUNDER))
)


class Wipe(Command):
    """The process ends, loses its disk, and starts again.

    Attributes:
        keys: all that its store holds.
        timers: all that are set.
    """

    keys: tuple[str, ...]
    timers: tuple[Timer, ...]


class Foundings(Value):
    """What an onlooker remembers of one process.

    Attributes:
        begun: how often it began to ask.
        unasked: it founded a cluster while a seed had not answered, and without an operator's word.
        refused: why it did not found one.
    """

    begun: int = 0
    unasked: bool = False
    refused: frozenset[str] = frozenset()


def remember(history: Foundings, event: Value) -> Foundings:
    """Fold one notification into the history."""
    if isinstance(event, FoundingBegun):
        return Foundings(history.begun + 1, history.unasked, history.refused)
    if isinstance(event, FoundingDecided):
        asked = event.confirmed or event.answered >= frozenset(event.seeds)
        return Foundings(history.begun, history.unasked or not asked, history.refused)
    if isinstance(event, FoundingRefused):
        return Foundings(history.begun, history.unasked, history.refused | {event.reason})
    return history


def wiped(runs: Steppable, first: MembershipData, data: Any, given: Input) -> Step:
    """A step, or a start with an empty disk."""
    if not isinstance(given, Wipe):
        return runs.step(data, given)
    step = runs.step(first, Recover())
    gone = Persist(tuple(Write(key, None) for key in given.keys))
    return step._replace(effects=(*(CancelTimer(timer) for timer in given.timers), gone, *step.effects))


def build(
    *,
    processes: Annotated[int, Parameter("processes that are told to found a cluster", minimum=2, maximum=3)] = 2,
    confirmed: Annotated[bool, Parameter("whether an operator says that silent seeds do not matter")] = False,
    tellings: Annotated[int, Parameter("how often processes are told to found a cluster", minimum=1)] = 3,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 1,
    wipes: Annotated[int, Parameter("disks that are lost", minimum=0)] = 1,
    timeouts: Annotated[int, Parameter("how often a process tires of waiting for answers", minimum=0)] = 2,
) -> Model:
    """Processes that are all told to found a cluster, each with all others as seeds; at most one does."""
    given = dict(locals())
    names = tuple(NAMES[:processes])

    def commands(local: Local) -> tuple[Command, ...]:
        data = local.data
        keys = tuple(record.key for record in local.durable)
        loss = (Wipe(keys, local.timers),) if keys else ()
        if data.lifecycle.state != "detached" or data.founder.state != "idle" or data.lifecycle.incarnation:
            return loss
        others = tuple(name for name in names if name != data.node)
        return (*loss, Found(f"{data.node}{local.history.begun}", others, confirmed))

    def node(name: str) -> Node:
        first = initial(name, name, Settings(join_attempts=2))
        return Node(
            name,
            first,
            partial(wiped, PROCESS, first),
            commands,
            boots=True,
            history=remember,
            first_history=Foundings(),
            rules=PROCESS.rule_names,
            events=("local_wipe",),
        )

    return Model(
        name="membership-founding",
        parameters=given,
        nodes=tuple(node(name) for name in names),
        network=UnreliableSet(),
        faults=Faults(crash=crashes),
        budgets={"local_found": tellings, "local_wipe": wipes, "timeout_founding": timeouts},
        properties=_properties(confirmed=confirmed),
    )


def _properties(*, confirmed: bool) -> tuple[Property, ...]:
    def observe(local: Local) -> tuple[str, Foundings]:
        stored = next((record.value for record in local.durable if record.key == VIEW_KEY), None)
        return (stored.lineage if isinstance(stored, View) else "", local.history)

    def one_cluster(observed: tuple[tuple[str, Foundings], ...]) -> bool:
        return len({lineage for lineage, _ in observed if lineage}) <= 1

    def all_asked(observed: tuple[tuple[str, Foundings], ...]) -> bool:
        return not any(history.unasked for _, history in observed)

    def founded(observed: tuple[tuple[str, Foundings], ...]) -> bool:
        return any(lineage for lineage, _ in observed)

    def refused(observed: tuple[tuple[str, Foundings], ...]) -> bool:
        return any(history.refused for _, history in observed)

    asked = "Nobody founds a cluster while a seed is silent, but with an operator's word."
    properties = (
        Property("S3-asked", asked, all_asked, observe=observe),
        Property("S-founds", "A cluster is founded.", founded, "sometimes", observe),
        Property("S-refused", "A founder is refused.", refused, "sometimes", observe),
    )
    if confirmed:
        return properties
    return (Property("S3", STATEMENTS["S3"], one_cluster, observe=observe), *properties)


DEFAULTS: dict[str, tuple[dict[str, Any], ...]] = {"membership-founding": ({}, {"confirmed": True})}
MODELS = {"membership-founding": build}
