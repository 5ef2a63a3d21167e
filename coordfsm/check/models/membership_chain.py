"""Successive view changes with join, leave, crash, exclusion and rejoin, and messages that arrive from earlier views.

Lifecycle, catch-up and view change run as they are; instead of failure and cut detector there is an environment
that suspects whom it likes, rightly or wrongly.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace
from statemachine import State

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_consensus import NAMES, first_view
from coordfsm.kernel import (
    Command,
    Composition,
    Effect,
    Input,
    Machine,
    Notify,
    Part,
    Raise,
    Received,
    Send,
    Step,
    Value,
    Write,
    compile_machine,
)
from coordfsm.protocols.membership.composition import initial
from coordfsm.protocols.membership.cut_detection.rules import is_admissible
from coordfsm.protocols.membership.data import (
    IDENTITY_KEY,
    VIEW_KEY,
    CutData,
    IdentityRecord,
    MembershipData,
    current_view,
    identity_of,
    others,
    self_in,
    stamp_of,
)
from coordfsm.protocols.membership.declaring import within
from coordfsm.protocols.membership.events import ContactDoubted, CutProposed, Join, Leave, MemberLeaving, ProposeCut
from coordfsm.protocols.membership.lifecycle.machine import LIFECYCLE
from coordfsm.protocols.membership.messages import Cut, JoinRequest, MemberId, Probe, Stamp, ViewAck, ViewInquiry
from coordfsm.protocols.membership.properties import (
    STATEMENTS,
    History,
    Observations,
    Observed,
    agreement,
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
from coordfsm.protocols.membership.stamps import is_current
from coordfsm.protocols.membership.view_change.catch_up import CATCH_UP
from coordfsm.protocols.membership.view_change.machine import VIEW_CHANGE
from coordfsm.protocols.view import View, member_of

Done = tuple[CutData, tuple[Effect, ...]]


# -- the environment: detectors that suspect whom they like ---------------------------------------------------------


class Suspect(Command):
    """The environment makes a process certain that a member is dead."""

    node: str


class Poke(Command):
    """The environment lets a process probe the other members of its view."""


def has_view(data: CutData, given: Poke, context: MembershipData) -> bool:
    """The process acts in a view."""
    return current_view(context) is not None


def probe_others(data: CutData, given: Poke, context: MembershipData) -> Done:
    """Probe everybody."""
    view = current_view(context)
    assert view is not None
    own, me = stamp_of(view), self_in(view, context)
    return data, tuple(Send(other.endpoint, Probe(own, me, identity_of(other), 0)) for other in others(view, context))


def suspects_member(data: CutData, given: Suspect, context: MembershipData) -> bool:
    """The suspect is another member of the current view."""
    view = current_view(context)
    return view is not None and given.node != context.node and member_of(view, given.node) is not None


def condemn_suspect(data: CutData, given: Suspect, context: MembershipData) -> Done:
    """Want the view without the suspect."""
    view = current_view(context)
    assert view is not None
    member = member_of(view, given.node)
    assert member is not None
    cut = Cut(condemned=(identity_of(member),))
    return data, (Notify(CutProposed(cut)), Raise(ProposeCut(cut)))


def admit(data: CutData, given: Received, context: MembershipData) -> Done:
    """Want the view with the joiner, instead of its former self if there is one."""
    view = current_view(context)
    request = given.message
    assert view is not None
    assert isinstance(request, JoinRequest)
    former = member_of(view, request.member.node)
    leaving = () if former is None else (identity_of(former),)
    return data, (Raise(ProposeCut(Cut(leaving=leaving, joining=(request.member,)))),)


def release_member(data: CutData, given: Received, context: MembershipData) -> Done:
    """Want the view without the leaver."""
    origin: MemberId = given.message.origin  # type: ignore[attr-defined]
    return data, (Raise(ProposeCut(Cut(leaving=(origin,)))),)


def release_self(data: CutData, given: Value, context: MembershipData) -> Done:
    """Want the view without this process."""
    view = current_view(context)
    assert view is not None
    return data, (Raise(ProposeCut(Cut(leaving=(self_in(view, context),)))),)


class Suspicion(Machine):
    """Stands in for the detectors: whatever is suspected, asked or wished is proposed at once."""

    quiet = State(initial=True)

    local_suspect = within(quiet, cond=suspects_member, on=condemn_suspect)
    local_poke = within(quiet, cond=has_view, on=probe_others)
    recv_join_request = within(quiet, cond=is_admissible, on=admit)
    recv_leave_request = within(quiet, cond=is_current, on=release_member)
    local_self_leaving = within(quiet, on=release_self)

    ignored = {
        ("quiet", "local_suspect"): "not another member",
        ("quiet", "local_poke"): "not a member",
        ("quiet", "recv_join_request"): "the lifecycle's to answer",
        ("quiet", "recv_leave_request"): "of another view",
    }


PROCESS = Composition(
    "process",
    (
        Part("lifecycle", LIFECYCLE),
        Part("catch_up", CATCH_UP),
        Part("view_change", VIEW_CHANGE),
        Part("cut", compile_machine(Suspicion)),
    ),
)

WITHOUT_CATCH_UP = Composition("process", tuple(part for part in PROCESS.parts if part.field != "catch_up"))


# -- the model ------------------------------------------------------------------------------------------------------


def build(  # noqa: PLR0913  (parameters of the model, given by name)
    *,
    members: Annotated[int, Parameter("members of the first view", minimum=1, maximum=5)] = 2,
    joiners: Annotated[int, Parameter("processes outside that may join", minimum=0, maximum=2)] = 1,
    suspicions: Annotated[int, Parameter("how often a member is condemned, rightly or wrongly", minimum=0)] = 1,
    leaves: Annotated[int, Parameter("how many members leave", minimum=0)] = 0,
    rejoins: Annotated[int, Parameter("how often a shunned process asks again", minimum=0)] = 1,
    takeovers: Annotated[int, Parameter("how often a member takes over", minimum=0)] = 0,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 0,
    views: Annotated[int, Parameter("view changes in a row", minimum=1)] = 2,
    deserts: Annotated[int, Parameter("wedged or shunned members that are told to join again", minimum=0)] = 0,
    catch_up: Annotated[bool, Parameter("whether questions for missed views and the answers ever arrive")] = True,
) -> Model:
    """View changes in a row: join, leave, exclusion, rejoin, desertion, crash, and messages from earlier views.

    Without `catch_up` the network loses the questions of who lags behind and the answers to them, which leaves far
    fewer states and lets the chain be longer; all other messages still arrive late, twice or never.
    """
    runs = PROCESS if catch_up else WITHOUT_CATCH_UP
    view = first_view(members)
    names = tuple(NAMES[: members + joiners])

    def commands(local: Local) -> tuple[Command, ...]:
        held, state = local.data.view_change, local.data.lifecycle.state
        if state == "detached" and (joiners or deserts):
            return (Join(tuple(seed for seed in names[:2] if seed != local.data.node)[:1]),)
        if state in ("wedged", "shunned") and deserts:
            return tuple(Join((member,)) for member in names if member != local.data.node)
        if held.view is None or held.view.number > views:
            return ()
        suspects = tuple(Suspect(member.node) for member in held.view.members if member.node != local.data.node)
        return (*suspects, Leave(), *((ContactDoubted(),) if deserts else ()))

    def within_bound(local: Local) -> bool:
        held = None if local.data is None else local.data.view_change.view
        return held is None or held.number <= views + 1

    return Model(
        name="membership-chain",
        parameters={
            "members": members,
            "joiners": joiners,
            "suspicions": suspicions,
            "leaves": leaves,
            "rejoins": rejoins,
            "takeovers": takeovers,
            "crashes": crashes,
            "views": views,
            "deserts": deserts,
            "catch_up": catch_up,
        },
        nodes=tuple(process(name, view, commands, runs, admitted=bool(deserts)) for name in names),
        network=UnreliableSet(),
        faults=Faults(crash=crashes),
        budgets={
            "local_suspect": suspicions,
            "local_leave": leaves,
            "timeout_rejoin": rejoins,
            "timeout_takeover": takeovers,
        }
        | ({"local_contact_doubted": deserts, "timeout_contact": deserts, "local_join": 2 * deserts} if deserts else {})
        | dict.fromkeys(("timeout_join", "timeout_leave", "timeout_proposal", "timeout_handover"), 0),
        boundary=within_bound,
        properties=chain_properties(view, names, returns=bool(suspicions and rejoins), chains=views > 1),
    )


def process(
    name: str,
    view: View,
    commands: Callable[[Local], tuple[Command, ...]],
    runs: Composition = PROCESS,
    *,
    confirms: bool = False,
    contact_attempts: int = 1,
    leave_attempts: int = 20,
    admitted: bool = False,
) -> Node:
    """A process that starts as a member of `view` if it is in it, else outside.

    With `admitted` it was let in by the cluster that decided `view`, else it is a founder. Unless it `confirms`, the
    network loses all its confirmations of installed views.
    """
    member = member_of(view, name)
    asked = Stamp(view.lineage, view.number - 1, view.parent) if admitted else None
    settings = Settings(takeover_ms=0, contact_attempts=contact_attempts, leave_attempts=leave_attempts)
    durable = () if member is None else (Write(IDENTITY_KEY, IdentityRecord(1, asked)), Write(VIEW_KEY, view))
    return Node(
        name,
        initial(name, name, settings),
        runs.step if confirms else partial(without_answers, runs),
        commands=commands,
        boots=True,
        durable=durable,
        history=remember,
        first_history=History(),
        rules=runs.rule_names,
    )


def without_answers(runs: Composition, data: Any, given: Input) -> Step:
    """Step, but the network loses every confirmation, and every question that the process could not answer."""
    silent = (ViewAck,) if "recv_view_inquiry" in runs.events else (ViewAck, ViewInquiry)
    step = runs.step(data, given)
    kept = tuple(
        effect for effect in step.effects if not (isinstance(effect, Send) and isinstance(effect.message, silent))
    )
    if isinstance(given, Leave):
        # It has asked, whatever a crash leaves of the step: the decision may be durable before the machine tells of it.
        return step._replace(effects=(Notify(MemberLeaving()), *kept))
    return step if len(kept) == len(step.effects) else step._replace(effects=kept)


def chain_properties(
    view: View, names: tuple[str, ...], *, returns: bool = True, chains: bool = True
) -> tuple[Property, ...]:
    """M1 to M7 of processes that start in `view` or outside, and what must be possible."""
    founders = frozenset({view})

    def chain(observed: Observations) -> bool:
        return lineage(observed, founders)

    def rising(observed: Observations) -> bool:
        return monotonic(tuple(_having_installed(process, view) for process in observed))

    def value(observed: Observations) -> bool:
        return single_value(observed, founders)

    def valid(observed: Observations) -> bool:
        return validity(names, _with_founder(observed, view))

    def gone_for_good(observed: Observations) -> bool:
        return no_return(_with_founder(observed, view))

    def twice(observed: Observations) -> bool:
        return any(len(process.history.installed) > 1 for process in observed)

    def returned(observed: Observations) -> bool:
        return any(process.history.shunned and process.lifecycle == "member" for process in observed)

    invariant = partial(Property, observe=observe)
    sometimes = partial(Property, observe=observe, kind="sometimes")
    return (
        invariant("M1", STATEMENTS["M1"], agreement),
        invariant("M2", STATEMENTS["M2"], chain),
        invariant("M3", STATEMENTS["M3"], rising),
        invariant("M4", STATEMENTS["M4"], self_inclusion),
        invariant("M5", STATEMENTS["M5"], valid),
        invariant("M6", STATEMENTS["M6"], gone_for_good),
        invariant("M7", STATEMENTS["M7"], value),
        *([sometimes("M-twice", "A process can install two views one after the other.", twice)] if chains else []),
        *([sometimes("M-returned", "A shunned process can come back.", returned)] if returns else []),
    )


def _having_installed(process: Observed, view: View) -> Observed:
    """Who began as a member of `view` installed it before all that the history tells, and must not come back to it."""
    if view not in process.history.recovered:
        return process
    return replace(process, history=replace(process.history, installed=(view, *process.history.installed)))


def _with_founder(observed: Observations, view: View) -> Observations:
    # Every founder may have moved on and forgotten the first view; the first removals are judged against it.
    first, *rest = observed
    history = replace(first.history, installed=(view, *first.history.installed))
    return (replace(first, history=history), *rest)


DEFAULTS: dict[str, tuple[dict[str, int | bool], ...]] = {
    "membership-chain": (
        {},
        {"members": 3, "joiners": 0, "suspicions": 2, "catch_up": False},
        {"members": 3, "joiners": 0, "leaves": 1, "catch_up": False},
        {"members": 3, "joiners": 0, "crashes": 1, "catch_up": False},
        {"members": 4, "joiners": 0, "catch_up": False},
        {"joiners": 0, "deserts": 1, "crashes": 1},
        # Who was told to leave, and crashed when that was durable and not yet told.
        {"members": 3, "joiners": 0, "suspicions": 0, "leaves": 1, "crashes": 1, "views": 1, "catch_up": False},
    )
}
MODELS = {"membership-chain": build}

FUZZ: dict[str, tuple[dict[str, object], ...]] = {
    "membership-chain": (
        {
            "members": 5,
            "joiners": 2,
            "suspicions": 4,
            "leaves": 1,
            "rejoins": 2,
            "takeovers": 3,
            "crashes": 3,
            "views": 5,
        },
    )
}
