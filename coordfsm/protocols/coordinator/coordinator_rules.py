"""Guards and actions of the coordinator: the registry that it keeps and the topology that it publishes."""

import msgspec

from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Map,
    Message,
    Notify,
    Persist,
    Raise,
    Received,
    Recover,
    Send,
    SetTimer,
    TimerFired,
    Value,
)
from coordfsm.protocols.coordinator.data import COOLDOWN, TOPOLOGY, CoordinationData, CoordinatorData, installed
from coordfsm.protocols.coordinator.messages import (
    ENTRY_PREFIX,
    STAMP_KEY,
    OwnRefusal,
    OwnRegistration,
    Registration,
    RegistrationRefused,
    Topology,
    TopologyAck,
    TopologyBroadcast,
    TopologyPart,
    TopologyPartAck,
    TopologyPublished,
    TopologyStamp,
)
from coordfsm.protocols.coordinator.parts import parts_since
from coordfsm.protocols.coordinator.registrar_rules import topology_writes
from coordfsm.protocols.coordinator.registry import (
    Hosting,
    Registry,
    changed_since,
    covers,
    is_newer,
    registration_refusal,
    registry_of,
    restricted_to,
    with_entry,
)
from coordfsm.protocols.view import Member, ViewId, ViewInstalled, coordinator, member_of

Result = tuple[CoordinatorData, tuple[Effect, ...]]
RegistrationInput = Received | OwnRegistration


# -- what an input says --------------------------------------------------------------------------------------------


def registration_in(given: RegistrationInput) -> Registration:
    """The registration that arrived, over the network or from this process itself."""
    message = given.message if isinstance(given, Received) else given.registration
    assert isinstance(message, Registration)
    return message


def acknowledgement_in(given: Received) -> TopologyAck:
    """The acknowledgement that arrived."""
    assert isinstance(given.message, TopologyAck)
    return given.message


def part_acknowledgement_in(given: Received) -> TopologyPartAck:
    """The acknowledgement of parts that arrived."""
    assert isinstance(given.message, TopologyPartAck)
    return given.message


def version_of(data: CoordinatorData, view_id: ViewId) -> int:
    """The last version broadcast in this view; 0 before the first."""
    return data.published.version if data.published is not None and data.published.view_id == view_id else 0


# -- guards --------------------------------------------------------------------------------------------------------


def leads(data: CoordinatorData, given: ViewInstalled, context: CoordinationData) -> bool:
    """This process is the first in the ring order of the installed view."""
    return coordinator(given.view).node == context.node


def leads_installed(data: CoordinatorData, given: Value, context: CoordinationData) -> bool:
    """This process is the first in the ring order of the view that is installed."""
    return coordinator(installed(context)).node == context.node


def is_cooling(data: CoordinatorData, given: Value) -> bool:
    """The cooldown of an earlier broadcast of this process is, or may be, running."""
    return data.cooling


def is_whole(data: CoordinatorData, given: ViewInstalled) -> bool:
    """The registry of the view before already has an entry of every member of the new one."""
    return covers(restricted_to(data.registry, given.view), given.view)


