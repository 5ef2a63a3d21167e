"""What holds of every step of an entity, told anything: `migration_answers` says in which situations.

What is right is worked out beside the machines (`_migration_judge`). Beside that, what was said and what is held agree.
"""

from collections.abc import Callable, Iterator
from functools import reduce

from msgspec.structs import replace

from coordfsm.check.models._migration_judge import right
from coordfsm.check.models._migration_scene import RESIDENT, Right, Scene, scene_of
from coordfsm.check.models._migration_situations import ENTITY, ME, SETTINGS
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Composition,
    Effect,
    Input,
    Notify,
    Persist,
    Received,
    Send,
    SetTimer,
    Step,
    TimerFired,
    Value,
    Write,
)
from coordfsm.protocols.migration import EntityData, MigrationData
from coordfsm.protocols.migration.messages import (
    NO_TRANSACTION,
    CommitDecided,
    ConfirmStopped,
    EntityArrived,
    EntityFrozen,
    EntityLeft,
    EntityRecord,
    EntityRefused,
    EntityThawed,
    InDoubt,
    InDoubtEnded,
    MigrationEnded,
    MigrationVote,
    StopUnconfirmed,
    TransactionId,
    entity_key,
)
from coordfsm.protocols.migration.outcome import MigrationOutcome
from coordfsm.protocols.migration.rules import freeze_of
from coordfsm.protocols.view import Shunned, Unwedged, ViewInstalled, ViewStable, ViewUnsettled, Wedged


class Tell(Command):
    """The environment gives the process an input."""

    given: Input


class Application(Value):
    """What the application has been told of the entity.

    Attributes:
        serves: "no", "yes", "stopping" since it was asked to, "stopped" since it confirmed, or "leaving": asked to stop
            serving what is in service elsewhere.
        freeze: the number by which it was asked to stop last.
        doubts: a snapshot waits for its source's decision.
    """

    serves: str = "no"
    freeze: int = 0
    doubts: bool = False


class ToldData(MigrationData):
    """A process of this model.

    Attributes:
        started: it runs, and has read its store.
        inputs: how many it was told since the situation.
        running: its timers of the entity, by kind.
        kept: what is durable of the entity.
        application: what it has been told.
        broken: ids of the properties that a step broke.
    """

    started: bool = False
    inputs: int = 0
    running: frozenset[str] = frozenset()
    kept: EntityRecord | None = None
    application: Application = Application()
    broken: frozenset[str] = frozenset()


def told(runs: Composition, data: ToldData, given: Tell) -> Step:
    """Step, and judge what came of it. What is sent is lost; timers are told, too."""
    step = runs.step(data, given.given)
    after: ToldData = step.data
    after = replace(
        after,
        started=True,
        inputs=data.inputs + 1,
        running=_running(data.running, given.given, step.effects),
        kept=_kept(data.kept, given.given, step.effects),
        application=reduce(_hear, _told(step.effects), _say(data.application, given.given)),
    )
    scene = scene_of(data, given.given, data.application.freeze)
    broken = frozenset(name for name, (_, check) in LAWS.items() if not check(data, given.given, after, step, scene))
    return step._replace(data=replace(after, broken=data.broken | broken), effects=())


# -- what was said --------------------------------------------------------------------------------------------------


def _told(effects: tuple[Effect, ...], entity: str = ENTITY) -> list[Value]:
    events = (effect.event for effect in effects if isinstance(effect, Notify))
    return [event for event in events if getattr(event, "entity", entity) == entity]


def _running(before: frozenset[str], given: Input, effects: tuple[Effect, ...]) -> frozenset[str]:
    running = before - {given.timer.kind} if isinstance(given, TimerFired) else before
    for effect in effects:
        if isinstance(effect, SetTimer):
            running |= {effect.timer.kind}
        elif isinstance(effect, CancelTimer):
            running -= {effect.timer.kind}
    return running


def _writes(given: Input, effects: tuple[Effect, ...]) -> Iterator[Write]:
    yield from getattr(given, "records", ())  # of a process that starts
    for effect in effects:
        if isinstance(effect, Persist):
            yield from effect.writes


def _kept(before: EntityRecord | None, given: Input, effects: tuple[Effect, ...]) -> EntityRecord | None:
    for write in _writes(given, effects):
        if write.key == entity_key(ENTITY):
            assert write.value is None or isinstance(write.value, EntityRecord)
            before = write.value
    return before


def _say(application: Application, given: Input) -> Application:
    """The application confirms that it stopped."""
    if not isinstance(given, ConfirmStopped) or given.freeze != application.freeze:
        return application
    after = {"stopping": "stopped", "leaving": "no"}
    return replace(application, serves=after.get(application.serves, application.serves))


