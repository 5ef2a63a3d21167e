"""Guards and actions of the lifecycle, as a member: answer probes, rebut, leave, wedge, force a view."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Notify, Raise, Received, Send, SetTimer, Timer, Value, fingerprint
from coordfsm.protocols.membership.data import LifecycleData, MembershipData, current_view, others, self_in, stamp_of
from coordfsm.protocols.membership.events import (
    AbandonView,
    AdoptView,
    ForceView,
    MemberLeaving,
    MemberLeft,
    MemberUnwedged,
    MemberWedged,
    MessageRefused,
    Retire,
    SelfLeaving,
)
from coordfsm.protocols.membership.lifecycle.joining import JOIN, REJOIN, persist_identity
from coordfsm.protocols.membership.messages import (
    Accusation,
    ContactReply,
    ContactRequest,
    LeaveRequest,
    MemberId,
    Probe,
    ProbeAck,
    Rebuttal,
    ViewForced,
)
from coordfsm.protocols.view import Shunned, Unwedged, View, Wedged, founding_lineage, majority, member_of, monitors

Done = tuple[LifecycleData, tuple[Effect, ...]]

CONTACT = Timer("contact")
LEAVE = Timer("leave")


def _view(context: MembershipData) -> View:
    assert context.view_change.view is not None
    return context.view_change.view


def _message(given: Received) -> Any:
    return given.message


def _send_others(context: MembershipData, message: Any) -> tuple[Effect, ...]:
    return tuple(Send(member.endpoint, message) for member in others(_view(context), context))


# -- alive -------------------------------------------------------------------------------------------------------


def targets_self(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The probe is for this process in its present incarnation."""
    message = _message(given)
    assert isinstance(message, Probe)
    return message.stamp.lineage == _view(context).lineage and message.target == self_in(_view(context), context)


