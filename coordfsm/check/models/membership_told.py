"""One process that is told anything: each command, message and timer, in every situation of a process.

What other models never come to, a refusal or a message out of place, takes one step here. The situations are reached
by real inputs, so that the process is as it would be; whatever it sends is lost. What the right answer is, is worked
out beside the machines, from the process as it was before.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial, reduce
from typing import Annotated, NamedTuple

from msgspec.structs import replace

from coordfsm.check.modelling.model import Local, Model, Node, Property, Start, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models._situations import (
    EARLIER,
    FOREIGN,
    JOINER,
    LABEL,
    LAST,
    LATER,
    ME,
    NEXT,
    RESTARTS,
    SETTINGS,
    SITUATIONS,
    STRANGER,
    VIEW,
    WITH_JOINER,
    WITHOUT_LAST,
    WITHOUT_ME,
    renewed,
)
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Composition,
    Effect,
    Input,
    Message,
    Notify,
    Received,
    Recover,
    SetTimer,
    Step,
    Timer,
    TimerFired,
)
from coordfsm.protocols.membership.chain import decision_of, fits, next_view
from coordfsm.protocols.membership.composition import composition, initial
from coordfsm.protocols.membership.cut_detection.admission import challenge_of
from coordfsm.protocols.membership.cut_detection.rules import assess, cut_of
from coordfsm.protocols.membership.data import (
    MembershipData,
    identity_of,
    stamp_of,
)
from coordfsm.protocols.membership.events import (
    Bootstrap,
    CommandRefused,
    ContactDoubted,
    ForceView,
    Found,
    Join,
    Leave,
    ProposeCut,
    WithdrawCut,
)
from coordfsm.protocols.membership.messages import (
    NO_CUT,
    Accusation,
    Ballot,
    Condemnation,
    ContactReply,
    ContactRequest,
    Cut,
    Exoneration,
    FoundingAnswer,
    JoinInquiry,
    JoinRedirect,
    JoinRequest,
    LeaveRequest,
    MemberId,
    MemberMessage,
    Probe,
    ProbeAck,
    Rebuttal,
    Stamp,
    ViewAccept,
    ViewAccepted,
    ViewAck,
    ViewDecision,
    ViewForced,
    ViewInquiry,
    ViewPrepare,
    ViewPromise,
    ViewReject,
    ViewSnapshot,
    ViewWelcome,
)
from coordfsm.protocols.view import Member, View, rank


class Tell(Command):
    """The environment gives the process an input."""

    given: Input


class ToldData(MembershipData):
    """A process of this model.

    Attributes:
        started: it runs, and has read its store.
        inputs: how many it was told since the situation.
        running: its timers.
        wrong: it answered a command otherwise than its situation demands.
        swayed: a message that has no place in its view changed something.
    """

    started: bool = False
    inputs: int = 0
    running: frozenset[Timer] = frozenset()
    wrong: bool = False
    swayed: bool = False


# -- what can be told -----------------------------------------------------------------------------------------------


def _member_messages(stamp: Stamp, origin: MemberId, view: View) -> Iterator[MemberMessage]:
    ballot, other = Ballot(1, rank(view, origin.node) or 0), MemberId(LAST, 1)
    yield ViewPrepare(stamp, origin, ballot)
    yield ViewPromise(stamp, origin, ballot, None)
    yield ViewAccept(stamp, origin, ballot, WITHOUT_LAST)
    yield ViewAccepted(stamp, origin, ballot)
    yield ViewReject(stamp, origin, Ballot(2, 2))
    yield ViewAck(stamp, origin)
    yield ViewInquiry(stamp, origin)
    yield Probe(stamp, origin, MemberId(ME, 1), 0)
    yield ProbeAck(stamp, origin, 0, 0)
    yield Accusation(stamp, origin, MemberId(ME, 1), 0)
    yield Accusation(stamp, origin, other, 0)
    yield Rebuttal(stamp, origin, 1)
    yield Condemnation(stamp, origin, other)
    yield Exoneration(stamp, origin, other)
    yield LeaveRequest(stamp, origin)
    yield ContactRequest(stamp, origin)
    yield ContactReply(stamp, origin)


def _votes(view: View) -> Iterator[MemberMessage]:
    """What makes or ends ballots of this process, which are of round 0, 1 or 2."""
    stamp = stamp_of(view)
    for member in view.members:
        if member.node == ME:
            continue
        origin, own = identity_of(member), rank(view, ME) or 0
        for number in (0, 1, 2):
            yield ViewPromise(stamp, origin, Ballot(number, own), None)
            yield ViewAccepted(stamp, origin, Ballot(number, own))
        yield ViewPrepare(stamp, origin, Ballot(0, rank(view, member.node) or 0))
        yield ViewAccept(stamp, origin, Ballot(0, rank(view, member.node) or 0), WITHOUT_LAST)


def _views(view: View) -> Iterator[MemberMessage]:
    """Later views, by decision, snapshot, welcome or force."""
    stamp, origin = stamp_of(view), MemberId(NEXT, 1)
    for cut in (cut for cut in (WITHOUT_LAST, WITHOUT_ME, WITH_JOINER) if fits(view, cut)):
        following = next_view(view, cut)
        yield ViewDecision(stamp_of(following), origin, (decision_of(view, cut),))
        yield ViewSnapshot(stamp_of(following), origin, replace(following, number=5, parent="e" * 32))
        yield ViewForced(stamp, origin, replace(following, lineage="forced"))
    yield ViewDecision(stamp, origin, (replace(decision_of(view, WITHOUT_LAST), result="0" * 32),))
    yield ViewWelcome(stamp, origin, view)
    yield ViewWelcome(stamp, origin, next_view(view, WITHOUT_ME))
    yield from (ViewWelcome(stamp, origin, later) for later in (renewed(view), renewed(renewed(view))))


def _joining(view: View) -> Iterator[Message]:
    """What joiners ask, and what they are answered."""
    stamp = stamp_of(view)
    proof = challenge_of(view, ME, JOINER.node, JOINER.endpoint)
    yield JoinInquiry(LABEL, JOINER.node)
    yield JoinInquiry("other", JOINER.node)
    yield JoinRequest(LABEL, stamp, JOINER, proof)
    yield JoinRequest(LABEL, stamp, JOINER)
    yield JoinRequest(LABEL, EARLIER, JOINER, proof)
    yield JoinRequest("other", stamp, JOINER, proof)
    yield JoinRequest(LABEL, stamp, Member(NEXT, 1, NEXT))
    yield JoinRedirect(LABEL, stamp, NEXT, 1)
    yield JoinRedirect(LABEL, replace(stamp, number=2), LAST, 2)
    yield FoundingAnswer(LABEL, "token", NEXT, "no cluster")


@cache
def _messages(view: View) -> tuple[Received, ...]:
    return tuple(_received(view))


def _received(view: View) -> Iterator[Received]:
    stamp = stamp_of(view)
    member, last = MemberId(NEXT, 1), MemberId(LAST, 1)
    for stamped in (stamp, EARLIER, LATER, FOREIGN):
        yield from (Received(NEXT, message) for message in _member_messages(stamped, member, view))
    yield from (Received("x", message) for message in _member_messages(stamp, STRANGER, view))
    yield from (Received(LAST, message) for message in (ProbeAck(stamp, last, 0, 0), Rebuttal(stamp, last, 1)))
    yield Received(NEXT, ContactRequest(Stamp("parent", 0, view.parent), member))
    for message in (*_votes(view), *_views(view), *_joining(view)):
        yield Received(NEXT, message)


COMMANDS = (
    *(Bootstrap("token"), Leave(), ContactDoubted(), WithdrawCut()),
    *(Found("token"), Found("token", (NEXT, LAST))),
    *(Join(()), Join((NEXT,))),
    *(ForceView((ME,), "token"), ForceView((ME, "x"), "token")),
    *(ProposeCut(WITHOUT_LAST), ProposeCut(Cut(leaving=(STRANGER,)))),
)


def inputs_of(data: ToldData) -> tuple[Input, ...]:
    """All that the process can be told now."""
    if not data.started:
        return RESTARTS
    timers = sorted(data.running, key=lambda timer: (timer.kind, timer.subject))
    return (*COMMANDS, *map(TimerFired, timers), *_messages(data.view_change.view or VIEW))


# -- the judge ------------------------------------------------------------------------------------------------------


def told(runs: Composition, data: ToldData, given: Tell) -> Step:
    """Step, and judge what was answered. What is sent is lost; timers are told, too."""
    step = runs.step(data, given.given)
    after: ToldData = step.data
    return step._replace(
        data=replace(
            after,
            started=True,
            inputs=data.inputs + 1,
            running=_running(data.running, given.given, step.effects),
            wrong=data.wrong or not _answers(data, given.given, step),
            swayed=data.swayed or _is_swayed(data, given.given, after),
        ),
        effects=(),
    )


def _running(before: frozenset[Timer], given: Input, effects: tuple[Effect, ...]) -> frozenset[Timer]:
    running = before - {given.timer} if isinstance(given, TimerFired) else before
    for effect in effects:
        if isinstance(effect, SetTimer):
            running |= {effect.timer}
        elif isinstance(effect, CancelTimer):
            running -= {effect.timer}
    return running


def _answers(data: ToldData, given: Input, step: Step) -> bool:
    """A command that the situation forbids is refused and changes nothing; no other is refused."""
    if not isinstance(given, Bootstrap | Found | Join | ForceView):
        return True
    refused = any(isinstance(told.event, CommandRefused) for told in step.effects if isinstance(told, Notify))
    forbidden = _is_forbidden(data, given)
    return refused == forbidden and (not forbidden or step.data == data)


def _is_forbidden(data: ToldData, given: Bootstrap | Found | Join | ForceView) -> bool:
    state, is_reachable = data.lifecycle.state, " " not in data.endpoint
    if isinstance(given, Found):
        return state != "detached" or data.founder.state != "idle" or not (given.seeds or is_reachable)
    if state == "left":
        return False  # nothing is said any more
    if isinstance(given, Bootstrap):
        return state != "detached" or not is_reachable
    if isinstance(given, Join):
        return state not in ("detached", "seeking", "shunned", "wedged") or not (given.seeds and is_reachable)
    members = {member.node for member in data.view_change.view.members} if data.view_change.view else set()
    return state != "wedged" or not {ME} <= set(given.survivors) <= members


def _is_swayed(before: ToldData, given: Input, after: ToldData) -> bool:
    """A message of a stranger or of another view changed something.

    A member that answers a probe, or confirms a view, may be in any view. And to hear anybody is to hear.
    """
    if not isinstance(given, Received) or not isinstance(given.message, MemberMessage):
        return False
    message = given.message
    is_out_of_place = message.origin == STRANGER or (
        message.stamp in (EARLIER, LATER, FOREIGN) and not isinstance(message, ProbeAck | ViewAck)
    )
    return is_out_of_place and replace(after, health=before.health) != before


def _situation(script: tuple[Input, ...], endpoint: str = ME) -> ToldData:
    """Where these inputs lead a process with this address."""
    base = initial(ME, endpoint, SETTINGS)
    process = ToldData(**{name: getattr(base, name) for name in base.__struct_fields__})
    there = reduce(lambda data, given: told(composition, data, Tell(given)).data, script, process)
    return replace(there, inputs=0)


# -- the model ------------------------------------------------------------------------------------------------------


def build(
    *, inputs: Annotated[int, Parameter("how many inputs in a row, after those that led there", minimum=1)] = 2
) -> Model:
    """One process in each of its situations, told anything: commands are answered, and what is out of place is idle."""
    starts = {name: _situation(script) for name, script in SITUATIONS.items()}
    starts["without an address"] = _situation((Recover(()),), "two words")

    def commands(local: Local) -> Iterator[Command]:
        return map(Tell, inputs_of(local.data) if local.data.inputs < inputs else ())

    node = Node(
        ME,
        starts["stopped"],
        partial(told, composition),
        commands,
        rules=composition.rule_names,
    )
    return Model(
        name="membership-told",
        parameters={"inputs": inputs},
        nodes=(node,),
        network=UnreliableSet(),
        properties=_properties(),
        starts=tuple(Start(name, {ME: data}) for name, data in starts.items()),
    )


class Seen(NamedTuple):
    """What the properties see of the process.

    Attributes:
        wrong: it answered a command wrongly.
        swayed: a message out of place changed something.
        cut: the state of its cut detector.
        waits: for company, or for certainty, as its timers say.
        meant: the state that the evidence asks for, where ripe is as good as gathering.
    """

    wrong: bool
    swayed: bool
    cut: str
    waits: frozenset[str]
    meant: str


def observe(local: Local) -> Seen:
    """Project the local state."""
    data: ToldData = local.data
    settled = "quiet" if cut_of(data.cut, data) == NO_CUT else "gathering"
    meant = "unstable" if assess(data.cut, data).unstable else settled
    waits = frozenset(timer.kind for timer in data.running) & {"batch", "reinforce"}
    return Seen(data.wrong, data.swayed, data.cut.state, waits, meant)


def _properties() -> tuple[Property, ...]:
    fitting = {"gathering": {"batch"}, "unstable": {"reinforce"}}

    def always(identifier: str, statement: str, holds: Callable[[Seen], bool]) -> Property:
        return Property(identifier, statement, lambda seen: all(map(holds, seen)), observe=observe)

    return (
        always(
            "M-answer",
            "A command that cannot be carried out is refused and changes nothing; no other is refused.",
            lambda process: not process.wrong,
        ),
        always(
            "M-place",
            "A message of a stranger, or of another view, changes nothing.",
            lambda process: not process.swayed,
        ),
        always(
            "M-evidence",
            "The cut detector's state is the one that the evidence asks for.",
            lambda process: process.cut.replace("ripe", "gathering") == process.meant,
        ),
        always(
            "M-timers",
            "The cut detector waits for company, or for certainty, exactly as long as its state says.",
            lambda process: process.waits == fitting.get(process.cut, set()),
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-told": ({},)}
MODELS = {"membership-told": build}
