"""Broken coordinators: the design's table, and one for each guard and rule that a property needs."""

from typing import Any

import msgspec

from coordfsm.kernel import CancelTimer, Effect, Map, Persist, SetTimer, TransitionTable
from coordfsm.protocols.coordinator import coordinator_rules as rule
from coordfsm.protocols.coordinator.data import (
    TOPOLOGY,
    CoordinationData,
    CoordinatorData,
    installed,
)
from coordfsm.protocols.coordinator.registry import BubbleConflict, Registry, registration_refusal, with_entry
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

UNBOUNDED = {"network": "ordered", "loss": None, "resends": None}

CoordinatorResult = tuple[CoordinatorData, tuple[Effect, ...]]


def always(data: Any, given: Any) -> bool:
    """No check."""
    return True


def never(data: Any, given: Any) -> bool:
    """The case is not thought of."""
    return False


def never_in_context(data: Any, given: Any, context: CoordinationData) -> bool:
    """The case is not thought of."""
    return False


def is_conflict(data: CoordinatorData, given: Any, context: CoordinationData) -> bool:
    """A refusal for a conflict alone: membership is not looked at."""
    wanted = rule.registration_in(given).hosting
    refusal = registration_refusal(data.registry, installed(context), wanted)
    return isinstance(refusal, BubbleConflict)


def change_dropped_in_cooldown(table: TransitionTable) -> TransitionTable:
    """The registration enters, but nobody remembers that it was not sent."""
    return with_rule(
        table,
        "cooldown",
        "recv_registration",
        "cooldown",
        cond=(rule.is_of_installed_view, rule.is_news),
        on=rule.enter,
    )


