"""REGISTRAR: every process tells each view's coordinator what it hosts, until a topology says that it is known.

It is also the one place where a process accepts topologies: only those of the installed view, only newer ones.
"""

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.coordinator.registrar_parts import (
    ask_for_next,
    complete,
    complete_confirmed,
    extends_held_by_part,
    is_last_part,
    is_next_part,
    is_part_of_installed_view,
    names_what_is_hosted_in_parts,
    repeats_held_by_part,
    take_part,
)
from coordfsm.protocols.coordinator.registrar_rules import (
    accept,
    accept_confirmed,
    acknowledge_held,
    changes_nothing,
    denies_membership,
    extends_held,
    give_up_refused,
    holds_its_topology,
    is_about_newest_registration,
    is_of_installed_view,
    is_refused_here,
    names_what_is_hosted,
    note_change,
    recall,
    refuse_change,
    register,
    register_change,
    repeats_held,
    stop_registering,
)

REFUSAL_EVENTS = "recv_registration_refused local_own_refusal"
CHANGES = "local_register_bubbles local_unregister_bubbles"


class Registrar(Machine):
    """DETACHED without a view; REGISTERING until a topology holds the newest registration; then REGISTERED."""

    detached = State(initial=True)
    registering = State()
    registered = State()

    local_recover = detached.to(detached, internal=True, on=recall)
    local_view_installed = (
        detached.to(registered, cond=holds_its_topology)
        | detached.to(registering, on=register)
        | registering.to(registering, internal=True, on=register)
        | registered.to(registering, on=register)
    )
    local_shunned = registering.to(detached, on=stop_registering) | registered.to(detached, on=stop_registering)
    timeout_registration = registering.to(registering, internal=True, on=register)

    # What the application asks for.
    detached.to(detached, internal=True, event="local_register_bubbles", cond=is_refused_here, on=refuse_change)
    detached.to(detached, internal=True, event=CHANGES, unless=changes_nothing, on=note_change)
    registering.to(registering, internal=True, event="local_register_bubbles", cond=is_refused_here, on=refuse_change)
    registering.to(registering, internal=True, event=CHANGES, unless=changes_nothing, on=register_change)
    registered.to(registered, internal=True, event="local_register_bubbles", cond=is_refused_here, on=refuse_change)
    registered.to(registering, event=CHANGES, unless=changes_nothing, on=register_change)

    # What the coordinator answers.
    registering.to(
        registering,
        internal=True,
        event=REFUSAL_EVENTS,
        cond=is_about_newest_registration,
        unless=denies_membership,
        on=give_up_refused,
    )
    recv_topology = (
        registering.to(registered, cond=[is_of_installed_view, extends_held, names_what_is_hosted], on=accept_confirmed)
        | registering.to(registering, internal=True, cond=[is_of_installed_view, extends_held], on=accept)
        | registering.to(registering, internal=True, cond=[is_of_installed_view, repeats_held], on=acknowledge_held)
        | registered.to(registered, internal=True, cond=[is_of_installed_view, extends_held], on=accept)
        | registered.to(registered, internal=True, cond=[is_of_installed_view, repeats_held], on=acknowledge_held)
    )
    # The same topology in parts, one after the other; who lacks the one that arrives says which one it waits for.
    registering.to(
        registered,
        event="recv_topology_part",
        cond=[
            is_part_of_installed_view,
            extends_held_by_part,
            is_next_part,
            is_last_part,
            names_what_is_hosted_in_parts,
        ],
        on=complete_confirmed,
    )
    registering.to(
        registering,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part, is_next_part, is_last_part],
        on=complete,
    )
    registering.to(
        registering,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part, is_next_part],
        on=take_part,
    )
    registering.to(
        registering,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part],
        on=ask_for_next,
    )
    registering.to(
        registering,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, repeats_held_by_part],
        on=acknowledge_held,
    )
    registered.to(
        registered,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part, is_next_part, is_last_part],
        on=complete,
    )
    registered.to(
        registered,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part, is_next_part],
        on=take_part,
    )
    registered.to(
        registered,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, extends_held_by_part],
        on=ask_for_next,
    )
    registered.to(
        registered,
        internal=True,
        event="recv_topology_part",
        cond=[is_part_of_installed_view, repeats_held_by_part],
        on=acknowledge_held,
    )
    local_topology_published = (
        registering.to(registered, cond=names_what_is_hosted, on=accept_confirmed)
        | registering.to(registering, internal=True, on=accept)
        | registered.to(registered, internal=True, on=accept)
    )

    ignored = {
        ("registering", "local_recover"): "the first input of a process only",
        ("registered", "local_recover"): "the first input of a process only",
        ("detached", "local_shunned"): "in no view already",
        ("detached", "timeout_registration"): "in no view: nobody to register with",
        ("registered", "timeout_registration"): "a topology names this process",
        **{("*", event): "this process hosts exactly that already" for event in CHANGES.split()},
        **{("*", event): "answers an older registration, or a view not installed" for event in REFUSAL_EVENTS.split()},
        ("*", "recv_topology_part"): "fenced: of a view that is not installed; or based on a version that is not held",
        ("*", "recv_topology"): "fenced: of a view that is not installed; or based on a version that is not held",
        ("detached", "local_topology_published"): "in no view: this process publishes nothing",
    }


REGISTRAR = compile_machine(Registrar)
