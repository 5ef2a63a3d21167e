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
    ProbeNow,
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
from coordfsm.protocols.membership.stamps import is_current
from coordfsm.protocols.view import View, ViewInstalled, member_of, subjects

Done = tuple[DetectorData, tuple[Effect, ...]]

TIMER_KINDS = ("probe", "probe_late", "rebuttal", "condemned")

UNTIMED = -1
"""The `sent_ms` of a probe that was sent without knowing the time: its answer measures nothing."""

MOST_ANNOUNCED = 6
"""Announcements after which the pause between them grows no more, and the count neither."""


def detectors_concerned(data: MembershipData, given: Value) -> tuple[str, ...]:
    """The subjects whose detector an input is for."""
    if isinstance(given, ViewInstalled):
        return tuple(sorted({*data.detectors, *subjects(given.view, data.node, data.settings.rings)}))
    if isinstance(given, TimerFired):
        return (given.timer.subject,) if given.timer.subject in data.detectors else ()
    if isinstance(given, Received):
        message: Any = given.message
        about = message.subject if isinstance(message, Accusation | Condemnation) else message.origin
        return (about.node,) if about.node in data.detectors else ()
    if isinstance(given, Reinforce):
        return tuple(subject.node for subject in given.subjects if subject.node in data.detectors)
    if isinstance(given, ProbeNow):
        return tuple(node for node in given.subjects if node in data.detectors)
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
    longer if the process misses several subjects.
    """
    held = context.settings
    measured = data.mean_ms + 4 * data.deviation_ms if data.mean_ms else held.probe_timeout_ms
    return max(held.probe_timeout_floor_ms, min(measured, held.probe_timeout_ms)) * patience(context)


def patience(context: MembershipData) -> int:
    """How many times longer this process waits than it would if it were well. One missed subject is no sickness."""
    return max(1, context.health.score)


# -- watching ----------------------------------------------------------------------------------------------------


def is_subject(data: DetectorData, given: ViewInstalled, context: MembershipData) -> bool:
    """The new view makes this process one of the node's monitors."""
    return data.node in subjects(given.view, context.node, context.settings.rings)


