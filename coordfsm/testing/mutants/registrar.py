"""Broken registrars: who registers too seldom, forgets, or believes too much."""

from typing import Any

import msgspec

from coordfsm.kernel import Effect, Persist, TransitionTable
from coordfsm.protocols.coordinator import registrar_parts as parted
from coordfsm.protocols.coordinator import registrar_rules as register
from coordfsm.protocols.coordinator.data import (
    CoordinationData,
    RegistrarData,
)
from coordfsm.protocols.coordinator.messages import Topology
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

UNBOUNDED = {"network": "ordered", "loss": None, "resends": None}

RegistrarResult = tuple[RegistrarData, tuple[Effect, ...]]


def always(data: Any, given: Any) -> bool:
    """No check."""
    return True


def never(data: Any, given: Any) -> bool:
    """The case is not thought of."""
    return False


def is_any_newer_version(data: RegistrarData, given: Any) -> bool:
    """Newer than the held one, but what a delta is based on is not looked at."""
    topology = register.topology_in(given)
    return register.held_version(data, topology.view_id) < topology.version


def without_durability(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The effects, without their records."""
    return tuple(effect for effect in effects if not isinstance(effect, Persist))


def nobody_registers_again(table: TransitionTable) -> TransitionTable:
    """Registered once is registered for ever."""
    return with_rule(table, "registered", "local_view_installed", "registered")


def registered_once_sent(table: TransitionTable) -> TransitionTable:
    """What was sent is taken for registered."""
    return with_rule(table, "registering", "timeout_registration", "registered")


def accept_volatile(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """Acknowledged, and forgotten in a crash."""
    data, effects = register.accept(data, given, context)
    return data, without_durability(effects)


def accept_confirmed_volatile(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """Acknowledged, and forgotten in a crash."""
    data, effects = register.accept_confirmed(data, given, context)
    return data, without_durability(effects)


def change_volatile(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """The number of a registration is used again after a crash."""
    data, effects = register.register_change(data, given, context)
    return data, without_durability(effects)


def recall_no_topology(data: RegistrarData, given: Any) -> RegistrarResult:
    """Recovered without the topology that was acknowledged."""
    data, effects = register.recall(data, given)
    return RegistrarData(data.hosted, state=data.state), effects


def keep_refused(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """The refused bubble stays in the set, under the number that was refused."""
    return data, ()


def is_last_or_not(data: RegistrarData, given: Any) -> bool:
    """Any part is taken for the last one."""
    return True


def is_next_of_any_version(data: RegistrarData, given: Any) -> bool:
    """The number of the part fits; whose part it is, is not looked at."""
    part = parted.part_in(given)
    held = data.partial
    return part.part == (0 if held is None else held.taken)


def complete_of_any_version(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """Put together from whatever parts are held."""
    part = parted.part_in(given)
    before = () if data.partial is None else data.partial.entries
    whole = Topology(part.view_number, part.view_id, part.version, part.base, (*before, *part.entries))
    return register.accept(data, msgspec.structs.replace(given, message=whole), context)


def say_nothing(data: RegistrarData, given: Any, context: CoordinationData) -> RegistrarResult:
    """A part that is not awaited is dropped in silence."""
    return data, ()


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="topology-not-fenced",
        machine="Registrar",
        property="C2",
        flaw="A topology is accepted without looking at the view that it belongs to.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab/ba"},
        functions={"is_of_installed_view": always},
    ),
    Mutant(
        name="nobody-registers-again",
        machine="Registrar",
        property="CL2-rest",
        flaw="The new coordinator starts with an empty registry, and nobody registers with it.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab/ba"},
        edit=nobody_registers_again,
    ),
    Mutant(
        name="delta-on-any-base",
        machine="Registrar",
        property="C4",
        flaw="A delta is applied to a version that it is not based on.",
        source="own",
        model="coordinator",
        parameters={"chain": "abc", "changes": 1, "crash": 1},
        functions={"extends_held": is_any_newer_version, "recall": recall_no_topology},
    ),
    Mutant(
        name="older-topology-accepted",
        machine="Registrar",
        property="C4",
        flaw="An older topology of the same view replaces the newer one.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "duplicate": 1},
        functions={"extends_held": always},
    ),
    Mutant(
        name="part-installed-early",
        machine="Registrar",
        property="C4",
        flaw="A topology is installed before all of its parts are there.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "restarted": False, "split": True},
        functions={"is_last_part": is_last_or_not},
    ),
    Mutant(
        name="parts-of-two-versions-mixed",
        machine="Registrar",
        property="C4",
        flaw="Parts of two versions are put together into one topology.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "restarted": False, "split": True, "resends": 1},
        functions={
            "is_next_part": is_next_of_any_version,
            "complete": complete_of_any_version,
            "complete_confirmed": complete_of_any_version,
        },
    ),
    Mutant(
        name="lost-parts-not-asked-again",
        machine="Registrar",
        property="CL1",
        flaw="A process that lost the parts it held does not say so, and the publisher goes on from there.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "restarted": False, "split": True, "crash": 1, **UNBOUNDED},
        functions={"ask_for_next": say_nothing},
    ),
    Mutant(
        name="acknowledgement-not-repeated",
        machine="Registrar",
        property="CL1",
        flaw="A topology that is held already is not acknowledged again, so that it is resent for ever.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", **UNBOUNDED},
        functions={"repeats_held": never},
    ),
    Mutant(
        name="registered-without-proof",
        machine="Registrar",
        property="CL1-rest",
        flaw="A process takes any topology as proof that its registration arrived.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "loss": 1},
        functions={"names_what_is_hosted": always},
    ),
    Mutant(
        name="registration-not-repeated",
        machine="Registrar",
        property="CL2",
        flaw="A registration that got lost is not sent again.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab/ba", **UNBOUNDED},
        edit=registered_once_sent,
    ),
    Mutant(
        name="registration-version-volatile",
        machine="Registrar",
        property="CL1",
        flaw="The version of a registration is lost in a crash, so that the next one looks old.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "crash": 1, **UNBOUNDED},
        functions={"register_change": change_volatile},
    ),
    Mutant(
        name="accepted-topology-volatile",
        machine="Registrar",
        property="CL1",
        flaw="A topology is acknowledged and then forgotten in a crash.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "crash": 1, **UNBOUNDED},
        functions={"accept": accept_volatile, "accept_confirmed": accept_confirmed_volatile},
    ),
    Mutant(
        name="refused-bubble-kept",
        machine="Registrar",
        property="CL1",
        flaw="A process keeps a bubble that it was refused, and asks for ever.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 2, **UNBOUNDED},
        functions={"give_up_refused": keep_refused},
    ),
)
