"""Guards and actions of the registrar: what every process does, the coordinator's own included."""

import msgspec

from coordfsm.kernel import (
    CancelTimer,
    Effect,
    Notify,
    Persist,
    Raise,
    Received,
    Recover,
    Send,
    SetTimer,
    Value,
    Write,
)
from coordfsm.protocols.coordinator.data import REGISTRATION, CoordinationData, RegistrarData, installed
from coordfsm.protocols.coordinator.messages import (
    ENTRY_PREFIX,
    HOSTED_KEY,
    STAMP_KEY,
    BubblesRefused,
    BubblesRegistered,
    Hosted,
    OwnRefusal,
    OwnRegistration,
    RegisterBubbles,
    Registration,
    RegistrationRefused,
    Topology,
    TopologyAccepted,
    TopologyAck,
    TopologyPublished,
    TopologyStamp,
    UnregisterBubbles,
)
from coordfsm.protocols.coordinator.registry import (
    BubbleConflict,
    Hosting,
    Registry,
    UnknownProcess,
    bubbles_refusal,
    merged,
    registry_of,
)
from coordfsm.protocols.view import Shunned, View, ViewId, ViewInstalled, coordinator, member_of

Result = tuple[RegistrarData, tuple[Effect, ...]]
TopologyInput = Received | TopologyPublished
RefusalInput = Received | OwnRefusal
ChangeCommand = RegisterBubbles | UnregisterBubbles


# -- what an input says --------------------------------------------------------------------------------------------


def topology_in(given: TopologyInput) -> Topology:
    """The topology that arrived, over the network or from this process's own coordinator."""
    message = given.message if isinstance(given, Received) else given.topology
    assert isinstance(message, Topology)
    return message


def refusal_in(given: RefusalInput) -> RegistrationRefused:
    """The refusal that arrived, over the network or from this process's own coordinator."""
    message = given.message if isinstance(given, Received) else given.refused
    assert isinstance(message, RegistrationRefused)
    return message


def wanted_after(data: RegistrarData, given: ChangeCommand) -> tuple[str, ...]:
    """What the process hosts once the application's command is done."""
    asked = set(given.bubbles)
    held = set(data.hosted.bubbles)
    return tuple(sorted(held | asked if isinstance(given, RegisterBubbles) else held - asked))


# -- guards --------------------------------------------------------------------------------------------------------


def is_refused_here(data: RegistrarData, given: RegisterBubbles) -> bool:
    """No process could host this set: an id is not valid, or there are too many."""
    return bubbles_refusal(wanted_after(data, given)) is not None


def changes_nothing(data: RegistrarData, given: ChangeCommand) -> bool:
    """The process hosts exactly this already."""
    return wanted_after(data, given) == data.hosted.bubbles


def is_of_installed_view(data: RegistrarData, given: TopologyInput, context: CoordinationData) -> bool:
    """Fencing: only the installed view's topology counts, and only its coordinator publishes one."""
    return context.monitor.view is not None and topology_in(given).view_id == context.monitor.view.id


def extends_held(data: RegistrarData, given: TopologyInput) -> bool:
    """The version is newer than the held one, and whole or based on no more than the held one."""
    topology = topology_in(given)
    held = held_version(data, topology.view_id)
    return topology.base <= held < topology.version


def repeats_held(data: RegistrarData, given: TopologyInput) -> bool:
    """The version, or a newer one of the same view, is held already: its acknowledgement was lost."""
    topology = topology_in(given)
    return 0 < topology.version <= held_version(data, topology.view_id)


def names_what_is_hosted(data: RegistrarData, given: TopologyInput, context: CoordinationData) -> bool:
    """The topology holds this process's newest registration."""
    view = installed(context)
    return any(is_confirmed(data, view, context, entry) for entry in topology_in(given).entries)


def holds_its_topology(data: RegistrarData, given: ViewInstalled, context: CoordinationData) -> bool:
    """After a restart in the same view: the recovered topology names this process already."""
    entry = data.topology.processes.get(context.node)
    return (
        held_version(data, given.view.id) > 0 and entry is not None and is_confirmed(data, given.view, context, entry)
    )


def is_about_newest_registration(data: RegistrarData, given: RefusalInput, context: CoordinationData) -> bool:
    """The refusal answers the newest registration, in the installed view."""
    refused = refusal_in(given)
    return refused.version == data.hosted.version and refused.view_id == installed(context).id


def denies_membership(data: RegistrarData, given: RefusalInput) -> bool:
    """The coordinator does not know this process: nothing to give up, membership will tell."""
    return isinstance(refusal_in(given).refusal, UnknownProcess)


def held_version(data: RegistrarData, view_id: ViewId) -> int:
    """The version of the held topology in this view; 0 when it is of another one."""
    return data.held.version if data.held is not None and data.held.view_id == view_id else 0


def is_confirmed(data: RegistrarData, view: View, context: CoordinationData, entry: Hosting) -> bool:
    """An entry of the topology is this process's newest registration."""
    return entry.version == data.hosted.version and (entry.process, entry.incarnation) == (
        context.node,
        own_incarnation(view, context),
    )


def own_incarnation(view: View, context: CoordinationData) -> int:
    """Under which incarnation this process belongs to the view."""
    member = member_of(view, context.node)
    assert member is not None, "a process installs only views that contain it"
    return member.incarnation


# -- actions -------------------------------------------------------------------------------------------------------