def watch(data: DetectorData, given: ViewInstalled, context: MembershipData) -> Done:
    """Begin afresh in a new view; who was missed in the last one is probed at once, the others spread over a moment."""
    member = member_of(given.view, data.node)
    assert member is not None
    kept = data if data.incarnation == member.incarnation else DetectorData(data.node, member.incarnation)
    spread = backoff(context.settings, context.settings.probe_ms // 2, 0, context.node + data.node)
    first = 0 if kept.missed else spread
    data = replace(kept, asked=False, answered=0, announced=0)
    stopped = tuple(CancelTimer(_timer(kind, data)) for kind in TIMER_KINDS)
    return data, (*stopped, SetTimer(_timer("probe", data), first))


def release(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """No longer this process's business."""
    return DetectorData(data.node, state=data.state), tuple(CancelTimer(_timer(kind, data)) for kind in TIMER_KINDS)


def send_probe(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Ask whether the subject is alive; in the more copies, the more likely it is that some get lost."""
    view = _view(context)
    member = member_of(view, data.node)
    assert member is not None
    copies = 1 + max(data.missed, data.answered)
    sent_ms = given.now_ms if isinstance(given, TimerFired | Received) else UNTIMED
    message = Probe(stamp_of(view), self_in(view, context), subject_of(data), sent_ms)
    late = SetTimer(_timer("probe_late", data), wait_ms(data, context))
    sends = (Send(member.endpoint, message),) * copies
    return replace(data, asked=True), (CancelTimer(_timer("probe", data)), *sends, late)


def is_idle(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """The subject's next turn is being waited for."""
    return not data.asked


def is_suspicious(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """Another monitor misses the subject: look at once."""
    message: Any = given.message
    return message.subject == subject_of(data) and not data.asked


# -- hearing -----------------------------------------------------------------------------------------------------


def is_from_subject(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """From the member watched, in the incarnation watched."""
    message: Any = given.message
    return bool(message.origin == subject_of(data))


def _measured(data: DetectorData, given: Received) -> DetectorData:
    message = given.message
    assert isinstance(message, ProbeAck)
    if message.sent_ms == UNTIMED:
        return data
    # At least 1, because 0 means that nothing was measured.
    taken = max(given.now_ms - message.sent_ms, 1)
    if not data.mean_ms:
        return replace(data, mean_ms=taken, deviation_ms=taken // 2)
    deviation = (3 * data.deviation_ms + abs(data.mean_ms - taken)) // 4
    return replace(data, mean_ms=(7 * data.mean_ms + taken) // 8, deviation_ms=deviation)


def _continue(data: DetectorData, given: Received, context: MembershipData) -> tuple[Effect, ...]:
    message, held = given.message, context.settings
    assert isinstance(message, ProbeAck)
    longest = held.probe_ms * (held.rings + 1)
    turn_ms = max(held.probe_timeout_floor_ms, min(message.turn_ms, longest))
    return (
        CancelTimer(_timer("probe_late", data)),
        SetTimer(_timer("probe", data), turn_ms),
        Raise(ProbeAnswered()),
    )


def hear(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Alive."""
    return replace(_measured(data, given), asked=False, missed=0), _continue(data, given, context)


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
    heard = replace(_measured(data, given), asked=False, missed=0, answered=answered)
    soon = SetTimer(_timer("probe", data), context.settings.probe_timeout_floor_ms)
    return heard, (CancelTimer(_timer("probe_late", data)), soon, Raise(ProbeAnswered()))


def exonerate(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Withdraw the condemnation."""
    data = replace(_measured(data, given), asked=False, missed=0, answered=0)
    return data, (*_continue(data, given, context), *_withdraw(data, context))


def is_spoken_by_subject(data: DetectorData, given: Received, context: MembershipData) -> bool:
    """The subject has answered a request for contact."""
    return is_current(data, given, context) and is_from_subject(data, given, context)


def hear_contact(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Alive; the probe under way goes on."""
    return replace(data, missed=0), ()


def hear_contact_accused(data: DetectorData, given: Received, context: MembershipData) -> Done:
    """Alive after all."""
    return replace(data, missed=0), _withdraw(data, context)


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
    """Somebody was heard between the last misses, or there is no other: who hears nobody suspects itself first."""
    return len(context.detectors) == 1 or context.health.silence + 1 < max(context.settings.missed_limit, 2)


def _missed(data: DetectorData, context: MembershipData) -> DetectorData:
    return replace(data, asked=False, missed=min(data.missed + 1, context.settings.missed_limit), answered=0)


def is_first(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """The subject answered before."""
    return data.missed == 0


def miss_first(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Ask again at once; and ask another subject, to know whether this process hears anybody."""
    against = {*context.cut.accusing.get(data.node, ()), *context.cut.condemning.get(data.node, ())}
    data, again = send_probe(_missed(data, context), given, context)
    nodes = sorted(context.detectors)
    place = nodes.index(data.node)
    control = (*nodes[place + 1 :], *nodes[:place])[:1]
    return data, (*again, Raise(ProbeMissed(not against - {context.node})), Raise(ProbeNow(control)))


def miss(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Count it and ask again at once."""
    data, again = send_probe(_missed(data, context), given, context)
    return data, (*again, Raise(ProbeMissed(alone=False)))


def miss_condemned(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Go on asking, in no hurry."""
    return _missed(data, context), (SetTimer(_timer("probe", data), context.settings.probe_ms),)


def doubt_self(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Nobody answers: perhaps this process is cut off."""
    data, effects = miss(data, given, context)
    return data, (*effects, Raise(ContactDoubted()))


def accuse(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Accuse the subject before all members; it may rebut."""
    data, effects = miss(data, given, context)
    view = _view(context)
    accusation = Accusation(stamp_of(view), self_in(view, context), subject_of(data), data.epoch)
    wait = context.settings.rebuttal_ms * patience(context)
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
    data, announced = _announce(replace(data, answered=0, announced=0), context)
    return data, (stop, told, *announced, Raise(ContactDoubted()))


def _announce(data: DetectorData, context: MembershipData) -> Done:
    view = _view(context)
    message = Condemnation(stamp_of(view), self_in(view, context), subject_of(data))
    delay = backoff(context.settings, context.settings.condemnation_ms, data.announced, context.node)
    again = SetTimer(_timer("condemned", data), delay)
    return replace(data, announced=min(data.announced + 1, MOST_ANNOUNCED)), (*_broadcast(context, message), again)


def repeat_condemnation(data: DetectorData, given: Value, context: MembershipData) -> Done:
    """Say it again, less often each time: others may not have heard."""
    data, announced = _announce(data, context)
    return data, (*announced, Raise(ContactDoubted()))


def misses_now(data: DetectorData, given: Value, context: MembershipData) -> bool:
    """The last probe was not answered."""
    return data.missed > 0
