"""Guards and actions of the failure detector, one per subject that this process monitors."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Notify, Raise, Received, Send, SetTimer, Timer, TimerFired, Value
from coordfsm.protocols.membership.data import (
    DetectorData,
    MembershipData,
    current_view,
    others,
    self_in,
    stamp_of,
)
from coordfsm.protocols.membership.events import (
    AccusationMade,
    ContactDoubted,
    ProbeAnswered,
    ProbeMissed,
    Reinforce,
    SubjectAccused,
    SubjectCondemned,
    SubjectExonerated,
    SubjectRebutted,
)
from coordfsm.protocols.membership.messages import (
    Accusation,
    Condemnation,
    Exoneration,
    MemberId,
    MemberMessage,
    Probe,
    ProbeAck,
    Rebuttal,
)
from coordfsm.protocols.membership.settings import backoff
from coordfsm.protocols.view import View, ViewInstalled, member_of, subjects

Done = tuple[DetectorData, tuple[Effect, ...]]

TIMER_KINDS = ("probe", "probe_late", "rebuttal", "condemned")


def detectors_concerned(data: MembershipData, given: Value) -> tuple[str, ...]:
    """The subjects whose detector an input is for."""
    if isinstance(given, ViewInstalled):
        return tuple(sorted({*data.detectors, *subjects(given.view, data.node, data.settings.rings)}))
    if isinstance(given, TimerFired):
        return (given.timer.subject,) if given.timer.subject in data.detectors else ()
    if isinstance(given, Received):
        message: Any = given.message
        return (message.origin.node,) if message.origin.node in data.detectors else ()
    if isinstance(given, Reinforce):
        return tuple(subject.node for subject in given.subjects if subject.node in data.detectors)
    return tuple(sorted(data.detectors))


def first_data(node: str) -> DetectorData:
    """The detector of a node that is not watched."""
    return DetectorData(node)


def subject_of(data: DetectorData) -> MemberId:
    """The member watched."""
    return MemberId(data.node, data.incarnation)


def _view(context: MembershipData) -> View:
    view = current_view(context)
    assert view is not None
    return view


def _timer(kind: str, data: DetectorData) -> Timer:
    return Timer(kind, data.node)


def _broadcast(context: MembershipData, message: MemberMessage) -> tuple[Effect, ...]:
    return tuple(Send(member.endpoint, message) for member in others(_view(context), context))


def wait_ms(data: DetectorData, context: MembershipData) -> int:
    """How long to wait for an answer: mean and four deviations of the round trips (RFC 6298), within bounds,
    longer the worse the process's own health is.
    """
    held = context.settings
    measured = data.mean_ms + 4 * data.deviation_ms if data.mean_ms else held.probe_timeout_ms
    return max(held.probe_timeout_floor_ms, min(measured, held.probe_timeout_ms)) * (1 + context.health.score)


# -- watching ----------------------------------------------------------------------------------------------------


def is_subject(data: DetectorData, given: ViewInstalled, context: MembershipData) -> bool:
    """The new view makes this process one of the node's monitors."""
    return data.node in subjects(given.view, context.node, context.settings.rings)