def recall(data: RegistrarData, given: Recover) -> Result:
    """What this process hosted, and the topology that it held."""
    records = {record.key: record.value for record in given.records}
    hosted, stamp = records.get(HOSTED_KEY), records.get(STAMP_KEY)
    entries = tuple(value for key, value in records.items() if key.startswith(ENTRY_PREFIX))
    assert hosted is None or isinstance(hosted, Hosted)
    assert stamp is None or isinstance(stamp, TopologyStamp)
    topology = registry_of(entry for entry in entries if isinstance(entry, Hosting))
    return RegistrarData(hosted or Hosted(), stamp, topology, state=data.state), ()


def register(data: RegistrarData, given: Value, context: CoordinationData) -> Result:
    """Tell the coordinator what this process hosts, and again until a topology says so."""
    return data, registration_effects(data.hosted, context)


def note_change(data: RegistrarData, given: ChangeCommand) -> Result:
    """Outside any view: remember, to register once there is a coordinator."""
    hosted = Hosted(data.hosted.version + 1, wanted_after(data, given))
    return with_hosted(data, hosted), (Persist((Write(HOSTED_KEY, hosted),)),)


def register_change(data: RegistrarData, given: ChangeCommand, context: CoordinationData) -> Result:
    """A change is a new version: durable first, so that no later life of this process reuses the number."""
    data, effects = note_change(data, given)
    return data, (*effects, *registration_effects(data.hosted, context))


def refuse_change(data: RegistrarData, given: RegisterBubbles) -> Result:
    """The application's set cannot be hosted by any process; nothing changes."""
    refusal = bubbles_refusal(wanted_after(data, given))
    assert refusal is not None
    return data, (Notify(BubblesRefused(tuple(sorted(given.bubbles)), refusal)),)


def give_up_refused(data: RegistrarData, given: RefusalInput, context: CoordinationData) -> Result:
    """The first holder keeps a bubble: this process drops it, says so, and registers what is left."""
    refusal = refusal_in(given).refusal
    conflicting = tuple(bubble for bubble, _ in refusal.conflicts) if isinstance(refusal, BubbleConflict) else ()
    lost = conflicting or data.hosted.bubbles  # a set that no process may host goes as a whole
    left = tuple(bubble for bubble in data.hosted.bubbles if bubble not in lost)
    hosted = Hosted(data.hosted.version + 1, left)
    return with_hosted(data, hosted), (
        Persist((Write(HOSTED_KEY, hosted),)),
        Notify(BubblesRefused(lost, refusal)),
        *registration_effects(hosted, context),
    )


def accept(data: RegistrarData, given: TopologyInput, context: CoordinationData) -> Result:
    """Hold the newer topology, durably, and acknowledge it."""
    topology = topology_in(given)
    stamp = TopologyStamp(topology.view_number, topology.view_id, topology.version)
    registry = merged(data.topology if topology.base else Registry(), topology.entries)
    accepted = RegistrarData(data.hosted, stamp, registry, state=data.state)
    effects: tuple[Effect, ...] = (Notify(TopologyAccepted(stamp.view_number, stamp.version)),)
    if isinstance(given, Received):  # the coordinator's own process has published it durably itself
        writes = topology_writes(data.topology, registry, stamp)
        effects = (Persist(writes), *effects, acknowledgement(given, stamp, context))
    return accepted, effects


def accept_confirmed(data: RegistrarData, given: TopologyInput, context: CoordinationData) -> Result:
    """The newer topology holds this process's registration: no need to repeat it."""
    data, effects = accept(data, given, context)
    done = (CancelTimer(REGISTRATION), Notify(BubblesRegistered(topology_in(given).view_number, data.hosted.version)))
    return data, (*effects, *done)


def acknowledge_held(data: RegistrarData, given: Received, context: CoordinationData) -> Result:
    """Say again which version is held."""
    assert data.held is not None
    return data, (acknowledgement(given, data.held, context),)


def stop_registering(data: RegistrarData, given: Shunned) -> Result:
    """This process is in no view: nobody is to be told. What it hosts stays noted for its next incarnation."""
    return data, (CancelTimer(REGISTRATION),)


# -- pieces --------------------------------------------------------------------------------------------------------


def with_hosted(data: RegistrarData, hosted: Hosted) -> RegistrarData:
    """The data with another set of hosted bubbles."""
    return msgspec.structs.replace(data, hosted=hosted)


def registration_effects(hosted: Hosted, context: CoordinationData) -> tuple[Effect, ...]:
    """One registration on its way to the coordinator, and the timer that repeats it."""
    view, me = installed(context), context.node
    leader = coordinator(view)
    registration = Registration(view.id, Hosting(me, own_incarnation(view, context), hosted.version, hosted.bubbles))
    sent: Effect = Raise(OwnRegistration(registration)) if leader.node == me else Send(leader.endpoint, registration)
    return sent, SetTimer(REGISTRATION, context.settings.resend_ms)


def acknowledgement(given: Received, stamp: TopologyStamp, context: CoordinationData) -> Effect:
    """Tells the publisher which version is held."""
    return Send(given.sender, TopologyAck(stamp.view_id, stamp.version, context.node))


def topology_writes(before: Registry, after: Registry, stamp: TopologyStamp) -> tuple[Write, ...]:
    """What changes in the store when a topology replaces another: one record an entry, so that deltas stay small."""
    gone = (process for process in before.processes if process not in after.processes)
    changed = (entry for entry in after.processes.values() if before.processes.get(entry.process) != entry)
    return (
        Write(STAMP_KEY, stamp),
        *sorted(
            [
                *(Write(ENTRY_PREFIX + process, None) for process in gone),
                *(Write(ENTRY_PREFIX + entry.process, entry) for entry in changed),
            ],
            key=lambda write: write.key,
        ),
    )
