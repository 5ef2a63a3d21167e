"""The failure detector alone: one monitor, its subjects, timers that fire at any moment, a network that loses at will.

The subjects answer and rebut as members do. They may crash for good.
"""

from functools import partial
from typing import Annotated

from msgspec.structs import replace

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command, Composition, Endpoint, Input, Map, Part, Received, Send, Step
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.data import LifecycleData, MembershipData, ViewChangeData
from coordfsm.protocols.membership.failure_detection.health import HEALTH
from coordfsm.protocols.membership.failure_detection.machine import DETECTOR, DETECTORS
from coordfsm.protocols.membership.lifecycle.machine import LIFECYCLE
from coordfsm.protocols.membership.messages import Accusation, Condemnation, Exoneration, Rebuttal
from coordfsm.protocols.membership.properties import STATEMENTS, History, remember
from coordfsm.protocols.membership.settings import Settings
from coordfsm.protocols.membership.view_change.catch_up import CATCH_UP
from coordfsm.protocols.view import Member, View, ViewInstalled

_MEMBER = (Part("lifecycle", LIFECYCLE), Part("catch_up", CATCH_UP))
PROBING = Composition("probing", (*_MEMBER, Part("health", HEALTH), Part("detectors", DETECTOR, DETECTORS)))
ANSWERING = Composition("answering", _MEMBER)

TOLD = "What a monitor says against a member it says to all members, and takes back before all of them."
NOTE = "No accusation ends by a note that the accuser knew of: a crashed member's old notes do not keep it alive."

SETTINGS = Settings(missed_limit=2, recovery_acks=1, health_limit=1)


class DetectingData(MembershipData):
    """A process of this model.

    Attributes:
        held: whom this process told of which subject that it accuses or condemns it, and not yet that it does no more.
        revived: an accusation ended by a note that the accuser knew of when it accused.
    """

    held: frozenset[tuple[Endpoint, str]] = frozenset()
    revived: bool = False


def noting(runs: Composition, data: DetectingData, given: Input) -> Step:
    """Step, and note what was said of subjects: kept apart from the detector, to judge it."""
    step = runs.step(data, given)
    after: DetectingData = step.data
    held, revived = data.held, data.revived
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Accusation | Condemnation):
            held |= {(effect.to, effect.message.subject.node)}
        elif isinstance(effect, Send) and isinstance(effect.message, Exoneration):
            held -= {(effect.to, effect.message.subject.node)}
    if isinstance(given, Received) and isinstance(given.message, Rebuttal):
        node = given.message.origin.node
        before = data.detectors.get(node)
        if before is not None and before.state == "accused" and after.detectors[node].state == "trusted":
            revived = revived or given.message.epoch <= before.epoch
    if (held, revived) == (data.held, data.revived):
        return step
    return step._replace(data=replace(after, held=held, revived=revived))


def build(
    subjects: Annotated[int, Parameter("members that the monitor watches", minimum=1, maximum=2)] = 1,
    crashes: Annotated[int, Parameter("subjects that crash for good", minimum=0, maximum=2)] = 1,
    losses: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = None,
    epochs: Annotated[int, Parameter("the highest note epoch", minimum=1)] = 1,
) -> Model:
    """Failure detector: accusation, rebuttal, condemnation, withdrawal; a monitor that hears nobody suspects itself."""
    view = first_view(subjects + 1)
    monitor, *watched = view.members
    names = tuple(member.node for member in watched)

    def commands(local: Local) -> tuple[Command, ...]:
        return () if local.data.detectors else (ViewInstalled(view),)

    def within_bound(local: Local) -> bool:
        return local.data is None or local.data.lifecycle.epoch <= epochs

    nodes = [_node(monitor, view, PROBING, SETTINGS)]
    nodes += [_node(member, view, ANSWERING, SETTINGS) for member in watched]
    first = nodes[0]
    nodes[0] = Node(
        first.name, first.initial, first.step, commands, history=remember, first_history=History(), rules=first.rules
    )
    return Model(
        name="membership-detector",
        parameters={"subjects": subjects, "crashes": crashes, "losses": losses, "epochs": epochs},
        nodes=tuple(nodes),
        network=Multiset(loss=losses),
        faults=Faults(crash=crashes, crashable=names, recover=False, torn=False),
        # Announcements, and rounds of contact with them, change nothing for the detector.
        budgets={"timeout_condemned": 0, "timeout_contact": 0},
        boundary=within_bound,
        properties=(*_properties(names), *(_fair_properties() if losses is not None and subjects == 1 else ())),
    )


