"""The cut detector alone, with asymmetric loss: evidence reaches it late, in part, in any order, or not at all.

Monitors condemn and exonerate as the environment likes: all monitors of a crashed member, and some monitors of a
healthy one, over links that lose everything. Cut detectors do not influence each other, so that one of them stands for
all; the other members only emit evidence.
"""

from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace
from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_consensus import NAMES, first_view
from coordfsm.kernel import (
    Command,
    Composition,
    Effect,
    Machine,
    Map,
    ParameterError,
    Part,
    Raise,
    Received,
    Send,
    Value,
    compile_machine,
)
from coordfsm.protocols.membership.chain import fits
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.cut_detection.admission import challenge_of
from coordfsm.protocols.membership.cut_detection.machine import CUT_DETECTOR
from coordfsm.protocols.membership.cut_detection.rules import cut_of, high_mark
from coordfsm.protocols.membership.data import MembershipData, ViewChangeData, stamp_of
from coordfsm.protocols.membership.events import AccusationMade, ProposeCut, SubjectCondemned, SubjectExonerated
from coordfsm.protocols.membership.messages import (
    NO_CUT,
    Accusation,
    Condemnation,
    Exoneration,
    JoinRequest,
    LeaveRequest,
    MemberId,
)
from coordfsm.protocols.membership.properties import STATEMENTS, History, remember
from coordfsm.protocols.view import Member, View, monitors, ring_order

STRANGERS = ("x", "y")


class Suspicious(Command):
    """The environment makes a monitor accuse a subject."""

    subject: MemberId


class Miss(Command):
    """The environment makes a monitor condemn a subject."""

    subject: MemberId


class Hear(Command):
    """The environment makes a monitor withdraw it."""

    subject: MemberId


class AskToLeave(Command):
    """A member asks to leave."""


class AskToJoin(Command):
    """A stranger asks to join, from an address that it has proven; its request travels through this process."""

    node: str
    endpoint: str


class MonitoringData(Value):
    """What a monitor says of its subjects.

    Attributes:
        observer: the process whose cut detector is looked at.
        condemned: whom it condemns now.
        ever: whom it ever condemned.
        fresh: at the observer, subject and monitor to the looks since that monitor last condemned it, below 2.
        baseless: at the observer, whom a ripe cut condemned without H monitors that were heard lately.
        crowded: at the observer, a ripe cut admitted several, and those who stay were no majority beside them.
        asking: at the observer, joiners to the looks since they last asked, below 2.
        gone: at the observer, a ripe cut admitted a joiner that had not asked lately.
    """

    observer: str
    condemned: frozenset[str] = frozenset()
    ever: frozenset[str] = frozenset()
    fresh: Map[tuple[str, str], int] = Map()
    baseless: frozenset[str] = frozenset()
    crowded: bool = False
    asking: Map[str, int] = Map()
    gone: bool = False
    state: str = "watching"


class WatchData(MembershipData):
    """A process of this model."""

    monitoring: MonitoringData = MonitoringData("")


Done = tuple[MonitoringData, tuple[Effect, ...]]


def _view(context: WatchData) -> View:
    assert context.view_change.view is not None
    return context.view_change.view


def say_accused(data: MonitoringData, given: Suspicious, context: WatchData) -> Done:
    """Tell the own cut detector and the observer."""
    message = Accusation(stamp_of(_view(context)), MemberId(context.node, 1), given.subject, 0)
    return data, (Raise(AccusationMade(given.subject)), *_tell(data, context, message))


def say_condemned(data: MonitoringData, given: Miss, context: WatchData) -> Done:
    """Tell the own cut detector and the observer."""
    node = given.subject.node
    message = Condemnation(stamp_of(_view(context)), MemberId(context.node, 1), given.subject)
    data = replace(data, condemned=data.condemned | {node}, ever=data.ever | {node})
    return data, (Raise(SubjectCondemned(given.subject)), *_tell(data, context, message))


