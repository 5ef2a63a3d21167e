"""COORDINATOR: the first process in a view's ring order keeps the registry and publishes the topology.

There is no election: the view says who leads. A term begins and ends with a view, and the view's id fences what
is left over from another term.

COLLECTING: new in the role, waits until all members registered, for one cooldown at most.
QUIET: all is published, and a change goes out at once.
COOLDOWN: all is published, but a change has to wait.
DIRTY: changes wait for the end of the cooldown, and then go out together.
SUSPENDED: wedged: publishes nothing until a majority is heard again, also when a view makes it the coordinator.
"""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.coordinator.coordinator_rules import (
    answer,
    broadcast,
    collect,
    completes_registry,
    end_cooldown,
    enter,
    enter_and_broadcast,
    follow,
    is_cooling,
    is_news,
    is_of_installed_view,
    is_part_progress,
    is_progress,
    is_refused,
    is_whole,
    lead,
    lead_and_broadcast,
    leads,
    leads_installed,
    note_acknowledged,
    recall,
    refuse,
    resend,
    resume,
    send_next_part,
    stay_follower,
    suspend,
)

REGISTRATIONS = "recv_registration local_own_registration"


class Coordinator(Machine):
    """FOLLOWER, or COORDINATING the view, or SUSPENDED while wedged."""

    follower = State(initial=True)

    class coordinating(State.Compound):  # noqa: N801  (a state's id)
        collecting = State(initial=True)
        quiet = State()
        cooldown = State()
        dirty = State()

    suspended = State()

    # Each view begins a term for one process, and ends that of another.
    local_view_installed = (
        follower.to(coordinating.dirty, cond=[leads, is_cooling], on=lead)
        | follower.to(coordinating.collecting, cond=leads, on=collect)
        | follower.to(follower, internal=True, on=stay_follower)
        | coordinating.collecting.to(coordinating.cooldown, cond=[leads, is_whole], on=lead_and_broadcast)
        | coordinating.collecting.to(coordinating.collecting, internal=True, cond=leads, on=collect)
        | coordinating.quiet.to(coordinating.cooldown, cond=[leads, is_whole], on=lead_and_broadcast)
        | coordinating.quiet.to(coordinating.collecting, cond=leads, on=collect)
        | coordinating.cooldown.to(coordinating.dirty, cond=leads, on=lead)
        | coordinating.dirty.to(coordinating.dirty, internal=True, cond=leads, on=lead)
        | coordinating.to(follower, on=follow)
        | suspended.to(suspended, internal=True, cond=leads, on=lead)
        | suspended.to(suspended, internal=True, on=follow)
    )
    local_recover = follower.to(follower, internal=True, on=recall)
    local_shunned = coordinating.to(follower, on=follow) | suspended.to(follower, on=follow)
    local_wedged = coordinating.to(suspended, on=suspend) | follower.to(suspended)
    local_unwedged = suspended.to(coordinating.dirty, cond=leads_installed, on=resume) | suspended.to(follower)

    # Registrations: what conflicts is refused, what is new enters, what is known was not heard of yet.
    coordinating.collecting.to(
        coordinating.collecting, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_refused], on=refuse
    )
    coordinating.collecting.to(
        coordinating.cooldown,
        event=REGISTRATIONS,
        cond=[is_of_installed_view, is_news, completes_registry],
        on=enter_and_broadcast,
    )
    coordinating.collecting.to(
        coordinating.collecting, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_news], on=enter
    )
    coordinating.quiet.to(
        coordinating.quiet, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_refused], on=refuse
    )
    coordinating.quiet.to(
        coordinating.cooldown, event=REGISTRATIONS, cond=[is_of_installed_view, is_news], on=enter_and_broadcast
    )
    coordinating.quiet.to(
        coordinating.quiet, internal=True, event="recv_registration", cond=is_of_installed_view, on=answer
    )
    coordinating.cooldown.to(
        coordinating.cooldown, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_refused], on=refuse
    )
    coordinating.cooldown.to(coordinating.dirty, event=REGISTRATIONS, cond=[is_of_installed_view, is_news], on=enter)
    coordinating.cooldown.to(
        coordinating.cooldown, internal=True, event="recv_registration", cond=is_of_installed_view, on=answer
    )
    coordinating.dirty.to(
        coordinating.dirty, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_refused], on=refuse
    )
    coordinating.dirty.to(
        coordinating.dirty, internal=True, event=REGISTRATIONS, cond=[is_of_installed_view, is_news], on=enter
    )

    # The topology: at most one broadcast a cooldown, repeated to whoever has not acknowledged it.
    timeout_cooldown = (
        coordinating.collecting.to(coordinating.cooldown, on=broadcast)
        | coordinating.cooldown.to(coordinating.quiet, on=end_cooldown)
        | coordinating.dirty.to(coordinating.cooldown, on=broadcast)
        | follower.to(follower, internal=True, on=end_cooldown)
        | suspended.to(suspended, internal=True, on=end_cooldown)
    )
    timeout_topology = coordinating.quiet.to(coordinating.quiet, internal=True, on=resend) | coordinating.cooldown.to(
        coordinating.cooldown, internal=True, on=resend
    )
    recv_topology_ack = (
        coordinating.quiet.to(coordinating.quiet, internal=True, cond=is_progress, on=note_acknowledged)
        | coordinating.cooldown.to(coordinating.cooldown, internal=True, cond=is_progress, on=note_acknowledged)
        | coordinating.dirty.to(coordinating.dirty, internal=True, cond=is_progress, on=note_acknowledged)
    )
    recv_topology_part_ack = coordinating.quiet.to(
        coordinating.quiet, internal=True, cond=is_part_progress, on=send_next_part
    ) | coordinating.cooldown.to(coordinating.cooldown, internal=True, cond=is_part_progress, on=send_next_part)

    ignored = {
        ("quiet", "timeout_cooldown"): "no cooldown runs",
        ("dirty", "timeout_topology"): "the broadcast that ends the cooldown comes instead",
        ("*", "timeout_topology"): "nothing is published by this process in this view",
        ("*", "recv_topology_ack"): "of another view, or known already",
        ("dirty", "recv_topology_part_ack"): "the broadcast that ends the cooldown comes instead",
        ("*", "recv_topology_part_ack"): "of another view or version, or known already",
        ("*", "local_recover"): "the first input of a process only",
        ("suspended", "local_wedged"): "publishes nothing already",
        ("*", "local_unwedged"): "was not wedged",
        ("follower", "local_shunned"): "does not lead",
        **{
            ("*", event): "fenced: of a view that this process does not lead, or of an older registration"
            for event in REGISTRATIONS.split()
        },
    }


COORDINATOR = compile_machine(Coordinator)