def is_of_installed_view(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> bool:
    """Fencing: registered in the view that is installed here."""
    return registration_in(given).view_id == installed(context).id


def is_refused(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> bool:
    """The registration cannot enter the registry: no member, a bubble of another's, or not valid."""
    wanted = registration_in(given).hosting
    return registration_refusal(data.registry, installed(context), wanted) is not None


def is_news(data: CoordinatorData, given: RegistrationInput) -> bool:
    """The registration is newer than what the registry holds of the process."""
    return is_newer(data.registry, registration_in(given).hosting)


def completes_registry(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> bool:
    """With this registration, every member of the view has an entry."""
    return covers(with_entry(data.registry, registration_in(given).hosting), installed(context))


def is_progress(data: CoordinatorData, given: Received, context: CoordinationData) -> bool:
    """A member holds a newer version of this view's topology than was known."""
    ack, view = acknowledgement_in(given), installed(context)
    known = data.acknowledged.get(ack.process, 0)
    if ack.view_id != view.id or member_of(view, ack.process) is None:
        return False
    return known < ack.version <= version_of(data, view.id)


def is_part_progress(data: CoordinatorData, given: Received, context: CoordinationData) -> bool:
    """A member that lacks the newest version holds more, or after a crash fewer, parts of it than was known."""
    ack, view = part_acknowledgement_in(given), installed(context)
    version, base = version_of(data, view.id), data.acknowledged.get(ack.process, 0)
    if ack.view_id != view.id or ack.version != version or ack.base != base or member_of(view, ack.process) is None:
        return False
    parts = parts_since(data.registry, base, context.settings.part_bytes)
    return base < version and ack.taken != data.progress.get(ack.process, 0) and 0 <= ack.taken < len(parts)


# -- actions: beginning and end of a term --------------------------------------------------------------------------


def recall(data: CoordinatorData, given: Recover, context: CoordinationData) -> Result:
    """What was published before the crash; whether its cooldown is over is unknown, so it starts anew."""
    records = {record.key: record.value for record in given.records}
    stamp = records.get(STAMP_KEY)
    if stamp is None:
        return data, ()
    assert isinstance(stamp, TopologyStamp)
    entries = [value for key, value in records.items() if key.startswith(ENTRY_PREFIX)]
    registry = registry_of(entry for entry in entries if isinstance(entry, Hosting))
    recalled = CoordinatorData(registry, stamp, cooling=True, state=data.state)
    return recalled, (SetTimer(COOLDOWN, context.settings.cooldown_ms),)


def follow(data: CoordinatorData, given: Value) -> Result:
    """Another process leads, or none: forget the registry. A running cooldown goes on."""
    stop: tuple[Effect, ...] = () if data.cooling else (CancelTimer(COOLDOWN),)
    follower = CoordinatorData(published=data.published, cooling=data.cooling, state=data.state)
    return follower, (*stop, CancelTimer(TOPOLOGY))


def stay_follower(data: CoordinatorData, given: ViewInstalled) -> Result:
    """Another process leads: what was recovered is of no use any more."""
    return CoordinatorData(published=data.published, cooling=data.cooling, state=data.state), ()


def lead(data: CoordinatorData, given: ViewInstalled) -> Result:
    """Lead this view with what is known of its members. After a restart in the same view, nothing was lost."""
    view = given.view
    if version_of(data, view.id) > 0:
        registry = data.registry
    else:
        registry = restricted_to(data.registry, view) if data.state != "follower" else Registry()
    return msgspec.structs.replace(data, registry=registry, acknowledged=Map(), progress=Map()), (
        CancelTimer(TOPOLOGY),
    )


def collect(data: CoordinatorData, given: ViewInstalled, context: CoordinationData) -> Result:
    """Lead this view; wait for the registrations of its members, for one cooldown at most."""
    data, effects = lead(data, given)
    return data, (*effects, SetTimer(COOLDOWN, context.settings.cooldown_ms))


def lead_and_broadcast(data: CoordinatorData, given: ViewInstalled, context: CoordinationData) -> Result:
    """Lead this view as the last one, without those who departed: tell everyone at once."""
    data, effects = lead(data, given)
    data, sent = broadcast(data, given, context)
    return data, (*effects, *sent)


def suspend(data: CoordinatorData, given: Value) -> Result:
    """Wedged: a coordinator without a majority publishes nothing. The registry waits."""
    stop: tuple[Effect, ...] = () if data.cooling else (CancelTimer(COOLDOWN),)
    return data, (*stop, CancelTimer(TOPOLOGY))


def resume(data: CoordinatorData, given: Value, context: CoordinationData) -> Result:
    """The majority is back: publish after one cooldown, whatever happened meanwhile."""
    cooling = msgspec.structs.replace(data, cooling=True)
    return cooling, (SetTimer(COOLDOWN, context.settings.cooldown_ms),)


# -- actions: registrations ----------------------------------------------------------------------------------------


def refuse(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> Result:
    """Say why, and who holds a contested bubble."""
    registration, view = registration_in(given), installed(context)
    refusal = registration_refusal(data.registry, view, registration.hosting)
    assert refusal is not None
    answer = RegistrationRefused(view.id, registration.hosting.version, refusal)
    return data, (Raise(OwnRefusal(answer)) if isinstance(given, OwnRegistration) else Send(given.sender, answer),)


def enter(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> Result:
    """Into the registry, and into the next version of the topology."""
    hosting = registration_in(given).hosting
    entry = msgspec.structs.replace(hosting, changed_at=version_of(data, installed(context).id) + 1)
    return msgspec.structs.replace(data, registry=with_entry(data.registry, entry)), ()


def enter_and_broadcast(data: CoordinatorData, given: RegistrationInput, context: CoordinationData) -> Result:
    """Into the registry, and to everyone at once."""
    data, _ = enter(data, given, context)
    return broadcast(data, given, context)


def answer(data: CoordinatorData, given: Received, context: CoordinationData) -> Result:
    """The topology that it waits for was lost on the way: send it again."""
    return data, (Send(given.sender, message_for(data, registration_in(given).hosting.process, context)),)


# -- actions: the topology -----------------------------------------------------------------------------------------


def broadcast(data: CoordinatorData, given: Value, context: CoordinationData) -> Result:
    """Publish the next version: durable first, so that a restart neither repeats a number nor forgets what it said."""
    view = installed(context)
    stamp = TopologyStamp(view.number, view.id, version_of(data, view.id) + 1)
    published = msgspec.structs.replace(data, published=stamp, progress=Map(), cooling=True)
    own = topology_for(published, context.node, context)
    published = msgspec.structs.replace(published, acknowledged=data.acknowledged.set(context.node, stamp.version))
    effects: tuple[Effect, ...] = (
        Persist(topology_writes(context.registrar.topology, data.registry, stamp)),
        Notify(TopologyBroadcast(stamp.view_number, stamp.version)),
        SetTimer(COOLDOWN, context.settings.cooldown_ms),
        Raise(TopologyPublished(own)),
        *sends(published, context),
    )
    return published, effects


def resend(data: CoordinatorData, given: TimerFired, context: CoordinationData) -> Result:
    """To those who have not acknowledged, and again until they do or leave the view."""
    return data, sends(data, context)


def note_acknowledged(data: CoordinatorData, given: Received, context: CoordinationData) -> Result:
    """Remember what a member holds; once all hold the newest version, nothing is sent again."""
    ack = acknowledgement_in(given)
    progress = data.progress.delete(ack.process) if ack.process in data.progress else data.progress
    acknowledged = data.acknowledged.set(ack.process, ack.version)
    noted = msgspec.structs.replace(data, acknowledged=acknowledged, progress=progress)
    return noted, () if lagging(noted, context) else (CancelTimer(TOPOLOGY),)


def send_next_part(data: CoordinatorData, given: Received, context: CoordinationData) -> Result:
    """One part at a time to each process: the next one when it says that it holds those before."""
    ack = part_acknowledgement_in(given)
    noted = msgspec.structs.replace(data, progress=data.progress.set(ack.process, ack.taken))
    return noted, (Send(given.sender, message_for(noted, ack.process, context)),)


def end_cooldown(data: CoordinatorData, given: TimerFired) -> Result:
    """The next change may be published at once."""
    return msgspec.structs.replace(data, cooling=False), ()


# -- pieces --------------------------------------------------------------------------------------------------------


def lagging(data: CoordinatorData, context: CoordinationData) -> tuple[Member, ...]:
    """The other members that have not acknowledged the newest version."""
    view = installed(context)
    version = version_of(data, view.id)
    return tuple(member for member in view.members if data.acknowledged.get(member.node, 0) < version)


def topology_for(data: CoordinatorData, process: str, context: CoordinationData) -> Topology:
    """The newest version as this process needs it: only what changed since the one it acknowledged."""
    view = installed(context)
    base = data.acknowledged.get(process, 0)
    version = version_of(data, view.id)
    return Topology(view.number, view.id, version, base, changed_since(data.registry, base))


def message_for(data: CoordinatorData, process: str, context: CoordinationData) -> Message:
    """The newest version as this process needs it, or the next part of it where it is too large for one message."""
    view = installed(context)
    base, version = data.acknowledged.get(process, 0), version_of(data, view.id)
    parts = parts_since(data.registry, base, context.settings.part_bytes)
    if len(parts) == 1:
        return Topology(view.number, view.id, version, base, parts[0])
    part = data.progress.get(process, 0)
    return TopologyPart(view.number, view.id, version, base, part, len(parts), parts[part])


def sends(data: CoordinatorData, context: CoordinationData) -> tuple[Effect, ...]:
    """The newest version to all who lack it, and the timer that repeats this; no timer when none lacks it."""
    behind = lagging(data, context)
    # Most members hold the same, and so need the same message: each is built once.
    needs = {member: (data.acknowledged.get(member.node, 0), data.progress.get(member.node, 0)) for member in behind}
    examples = {need: member.node for member, need in needs.items()}
    built = {need: message_for(data, process, context) for need, process in examples.items()}
    messages = tuple(Send(member.endpoint, built[need]) for member, need in needs.items())
    return (*messages, SetTimer(TOPOLOGY, context.settings.resend_ms)) if behind else ()