def say_exonerated(data: MonitoringData, given: Hear, context: WatchData) -> Done:
    """Tell the own cut detector and the observer."""
    message = Exoneration(stamp_of(_view(context)), MemberId(context.node, 1), given.subject)
    data = replace(data, condemned=data.condemned - {given.subject.node})
    return data, (Raise(SubjectExonerated(given.subject)), *_tell(data, context, message))


def say_leaving(data: MonitoringData, given: Value, context: WatchData) -> Done:
    """Tell the observer."""
    return data, _tell(data, context, LeaveRequest(stamp_of(_view(context)), MemberId(context.node, 1)))


def say_joining(data: MonitoringData, given: AskToJoin, context: WatchData) -> Done:
    """Tell the observer."""
    view = _view(context)
    challenge = challenge_of(view, data.observer, given.node, given.endpoint)
    joiner = Member(given.node, 2, given.endpoint)
    request = JoinRequest(context.settings.label, stamp_of(view), joiner, challenge)
    return data, _tell(data, context, request)


def _tell(
    data: MonitoringData,
    context: WatchData,
    message: Accusation | Condemnation | Exoneration | LeaveRequest | JoinRequest,
) -> tuple[Effect, ...]:
    return () if context.node == data.observer else (Send(data.observer, message),)


# -- what the observer was told, and when: kept apart from the cut detector, to judge it ------------------------------


def note_condemned(data: MonitoringData, given: Received) -> Done:
    """Said just now."""
    message: Any = given.message
    return replace(data, fresh=data.fresh.set((message.subject.node, message.origin.node), 0)), ()


def note_exonerated(data: MonitoringData, given: Received) -> Done:
    """Withdrawn."""
    message: Any = given.message
    key = message.subject.node, message.origin.node
    return (replace(data, fresh=data.fresh.delete(key)) if key in data.fresh else data), ()


def note_look(data: MonitoringData, given: Value) -> Done:
    """Time has passed; what was said two looks ago and not since says nothing any more."""
    fresh: Map[tuple[str, str], int] = Map({key: looks + 1 for key, looks in data.fresh.items() if not looks})
    asking: Map[str, int] = Map({node: looks + 1 for node, looks in data.asking.items() if not looks})
    return replace(data, fresh=fresh, asking=asking), ()


def note_request(data: MonitoringData, given: Received) -> Done:
    """Asked just now."""
    message: Any = given.message
    return replace(data, asking=data.asking.set(message.member.node, 0)), ()


def judge_cut(data: MonitoringData, given: ProposeCut, context: WatchData) -> Done:
    """Whether H monitors of each condemned member condemn it, were heard condemning it lately, or are condemned.

    And whether those who stay are a majority beside those who come.
    """
    view, gone = _view(context), {member.node for member in given.cut.condemned}
    lately = {*data.fresh, *((node, context.node) for node in data.condemned)}
    baseless = set()
    for node in gone:
        watchers = monitors(view, node)
        votes = sum((node, watcher) in lately or watcher in gone for watcher in watchers)
        if votes < high_mark(len(watchers)):
            baseless.add(node)
    stay = len(view.members) - len(gone | {member.node for member in given.cut.leaving})
    crowded = len(given.cut.joining) > 1 and stay <= len(given.cut.joining)
    lapsed = any(joiner.node not in data.asking for joiner in given.cut.joining)
    data = replace(data, baseless=data.baseless | baseless, crowded=data.crowded or crowded)
    return replace(data, gone=data.gone or lapsed), ()


class Monitoring(Machine):
    """Stands in for the failure detectors of one process."""

    watching = State(initial=True)

    local_suspicious = watching.to(watching, internal=True, on=say_accused)
    local_miss = watching.to(watching, internal=True, on=say_condemned)
    local_hear = watching.to(watching, internal=True, on=say_exonerated)
    local_ask_to_leave = watching.to(watching, internal=True, on=say_leaving)
    local_ask_to_join = watching.to(watching, internal=True, on=say_joining)

    recv_condemnation = watching.to(watching, internal=True, on=note_condemned)
    recv_exoneration = watching.to(watching, internal=True, on=note_exonerated)
    recv_join_request = watching.to(watching, internal=True, on=note_request)
    timeout_evidence = watching.to(watching, internal=True, on=note_look)
    local_propose_cut = watching.to(watching, internal=True, on=judge_cut)