def answer_probe(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Alive, whatever the view the monitor is in; and this is when it is the monitor's turn again."""
    view, probe = _view(context), _message(given)
    turn_ms = next_turn_ms(view, context, probe.origin.node, given.now_ms)
    return data, (Send(given.sender, ProbeAck(stamp_of(view), self_in(view, context), probe.sent_ms, turn_ms)),)


def targets_applicant(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The probe is for the incarnation that asks to join: a cut has admitted it, and the welcome is on its way."""
    probe, asked = _message(given), data.joins
    return (
        asked is not None
        and probe.stamp.lineage == asked.lineage
        and probe.target == MemberId(context.node, data.incarnation)
    )


def answer_as_applicant(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Alive, and not yet in the view: the stamp is of the view that it asked, so that nobody thinks it is further."""
    asked = data.joins
    assert asked is not None
    me = MemberId(context.node, data.incarnation)
    return data, (Send(given.sender, ProbeAck(asked, me, _message(given).sent_ms, context.settings.probe_ms)),)


def next_turn_ms(view: View, context: MembershipData, monitor: str, now_ms: int) -> int:
    """When a monitor shall probe this process again, in milliseconds from now.

    The monitors take turns, `probe_ms` after each other, so that one of them notices a crash within that time however
    many they are. The probed process gives out the turns, because all of them need one clock.
    """
    watchers, pause = monitors(view, context.node, context.settings.rings), context.settings.probe_ms
    cycle = pause * max(len(watchers), 1)
    if monitor not in watchers:
        return cycle
    # A shift of its own for each process: those on one machine share a clock, and would all be probed at once.
    turn = watchers.index(monitor) * pause + fingerprint(context.node) % pause
    rest = (turn - now_ms) % cycle
    return rest + cycle if rest < pause // 2 else rest


def accuses_self(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The accusation is against this process in its present incarnation."""
    message = _message(given)
    assert isinstance(message, Accusation)
    return message.subject == self_in(_view(context), context)


def rebut(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """A note of a higher epoch, to all monitors: whoever else is about to accuse learns it too."""
    view, accused = _view(context), _message(given).epoch
    if accused >= data.epoch:
        data = replace(data, epoch=accused + 1)
    note = Rebuttal(stamp_of(view), self_in(view, context), data.epoch)
    watchers = [member_of(view, node) for node in monitors(view, context.node, context.settings.rings)]
    endpoints = dict.fromkeys((given.sender, *(member.endpoint for member in watchers if member is not None)))
    return data, tuple(Send(endpoint, note) for endpoint in endpoints)


# -- leaving -----------------------------------------------------------------------------------------------------


def is_alone(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """Nobody else is left to tell."""
    view = current_view(context)
    return view is not None and len(view.members) == 1


def leave(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Tell all members, and go when the next view is in the hands of a majority."""
    data = replace(data, leaves=True, attempt=0, heard=None)
    return data, (persist_identity(data), Notify(MemberLeaving()), CancelTimer(CONTACT), *_announce(context))


def _announce(context: MembershipData) -> tuple[Effect, ...]:
    view = current_view(context)
    if view is None:
        return (SetTimer(LEAVE, context.settings.leave_ms),)
    request = LeaveRequest(stamp_of(view), self_in(view, context))
    return (*_send_others(context, request), Raise(SelfLeaving()), SetTimer(LEAVE, context.settings.leave_ms))


def may_leave_again(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """Still worth waiting for the others: a bound that grows with their number."""
    bound = context.settings.leave_attempts + len(_view(context).members) // 10
    return data.attempt + 1 < bound and not is_alone(data, given, context)


def leave_again(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Tell all members again."""
    return replace(data, attempt=data.attempt + 1), _announce(context)


def go(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Gone for good: the store keeps the incarnation only, and that it left.

    The wish stays with it: whoever is stopped before its view is gone, too, comes back as a leaver, not as a member.
    """
    data = LifecycleData(state=data.state, incarnation=data.incarnation, leaves=True)
    timers = tuple(CancelTimer(timer) for timer in (LEAVE, JOIN, REJOIN, CONTACT))
    return data, (persist_identity(data), Raise(AbandonView()), Raise(Shunned()), *timers, Notify(MemberLeft()))


def is_out_of_a_view(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """It was a member, and knows a view without it that perhaps nobody else knows."""
    held = context.view_change
    return held.view is not None and held.state in ("outside", "retiring")


def retire(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Out already, and told to leave: go when the view that is without it is in the hands of a majority."""
    data, effects = retire_at_last(replace(data, leaves=True, heard=None), given, context)
    return data, (persist_identity(data), Notify(MemberLeaving()), *effects)


def retire_at_last(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """The way back in is given up: hand over the view that is without this process, as every leaver does."""
    waiting = SetTimer(LEAVE, context.settings.leave_ms)
    return replace(data, attempt=0), (CancelTimer(JOIN), CancelTimer(REJOIN), Raise(Retire()), waiting)


def stop_acting(data: LifecycleData, given: Value) -> Done:
    """The next view, without this process, is decided: its siblings stop now, while it hands the view over."""
    return data, (Raise(Shunned()),)


def resume_leaving(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Restarted while leaving: go on with it."""
    return data, _announce(context)


def was_leaving(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """The store says that this process wanted to leave."""
    return data.leaves


# -- wedged ------------------------------------------------------------------------------------------------------


def settle(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """In a new view: earlier doubts are over."""
    return replace(data, heard=None, attempt=0), (CancelTimer(CONTACT),)


def is_unasked(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """No round of contact runs."""
    return data.heard is None


def ask_contact(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Ask every member whether it hears this process."""
    view = _view(context)
    request = ContactRequest(stamp_of(view), self_in(view, context))
    sends = _send_others(context, request)
    return replace(data, heard=frozenset(), attempt=1), (*sends, _contact_again(context))


def _contact_again(context: MembershipData) -> SetTimer:
    return SetTimer(CONTACT, context.settings.contact_ms // context.settings.contact_attempts)


def may_ask_contact_again(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """The round is not over: requests and answers may have been lost."""
    return data.attempt < context.settings.contact_attempts


def ask_contact_again(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Ask those again that have not answered."""
    view, heard = _view(context), data.heard or frozenset()
    request = ContactRequest(stamp_of(view), self_in(view, context))
    sends = [Send(member.endpoint, request) for member in others(view, context) if member.node not in heard]
    return replace(data, attempt=data.attempt + 1), (*sends, _contact_again(context))


def answer_contact(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """It does."""
    view = _view(context)
    return data, (Send(given.sender, ContactReply(stamp_of(view), self_in(view, context))),)


def note_contact(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """One more member within reach."""
    return replace(data, heard=(data.heard or frozenset()) | {_message(given).origin.node}), ()


def heard_majority(data: LifecycleData, given: Value, context: MembershipData) -> bool:
    """With this process, a majority of the view is within reach."""
    return len((data.heard or frozenset()) | {context.node}) >= majority(_view(context))


def hears_majority(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """With this answer, a majority is within reach."""
    return heard_majority(note_contact(data, given, context)[0], given, context)


def wedge(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """Say that nothing can be decided, who is missing and how many must come back; keep asking."""
    view = _view(context)
    heard = (data.heard or frozenset()) | {context.node}
    missing = tuple(member.node for member in view.members if member.node not in heard)
    needed = majority(view) - len(heard)
    data, asking = ask_contact(data, given, context)
    return data, (Raise(Wedged(missing, needed)), Notify(MemberWedged(missing, needed)), *asking)


def unwedge(data: LifecycleData, given: Value, context: MembershipData) -> Done:
    """A majority is back."""
    return replace(data, heard=None), (CancelTimer(CONTACT), Raise(Unwedged()), Notify(MemberUnwedged()))


# -- forced views ------------------------------------------------------------------------------------------------


def can_force(data: LifecycleData, given: ForceView, context: MembershipData) -> bool:
    """The survivors are members, this process among them."""
    view = _view(context)
    return context.node in given.survivors and all(member_of(view, node) is not None for node in given.survivors)


def forced_view(view: View, survivors: tuple[str, ...], token: str) -> View:
    """The view that an operator forces: a new lineage that names its parent."""
    members = tuple(member for member in view.members if member.node in survivors)
    return View(founding_lineage(view.id, ",".join(sorted(survivors)), token), view.number + 1, view.id, members)


def force(data: LifecycleData, given: ForceView, context: MembershipData) -> Done:
    """Carry on without a majority, and tell the other survivors."""
    view = _view(context)
    following = forced_view(view, given.survivors, given.token)
    told = ViewForced(stamp_of(view), self_in(view, context), following)
    sends = [Send(member.endpoint, told) for member in others(following, context)]
    return data, (Raise(AdoptView(following)), *sends)


def is_forced_on(data: LifecycleData, given: Received, context: MembershipData) -> bool:
    """The forced view follows the one in which this process is wedged, in another lineage, and contains it."""
    view, forced = _view(context), _message(given).view
    return bool(
        forced.parent == view.id
        and forced.lineage != view.lineage
        and self_in(view, context).node in {member.node for member in forced.members if member in view.members}
    )


def follow_forced(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Carry on in the lineage that the operator forced."""
    return data, (Raise(AdoptView(_message(given).view)),)


def refuse_forced(data: LifecycleData, given: Received, context: MembershipData) -> Done:
    """Only a wedged member of the parent follows a forced view."""
    return data, (Notify(MessageRefused("ViewForced", "not wedged in its parent", given.sender)),)