def _hear(application: Application, event: Value) -> Application:
    if isinstance(event, EntityArrived | EntityThawed):
        return replace(application, serves="yes")
    if isinstance(event, EntityFrozen | EntityLeft) and event.freeze:
        serves = "stopping" if isinstance(event, EntityFrozen) else "leaving"
        return replace(application, serves=serves, freeze=event.freeze)
    if isinstance(event, EntityLeft):
        return replace(application, serves="no")
    if isinstance(event, InDoubt | InDoubtEnded):
        return replace(application, doubts=isinstance(event, InDoubt))
    return application


Check = Callable[[ToldData, Input, ToldData, Step, Scene], bool]


def _is_right(_before: ToldData, given: Input, after: ToldData, step: Step, scene: Scene) -> bool:
    """The entity is as it should be, and the right processes hear the right things."""
    expected, entity = right(scene, given), scene.held.entity
    sends = tuple(effect for effect in step.effects if isinstance(effect, Send))
    refusals = [send.message for send in sends if isinstance(send.message, MigrationVote) and not send.message.accepted]
    held = after.entities.get(entity, EntityData(entity))
    return (
        _compared(held) == _compared(expected.held)
        and tuple(map(_without_reason, sends)) == expected.sent
        and all(vote.reason in expected.reasons for vote in refusals)
        and _refusals(step.effects, given, expected)
        and _endings(step.effects, expected)
    )


def _compared(held: EntityData) -> EntityData:
    """All but what only this process reads: it is seen by what it says."""
    return replace(held, view_id="", called_off=0)


def _without_reason(send: Send) -> Send:
    return Send(send.to, replace(send.message, reason="")) if isinstance(send.message, MigrationVote) else send


def _refusals(effects: tuple[Effect, ...], given: Input, expected: Right) -> bool:
    """A command that is refused is so once, with a reason that is true."""
    refused = [event for event in _told(effects, expected.held.entity) if isinstance(event, EntityRefused)]
    if isinstance(given, Received) or not expected.reasons:
        return not refused
    names = (expected.held.entity, type(given).__name__)
    return [(event.entity, event.command) for event in refused] == [names] and refused[0].reason in expected.reasons


def _endings(effects: tuple[Effect, ...], expected: Right) -> bool:
    """Requests are answered once, with an outcome that is true."""
    ended = [event for event in _told(effects) if isinstance(event, MigrationEnded)]
    if expected.ended is None:
        return not ended
    words = [replace(event, outcome=MigrationOutcome.COMMITTED, reason="") for event in ended]
    return words == [expected.ended] and (ended[0].outcome, ended[0].reason) in expected.outcomes


def _counts(_before: ToldData, _given: Input, after: ToldData, _step: Step, _scene: Scene) -> bool:
    return after.service.resident == sum(held.state in RESIDENT for held in after.entities.values())


def _follows_the_view(before: ToldData, given: Input, after: ToldData, _step: Step, _scene: Scene) -> bool:
    """The service is in the view that was installed last, and settled only while that lasts."""
    state, view = before.service.state, before.service.view
    if isinstance(given, ViewInstalled):
        state, view = "unsettled", given.view
    elif isinstance(given, Shunned):
        state, view = "outside", None
    elif isinstance(given, Wedged):
        state = "wedged" if state in {"unsettled", "settled"} else state
    elif isinstance(given, Unwedged):
        state = "unsettled" if state == "wedged" else state
    elif isinstance(given, ViewStable | ViewUnsettled) and view is not None and view.id == given.view_id:
        state = {("unsettled", ViewStable): "settled", ("settled", ViewUnsettled): "unsettled"}.get(
            (state, type(given)), state
        )
    return (after.service.state, after.service.view) == (state, view)


def _is_durable(_before: ToldData, _given: Input, after: ToldData, step: Step, _scene: Scene) -> bool:
    """What is held is what is durable, and was so before anybody was told, but for what holds without it."""
    held = after.entities.get(ENTITY)
    if held is not None and held.state == "freezing":
        held = replace(held, state="owned", token="", peer="", peer_endpoint="")
    elif held is not None and held.state == "yielding":
        held = replace(held, state="departed")
    known = held is not None and (held.state != "absent" or bool(held.epoch or held.counter))
    record = EntityRecord(*(getattr(held, name) for name in EntityRecord.__struct_fields__)) if known else None
    persists = [place for place, effect in enumerate(step.effects) if isinstance(effect, Persist)]
    early = step.effects[: max(persists, default=0)]
    return after.kept == record and not any(map(_needs_the_record, early))


def _needs_the_record(effect: Effect) -> bool:
    """A commit that is known to be done is true whatever is kept of it here."""
    if isinstance(effect, Notify) and isinstance(effect.event, MigrationEnded):
        return effect.event.outcome != MigrationOutcome.COMMITTED
    return isinstance(effect, Send | Notify)


AWAITED = {
    "prepared": {"inquiry"},
    "freezing": {"freeze"},
    "frozen": {"vote", "migration"},
    "departing": {"decision"},
    "yielding": {"freeze"},
}
AFTER_MS = {
    "freeze": SETTINGS.freeze_timeout_ms,
    "vote": SETTINGS.phase_ms,
    "migration": SETTINGS.total_ms,
    "decision": SETTINGS.phase_ms,
    "fence": SETTINGS.fence_ms,
}