MONITORING = Part("monitoring", compile_machine(Monitoring))
OBSERVER = Composition("observer", (MONITORING, Part("cut", CUT_DETECTOR)))
EMITTER = Composition("emitter", (MONITORING,))


def build(  # noqa: PLR0913  (parameters of the model, given by name)
    *,
    members: Annotated[int, Parameter("members of the view", minimum=3, maximum=7)] = 5,
    crashed: Annotated[int, Parameter("members that all their monitors may condemn", minimum=0)] = 1,
    lossy: Annotated[int, Parameter("monitors that may condemn a healthy member over lossy links", minimum=0)] = 1,
    accusations: Annotated[int, Parameter("accusations before the condemnations", minimum=0)] = 0,
    withdrawals: Annotated[int, Parameter("how often a monitor withdraws", minimum=0)] = 1,
    leaves: Annotated[int, Parameter("members that ask to leave", minimum=0, maximum=1)] = 0,
    joins: Annotated[int, Parameter("strangers that ask to join", minimum=0, maximum=2)] = 0,
    apart: Annotated[bool, Parameter("whether each stranger has an address of its own, or all have one")] = False,
    looks: Annotated[int, Parameter("how often the observer looks for evidence not repeated", minimum=0)] = 0,
) -> Model:
    """Cut detector: H and L, reinforcement and tolerance under asymmetric loss, joins and leaves in the same cut."""
    view = first_view(members)
    # The coordinator observes, since it is the one that joiners ask; the last in line is healthy, those before crashed.
    order = [member.node for member in ring_order(view)]
    observer, healthy, dead = order[0], order[-1], tuple(order[-2:0:-1][:crashed])
    if len(dead) < crashed or crashed + lossy >= high_mark(members - 1):
        raise ParameterError(
            f"membership-cut: crashed + lossy must be below H = {high_mark(members - 1)} "
            f"for {members} members, got {crashed} + {lossy}"
        )
    strangers = tuple((stranger, stranger if apart else STRANGERS[0]) for stranger in STRANGERS[:joins])
    witnesses = tuple(node for node in monitors(view, healthy) if node not in dead)[:lossy]

    def commands(local: Local) -> tuple[Command, ...]:
        node, held = local.data.node, local.data.monitoring
        if node in dead:
            return ()
        subjects = [other for other in (*dead, healthy) if other in dead or node in witnesses]
        given: list[Command] = [Miss(MemberId(other, 1)) for other in subjects if other not in held.ever]
        given += [Suspicious(MemberId(other, 1)) for other in subjects if other not in held.ever]
        given += [Hear(MemberId(other, 1)) for other in subjects if other in held.condemned]
        if node == order[1]:
            given += [AskToLeave(), *(AskToJoin(*stranger) for stranger in strangers)]
        return tuple(given)

    def node(name: str) -> Node:
        runs = OBSERVER if name == observer else EMITTER
        base = initial(name, name)
        data = WatchData(
            name,
            name,
            base.settings,
            view_change=ViewChangeData(state="stable", view=view),
            monitoring=MonitoringData(observer),
        )
        return Node(name, data, runs.step, commands, history=remember, first_history=History(), rules=runs.rule_names)

    return Model(
        name="membership-cut",
        parameters={
            "members": members,
            "crashed": crashed,
            "lossy": lossy,
            "accusations": accusations,
            "withdrawals": withdrawals,
            "leaves": leaves,
            "joins": joins,
            "apart": apart,
            "looks": looks,
        },
        nodes=tuple(node(name) for name in NAMES[:members]),
        network=UnreliableSet(),
        budgets={
            "local_suspicious": accusations,
            "local_hear": withdrawals,
            "local_ask_to_leave": leaves,
            "local_ask_to_join": joins,
            "timeout_evidence": looks,
        },
        properties=_properties(view, healthy, dead, joins=joins),
    )