def _node(member: Member, view: View, runs: Composition, settings: Settings) -> Node:
    base = initial(member.node, member.endpoint, settings)
    data = DetectingData(
        base.node,
        base.endpoint,
        settings,
        lifecycle=LifecycleData(state="member", incarnation=1),
        view_change=ViewChangeData(state="stable", view=view),
    )
    step = partial(noting, runs)
    return Node(member.node, data, step, history=remember, first_history=History(), rules=runs.rule_names)


Seen = tuple[bool, Map[str, str]]


def observe_detectors(local: Local) -> Seen:
    """Whether the process is up, and the states of its detectors."""
    if local.data is None:
        return False, Map()
    return True, Map({node: detector.state for node, detector in local.data.detectors.items()})


Said = tuple[frozenset[tuple[Endpoint, str]], frozenset[str], bool]


def observe_said(local: Local) -> Said:
    """What others were told against subjects, whom this process does not trust, and whether an old note counted."""
    if local.data is None:
        return frozenset(), frozenset(), False
    distrusted = (node for node, detector in local.data.detectors.items() if detector.state != "trusted")
    return local.data.held, frozenset(distrusted), local.data.revived


def _properties(names: tuple[str, ...]) -> tuple[Property, ...]:
    def states(seen: tuple[Seen, ...]) -> Map[str, str]:
        return seen[0][1]

    def up(seen: tuple[Seen, ...], name: str) -> bool:
        return seen[1 + names.index(name)][0]

    def condemns_the_dead(seen: tuple[Seen, ...]) -> bool:
        # One that hears nobody condemns nobody, so that somebody must be alive, or be the only subject.
        heard = len(names) == 1 or any(up(seen, name) for name in names)
        dead = [name for name in names if not up(seen, name)]
        return not heard or all(states(seen).get(name) == "condemned" for name in dead)

    def trusts_the_living(seen: tuple[Seen, ...]) -> bool:
        return all(states(seen).get(name) == "trusted" for name in names if up(seen, name))

    def not_everybody(seen: tuple[Seen, ...]) -> bool:
        return len(names) == 1 or not all(states(seen).get(name) == "accused" for name in names)

    def rebutted(seen: tuple[Seen, ...]) -> bool:
        return any(state == "condemned" for state in states(seen).values())

    def told(seen: tuple[Said, ...]) -> bool:
        # The model's members have their names for addresses.
        held, distrusted, _ = seen[0]
        return held == {(member, subject) for member in names for subject in distrusted}

    reachable = partial(Property, kind="reachable", observe=observe_detectors)
    return (
        reachable("ML1", "From every state, the monitor can come to condemn whoever crashed.", condemns_the_dead),
        reachable("ML4", "From every state, the monitor can come to trust whoever is alive.", trusts_the_living),
        Property(
            "ML4-self", "A monitor that misses everybody accuses not all.", not_everybody, observe=observe_detectors
        ),
        Property("ML4-told", TOLD, told, observe=observe_said),
        Property("ML1-note", NOTE, lambda seen: not any(revived for *_, revived in seen), observe=observe_said),
        Property("M-condemned", STATEMENTS["ML1"], rebutted, "sometimes", observe_detectors),
    )


def _fair_properties() -> tuple[Property, ...]:
    """With a bound on what is lost, fairness of delivery and timers is enough."""

    def down(seen: tuple[Seen, ...]) -> bool:
        return not seen[1][0] and bool(seen[0][1])

    def condemned(seen: tuple[Seen, ...]) -> bool:
        return "condemned" in seen[0][1].values()

    return (
        Property(
            "ML1-fair",
            "A crashed subject is condemned in every fair execution.",
            condemned,
            "leads_to",
            observe_detectors,
            trigger=down,
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-detector": ({}, {"crashes": 0}, {"losses": 1})}
MODELS = {"membership-detector": build}