def _waits(before: ToldData, given: Input, after: ToldData, step: Step, _scene: Scene) -> bool:
    """Each state waits for what ends it, and for nothing else."""
    held, was = after.entities.get(ENTITY), before.entities.get(ENTITY)
    state = "absent" if held is None else held.state
    awaited = {
        "freezing": {"freeze"},
        "frozen": {"vote", "migration"},
        "departing": {"decision"},
        "yielding": {"freeze"},
    }
    fitting = {**awaited, "prepared": {"inquiry"}}.get(state, set())
    if held is not None and held.fencing:
        fitting = {"fence"}
    if state == "yielding" and was is not None and was.state == "yielding":
        fitting = set(before.running) - ({given.timer.kind} if isinstance(given, TimerFired) else set())
    # The source has all the time of a migration to decide, before it is asked.
    first = isinstance(given, Received) and state == "prepared"
    inquiry_ms = SETTINGS.total_ms if first else SETTINGS.phase_ms
    timers = [effect for effect in step.effects if isinstance(effect, SetTimer)]
    return after.running == fitting and all(
        effect.timer.subject == ENTITY and effect.after_ms == AFTER_MS.get(effect.timer.kind, inquiry_ms)
        for effect in timers
    )


def _is_told(before: ToldData, given: Input, after: ToldData, step: Step, scene: Scene) -> bool:
    """What the application has been told is how things are."""
    held = after.entities.get(ENTITY)
    state = "absent" if held is None else held.state
    application = after.application
    serves = {"owned": "yes", "freezing": "stopping", "frozen": "stopped", "yielding": "leaving"}.get(state, "no")
    asked = [
        event.freeze for event in _told(step.effects) if isinstance(event, EntityFrozen | EntityLeft) if event.freeze
    ]
    return (
        application.serves == serves
        and application.doubts == (state == "prepared")
        and all(_is_unmistakable(before.application, freeze) for freeze in asked if freeze)
        and (state in {"freezing", "yielding"} or freeze_of(held or EntityData(ENTITY)) > application.freeze)
        and all(_is_true(event, before, given, after, scene) for event in _told(step.effects))
    )


def _is_unmistakable(application: Application, freeze: int) -> bool:
    """No earlier stop has this number, but one that is still going on: one confirmation is enough for both."""
    return freeze > application.freeze or (application.serves, application.freeze) == ("stopping", freeze)


def _is_true(event: Value, before: ToldData, given: Input, after: ToldData, scene: Scene) -> bool:  # noqa: PLR0911  (one each)
    """What an event says is so."""
    was, held = scene.held, after.entities.get(ENTITY)
    if isinstance(event, EntityArrived) and held is not None:
        moved = was.transaction if was.state == "prepared" else NO_TRANSACTION
        return event == EntityArrived(ENTITY, held.epoch, held.payload, moved)
    if isinstance(event, EntityThawed) and held is not None:
        return event == EntityThawed(ENTITY, held.epoch, held.payload)
    if isinstance(event, EntityFrozen):
        attempt = TransactionId(ME, 1, was.counter + 1)
        return event == EntityFrozen(ENTITY, attempt, was.payload, event.freeze)
    if isinstance(event, EntityLeft):
        return (event.entity, event.epoch) == (ENTITY, was.epoch)
    if isinstance(event, InDoubt) and held is not None:
        return event == InDoubt(ENTITY, held.transaction, held.transaction.source)
    if isinstance(event, InDoubtEnded):
        return event == InDoubtEnded(ENTITY, committed=held is not None and held.state == "owned")
    if isinstance(event, StopUnconfirmed):
        return event == StopUnconfirmed(ENTITY, before.application.freeze, SETTINGS.freeze_timeout_ms)
    if isinstance(event, CommitDecided) and scene.view is not None:
        view = scene.view.id
        return event == CommitDecided(
            ENTITY, was.transaction, was.peer, view, view, in_view=True, service=scene.service
        )
    return True


LAWS: dict[str, tuple[str, Check]] = {
    "XA-right": (
        "What is asked is done unless something true speaks against it; who asked hears the outcome or the reason.",
        _is_right,
    ),
    "XA-room": ("A process counts exactly the entities that it answers for.", _counts),
    "XA-view": (
        "A process acts in the view that was installed last, and begins nothing before it lasts.",
        _follows_the_view,
    ),
    "XA-durable": ("What is held is durable, and was so before anybody heard of it.", _is_durable),
    "XA-timers": ("An entity waits for what ends its state, for as long as is set, and for nothing else.", _waits),
    "XA-told": ("The application has been told exactly what it has to serve, to stop and to doubt.", _is_told),
}
"""By id, what each property says, and how a step shows it."""