Seen = tuple[str, str, frozenset[str], frozenset[str]]


def observe_baseless(local: Local) -> frozenset[str]:
    """Whom it condemned in a ripe cut on what was not repeated."""
    return local.data.monitoring.baseless  # type: ignore[no-any-return]


STALE = "No cut condemns a member without H monitors that repeated it lately: condemnations of old do not add up."


def observe_crowded(local: Local) -> bool:
    """Whether one of its ripe cuts admitted more than those who stay can do without."""
    return local.data.monitoring.crowded  # type: ignore[no-any-return]


def observe_gone(local: Local) -> bool:
    """Whether one of its ripe cuts admitted a joiner that had not asked lately."""
    return local.data.monitoring.gone  # type: ignore[no-any-return]


def observe_monitor(local: Local) -> Seen:
    """Node, state of its cut detector, whom it ever condemned, whom its ripe cuts condemned."""
    return local.data.node, local.data.cut.state, local.data.monitoring.ever, local.history.proposed


def observe_joiners(local: Local) -> tuple[bool, int]:
    """Whether the cut that the evidence asks for can be decided, and how many it admits."""
    cut, view = cut_of(local.data.cut, local.data), local.data.view_change.view
    return cut == NO_CUT or fits(view, cut), len(cut.joining)


def _properties(view: View, healthy: str, dead: tuple[str, ...], *, joins: int) -> tuple[Property, ...]:
    def spared(seen: tuple[Seen, ...]) -> bool:
        return all(healthy not in proposed for _, _, _, proposed in seen)

    def proven(seen: tuple[Seen, ...]) -> bool:
        condemned = {(monitor, subject) for monitor, _, ever, _ in seen for subject in ever}
        proposed = {subject for _, _, _, subjects in seen for subject in subjects}
        for subject in proposed:
            watchers = monitors(view, subject)
            votes = sum((watcher, subject) in condemned or watcher in proposed for watcher in watchers)
            if votes < high_mark(len(watchers)):
                return False
        return True

    def together(seen: tuple[Seen, ...]) -> bool:
        return any(proposed >= set(dead) for _, _, _, proposed in seen)

    invariant = partial(Property, observe=observe_monitor)

    def admits(seen: tuple[tuple[bool, int], ...]) -> bool:
        return any(joining for _, joining in seen)

    statement = "However many joiners share an address, the cut can be decided, and admits one of them."
    joined = (
        Property("ML2-fits", statement, lambda seen: all(fit for fit, _ in seen), observe=observe_joiners),
        Property("M-admits", "A joiner can be in the cut.", admits, "sometimes", observe_joiners),
    )
    statement = "Unless a cut admits one, the members that stay are a majority of the next view."
    crowded = Property("ML2-majority", statement, lambda seen: not any(seen), observe=observe_crowded)
    statement = "No cut admits a joiner that has not repeated its request lately."
    lapsed = Property("M5-stale", statement, lambda seen: not any(seen), observe=observe_gone)
    return (
        *((*joined, crowded, lapsed) if joins else ()),
        invariant("ML4", STATEMENTS["ML4"], spared),
        invariant("M5", STATEMENTS["M5"], proven),
        Property("ML4-stale", STALE, lambda seen: not any(seen), observe=observe_baseless),
        Property("M-cut", "All crashed members can be in one cut.", together, "sometimes", observe_monitor),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {
    "membership-cut": (
        {},
        {"accusations": 1, "withdrawals": 0},
        {"leaves": 1, "joins": 1, "withdrawals": 0},
        {"lossy": 0, "withdrawals": 0, "looks": 3},
        {"crashed": 0, "lossy": 0, "joins": 1, "withdrawals": 0, "looks": 3},
        {"crashed": 0, "lossy": 0, "joins": 2, "withdrawals": 0},
        {"members": 3, "crashed": 0, "lossy": 0, "leaves": 1, "joins": 2, "apart": True, "withdrawals": 0},
    ),
}
MODELS = {"membership-cut": build}