def broadcast_once(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """What was sent is taken for received."""
    data, effects = rule.broadcast(data, given, context)
    return data, tuple(effect for effect in effects if effect != SetTimer(TOPOLOGY, context.settings.resend_ms))


def without_durability(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The effects, without their records."""
    return tuple(effect for effect in effects if not isinstance(effect, Persist))


def broadcast_volatile(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """The version and the registry live in memory only."""
    data, effects = rule.broadcast(data, given, context)
    return data, without_durability(effects)


def broadcast_first(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """Sent, then made durable."""
    data, effects = rule.broadcast(data, given, context)
    return data, (*without_durability(effects), *(effect for effect in effects if isinstance(effect, Persist)))


def lead_with_everyone(data: CoordinatorData, given: Any) -> CoordinatorResult:
    """The registry of the last view is kept as it was."""
    return msgspec.structs.replace(data, acknowledged=Map()), (CancelTimer(TOPOLOGY),)


def recall_nothing(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """Recovered with the version, but an empty registry: the followers are all registered and stay silent."""
    data, effects = rule.recall(data, given, context)
    return msgspec.structs.replace(data, registry=Registry()), effects


def recall_without_cooldown(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """A restart is taken for the end of the cooldown."""
    data, _ = rule.recall(data, given, context)
    return msgspec.structs.replace(data, cooling=False), ()


def resume_without_timer(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """Changes wait for a cooldown that does not run."""
    return rule.resume(data, given, context)[0], ()


def resume_at_once(table: TransitionTable) -> TransitionTable:
    """The end of being wedged is taken for the end of the cooldown."""
    return with_rule(table, "suspended", "local_unwedged", "cooldown", cond=(rule.leads_installed,), on=rule.broadcast)


def wedged_leader_carries_on(table: TransitionTable) -> TransitionTable:
    """A view makes a wedged process coordinator, and it publishes, although its cooldown may run."""
    return with_rule(
        table, "suspended", "local_view_installed", "quiet", cond=(rule.leads,), on=rule.lead_and_broadcast
    )


def any_acknowledgement_will_do(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """Which version was acknowledged is not looked at."""
    process = rule.acknowledgement_in(given).process
    version = rule.version_of(data, installed(context).id)
    noted = msgspec.structs.replace(data, acknowledged=data.acknowledged.set(process, version))
    return noted, () if rule.lagging(noted, context) else (CancelTimer(TOPOLOGY),)


def broadcast_in_cooldown(table: TransitionTable) -> TransitionTable:
    """Every change goes out at once."""
    return with_rule(
        table,
        "cooldown",
        "recv_registration",
        "cooldown",
        cond=(rule.is_of_installed_view, rule.is_news),
        on=rule.enter_and_broadcast,
    )


def enter_unstamped(data: CoordinatorData, given: Any, context: CoordinationData) -> CoordinatorResult:
    """The entry does not say since when it is there, so no delta carries it."""
    entry = rule.registration_in(given).hosting
    return msgspec.structs.replace(data, registry=with_entry(data.registry, entry)), ()


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="every-process-broadcasts",
        machine="Coordinator",
        property="C2",
        flaw="Every process takes itself for the coordinator and publishes.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab", "restarted": False},
        functions={"leads": always},
    ),
    Mutant(
        name="cooled-down-change-counts-as-sent",
        machine="Coordinator",
        property="CL1",
        flaw="A change that falls into the cooldown is never sent.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, **UNBOUNDED},
        edit=change_dropped_in_cooldown,
    ),
    Mutant(
        name="lost-broadcast-counts-as-sent",
        machine="Coordinator",
        property="CL1",
        flaw="A broadcast is not repeated to those who do not acknowledge it.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab", **UNBOUNDED},
        functions={"broadcast": broadcast_once},
    ),
    Mutant(
        name="late-registration-kept",
        machine="Coordinator",
        property="C3",
        flaw="A departed member's late registration enters the registry.",
        source="Luciferase",
        model="coordinator",
        parameters={"chain": "ab/a", "restarted": False},
        functions={"is_of_installed_view": always, "is_refused": is_conflict},
    ),
    Mutant(
        name="conflict-not-refused",
        machine="Coordinator",
        property="C3",
        flaw="A bubble that another process hosts is registered a second time.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 2},
        functions={"is_refused": never},
    ),
    Mutant(
        name="old-registration-replaces-new",
        machine="Coordinator",
        property="CL1-rest",
        flaw="A registration that arrives late replaces the newer one.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "duplicate": 1, "restarted": False},
        functions={"is_news": always},
    ),
    Mutant(
        name="departed-kept-in-registry",
        machine="Coordinator",
        property="C3",
        flaw="A coordinator that stays in office keeps the entries of departed members.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab/a", "restarted": False},
        functions={"lead": lead_with_everyone},
    ),
    Mutant(
        name="cooldown-forgotten-out-of-office",
        machine="Coordinator",
        property="C5",
        flaw="A process that leads again within its cooldown publishes at once.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab/ba/ab", "restarted": False},
        functions={"is_cooling": never},
    ),
    Mutant(
        name="cooldown-ignored",
        machine="Coordinator",
        property="C5",
        flaw="A change that falls into the cooldown is sent at once.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1},
        edit=broadcast_in_cooldown,
    ),
    Mutant(
        name="cooldown-forgotten-in-crash",
        machine="Coordinator",
        property="C5",
        flaw="A coordinator that restarts within its cooldown publishes at once.",
        source="own",
        model="coordinator",
        parameters={"chain": "a/a", "crash": 1, "restarted": False},
        functions={"recall": recall_without_cooldown},
    ),
    Mutant(
        name="topology-version-volatile",
        machine="Coordinator",
        property="C4",
        flaw="The version of the topology is lost in a crash, and used again.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "crash": 1},
        functions={"broadcast": broadcast_volatile},
    ),
    Mutant(
        name="topology-sent-before-durable",
        machine="Coordinator",
        property="C4",
        flaw="A crash between sending a version and making it durable gives another content to the same version.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "crash": 1},
        functions={"broadcast": broadcast_first},
    ),
    Mutant(
        name="registry-lost-in-crash",
        machine="Coordinator",
        property="CL1-rest",
        flaw="A restarted coordinator has an empty registry, while the followers are registered and stay silent.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "crash": 1},
        functions={"recall": recall_nothing},
    ),
    Mutant(
        name="resume-without-timer",
        machine="Coordinator",
        property="CL1",
        flaw="After being wedged, changes wait for a cooldown that does not run.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, "wedge": 1, **UNBOUNDED},
        functions={"resume": resume_without_timer},
    ),
    Mutant(
        name="resume-at-once",
        machine="Coordinator",
        property="C5",
        flaw="After being wedged, the coordinator publishes at once, also within its cooldown.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "wedge": 1},
        edit=resume_at_once,
    ),
    Mutant(
        name="wedged-leader-carries-on",
        machine="Coordinator",
        property="C5",
        flaw="A wedged process that a view makes coordinator publishes at once, also within its cooldown.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab/ab", "wedge": 1},
        edit=wedged_leader_carries_on,
    ),
    Mutant(
        name="next-part-never-sent",
        machine="Coordinator",
        property="CL1",
        flaw="The publisher does not look at how far a process is, and sends the first part again and again.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "restarted": False, "split": True, **UNBOUNDED},
        functions={"is_part_progress": never_in_context},
    ),
    Mutant(
        name="any-acknowledgement-will-do",
        machine="Coordinator",
        property="CL1",
        flaw="An acknowledgement of an older version ends the resending of the newest.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, **UNBOUNDED},
        functions={"note_acknowledged": any_acknowledgement_will_do, "is_progress": always},
    ),
    Mutant(
        name="delta-without-the-change",
        machine="Coordinator",
        property="CL1",
        flaw="A new entry is not stamped with the version that first holds it, so that no delta carries it.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "changes": 1, **UNBOUNDED},
        functions={"enter": enter_unstamped},
    ),
)