def watch(data: DetectorData, given: ViewInstalled, context: MembershipData) -> Done:
    """Begin afresh in a new view; probes of different subjects are spread over the interval."""
    member = member_of(given.view, data.node)
    assert member is not None
    kept = data if data.incarnation == member.incarnation else DetectorData(data.node, member.incarnation)
    data = replace(kept, missed=0, answered=0)
    first = backoff(context.settings, context.settings.probe_ms // 2, 0, context.node + data.node)
    stopped = tuple(CancelTimer(_timer(kind, data)) for kind in TIMER_KINDS)
    return data, (*stopped, SetTimer(_timer("probe", data), first))


def release(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """No longer this process's business."""
    return DetectorData(data.node, state=data.state), tuple(CancelTimer(_timer(kind, data)) for kind in TIMER_KINDS)


def send_probe(data: DetectorData, given: TimerFired, context: MembershipData) -> Done:
    """Ask whether the subject is alive."""
    view = _view(context)
    member = member_of(view, data.node)
    assert member is not None
    message = Probe(stamp_of(view), self_in(view, context), subject_of(data), given.now_ms)
    return data, (Send(member.endpoint, message), SetTimer(_timer("probe_late", data), wait_ms(data, context)))


# -- hearing -----------------------------------------------------------------------------------------------------


def is_from_subject(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """From the member watched, in the incarnation watched."""
    message: Any = given.message
    return bool(message.origin == subject_of(data))


def _measured(data: DetectorData, given: Received) -> DetectorData:
    message = given.message
    assert isinstance(message, ProbeAck)
    taken = max(given.now_ms - message.sent_ms, 0)
    if not data.mean_ms:
        return replace(data, mean_ms=taken, deviation_ms=taken // 2)
    deviation = (3 * data.deviation_ms + abs(data.mean_ms - taken)) // 4
    return replace(data, mean_ms=(7 * data.mean_ms + taken) // 8, deviation_ms=deviation)


def _continue(data: DetectorData, context: MembershipData) -> tuple[Effect, ...]:
    return (
        CancelTimer(_timer("probe_late", data)),
        SetTimer(_timer("probe", data), context.settings.probe_ms),
        Raise(ProbeAnswered()),
    )


def hear(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Alive."""
    return replace(_measured(data, given), missed=0), _continue(data, context)


def hear_accused(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Alive after all."""
    data, effects = hear(data, given, context)
    return data, (*effects, *_withdraw(data, context))


def _withdraw(data: DetectorData, context: MembershipData) -> tuple[Effect, ...]:
    subject, view = subject_of(data), _view(context)
    return (
        CancelTimer(_timer("rebuttal", data)),
        CancelTimer(_timer("condemned", data)),
        Raise(SubjectExonerated(subject)),
        *_broadcast(context, Exoneration(stamp_of(view), self_in(view, context), subject)),
        Notify(SubjectRebutted(subject)),
    )


def is_recovered(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """The condemned subject has answered often enough in a row."""
    return data.answered + 1 >= context.settings.recovery_acks


def hear_condemned(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """An answer from the condemned; one alone proves little on a lossy link."""
    answered = min(data.answered + 1, context.settings.recovery_acks)
    return replace(_measured(data, given), missed=0, answered=answered), _continue(data, context)


def exonerate(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Withdraw the condemnation."""
    data = replace(_measured(data, given), missed=0, answered=0)
    return data, (*_continue(data, context), *_withdraw(data, context))


def is_newer_note(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """A note that the accusation did not know of."""
    message = given.message
    assert isinstance(message, Rebuttal)
    return message.epoch > data.epoch and is_from_subject(data, given, context)


def note_epoch(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Remember the note."""
    message = given.message
    assert isinstance(message, Rebuttal)
    return replace(data, epoch=message.epoch), ()


def accept_rebuttal(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """The accused is alive."""
    data, _ = note_epoch(data, given, context)
    return replace(data, missed=0), _withdraw(data, context)


# -- missing -----------------------------------------------------------------------------------------------------


def misses_much(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """One more missed probe reaches the limit."""
    return data.missed + 1 >= context.settings.missed_limit


def hears_others(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """Some other subject answers, or there is no other: a monitor that misses everybody suspects itself first."""
    rest = [other for node, other in context.detectors.items() if node != data.node]
    return not rest or any(other.missed == 0 for other in rest)


def miss(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Count it and ask again at once."""
    data = replace(data, missed=min(data.missed + 1, context.settings.missed_limit), answered=0)
    again = SetTimer(_timer("probe", data), context.settings.probe_timeout_floor_ms)
    return data, (again, Raise(ProbeMissed()))


def miss_condemned(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Go on asking, at the usual pace."""
    data = replace(data, missed=min(data.missed + 1, context.settings.missed_limit), answered=0)
    return data, (SetTimer(_timer("probe", data), context.settings.probe_ms),)


def doubt_self(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Nobody answers: perhaps this process is cut off."""
    data, effects = miss(data, given, context)
    return data, (*effects, Raise(ContactDoubted()))


def accuse(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Accuse the subject before all members; it may rebut."""
    data, effects = miss(data, given, context)
    view = _view(context)
    accusation = Accusation(stamp_of(view), self_in(view, context), subject_of(data), data.epoch)
    wait = context.settings.rebuttal_ms * (1 + context.health.score)
    return data, (
        *effects,
        *_broadcast(context, accusation),
        Raise(AccusationMade(subject_of(data))),
        SetTimer(_timer("rebuttal", data), wait),
        Notify(SubjectAccused(subject_of(data))),
    )


def condemn(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Not rebutted in time: condemn the subject before all members."""
    told = Raise(SubjectCondemned(subject_of(data)))
    stop = CancelTimer(_timer("rebuttal", data))
    return replace(data, answered=0), (stop, told, *_repeat(data, context), Raise(ContactDoubted()))


def _repeat(data: DetectorData, context: MembershipData) -> tuple[Effect, ...]:
    view = _view(context)
    message = Condemnation(stamp_of(view), self_in(view, context), subject_of(data))
    again = SetTimer(_timer("condemned", data), context.settings.condemnation_ms)
    return (*_broadcast(context, message), again)


def repeat_condemnation(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Say it again: others may not have heard."""
    return data, (*_repeat(data, context), Raise(ContactDoubted()))


def misses_now(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """The last probe was not answered."""
    return data.missed > 0
