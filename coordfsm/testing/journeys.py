"""Hypothesis sends twenty entities on journeys between five processes, in all weathers.

Migrations, updates, crashes between and within steps, restarts, lost and repeated messages, cut links, new views and
lost majorities, in any order. X1 to X7 are checked after every step. In the end everything is healed: then each
migration must end, and the audit of the stores must find every entity once, as it was last updated.

Collect it with pytest (``TestJourneys = MigrationJourneys.TestCase``), or run it for long::

    python -m coordfsm.testing.journeys --examples 1000 --steps 200
"""

import argparse
import sys
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from coordfsm.kernel import (
    CancelTimer,
    Command,
    Input,
    Map,
    Message,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Steppable,
    Timer,
    TimerFired,
    Value,
    Write,
)
from coordfsm.protocols.migration import MigrationData, composition, initial
from coordfsm.protocols.migration.messages import EntityRecord, EntityRefused, Migrate, UpdateEntity, entity_key
from coordfsm.protocols.migration.prompt import prompt_step
from coordfsm.protocols.migration.properties import (
    History,
    Seen,
    at_rest,
    atomic,
    exclusive,
    faithful,
    no_duplicate,
    no_loss,
    observe,
    recorded,
    remember,
    stable_view,
)
from coordfsm.protocols.view import Member, Unwedged, View, ViewInstalled, ViewStable, Wedged
from coordfsm_runtime.traces.ownership import audit_records

NAMES = tuple(f"p{number}" for number in range(1, 6))
ENTITIES = tuple(f"e{number:02}" for number in range(20))
PROPERTIES = {
    "X1": no_duplicate,
    "X2": no_loss,
    "X3": atomic,
    "X5": exclusive,
    "X6": stable_view,
    "X7": faithful,
    "X-record": recorded,
}
ROUNDS = 100
"""Of deliveries and timeouts, within which everything must have ended once all is healed; about ten are enough."""

PROCESS = st.sampled_from(NAMES)
ENTITY = st.sampled_from(ENTITIES)
PICK = st.integers(min_value=0, max_value=255)


class JourneyError(AssertionError):
    """A property does not hold, or the audit failed."""


class Process:
    """One process: what it holds, what is on its disk, and what happened to it."""

    def __init__(self, name: str, entities: tuple[str, ...]) -> None:
        self.name = name
        self.data: MigrationData | None = None
        self.disk: dict[str, Value] = {entity_key(entity): EntityRecord("owned", epoch=1) for entity in entities}
        self.timers: dict[Timer, None] = {}
        self.history: Map[str, History] = Map()
        self.views = 0

    def seen(self, entity: str) -> Seen:
        key = entity_key(entity)
        records = (Write(key, self.disk[key]),) if key in self.disk else ()
        return observe(entity, self.data, records, self.history)

    def records(self) -> dict[str, EntityRecord]:
        prefix = entity_key("")
        return {key.removeprefix(prefix): value for key, value in self.disk.items() if isinstance(value, EntityRecord)}


class MigrationJourneys(RuleBasedStateMachine):
    """The state machine that Hypothesis runs.

    Attributes:
        machines: what each process runs.
        processes: by name.
        wire: messages on their way: sender, receiver, message.
        cut: links that lose everything.
        payloads: what each entity was last updated to.
    """

    machines: ClassVar[Steppable] = composition

    def __init__(self) -> None:
        super().__init__()
        self.processes = {name: Process(name, ENTITIES[place :: len(NAMES)]) for place, name in enumerate(NAMES)}
        self.wire: list[tuple[str, str, Message]] = []
        self.cut: frozenset[frozenset[str]] = frozenset()
        self.payloads = dict.fromkeys(ENTITIES, b"")
        self._views: list[View] = []
        self._touched: set[str] = set(ENTITIES)
        self._decide_view()
        for name in NAMES:
            self._start(name)
            self._enter_view(name)

    # -- what happens ------------------------------------------------------------------------------------------------

    @rule(journeys=st.lists(st.tuples(ENTITY, PROCESS), min_size=1, max_size=8))
    def migrate(self, journeys: list[tuple[str, str]]) -> None:
        for entity, destination in journeys:
            for name in NAMES:
                if self.processes[name].seen(entity).serving:
                    self._step(name, Migrate(entity, destination))
                    break

    @rule(entity=ENTITY, name=PROCESS, destination=PROCESS)
    def ask_anybody_to_migrate(self, entity: str, name: str, destination: str) -> None:
        self._step(name, Migrate(entity, destination, f"{name}-{destination}"))

    @rule(entity=ENTITY, payload=st.binary(max_size=4))
    def update(self, entity: str, payload: bytes) -> None:
        for name in NAMES:
            if self.processes[name].seen(entity).serving:
                told = self._step(name, UpdateEntity(entity, payload))
                if not any(isinstance(event, EntityRefused) for event in told):
                    self.payloads[entity] = payload

    @rule(pick=PICK)
    def deliver(self, pick: int) -> None:
        self._take(pick)

    @rule(picks=st.lists(PICK, min_size=5, max_size=30))
    def deliver_many(self, picks: list[int]) -> None:
        for pick in picks:
            self._take(pick)

    @rule(pick=PICK)
    def deliver_twice(self, pick: int) -> None:
        if self.wire:
            self.wire.append(self.wire[pick % len(self.wire)])

    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        if self.wire:
            self.wire.pop(pick % len(self.wire))

    @rule(name=PROCESS, pick=PICK)
    def time_out(self, name: str, pick: int) -> None:
        timers = list(self.processes[name].timers)
        if timers:
            self._fire(name, timers[pick % len(timers)])

    @rule(name=PROCESS)
    def time_passes(self, name: str) -> None:
        """Longer than any timeout, at one process."""
        for timer in list(self.processes[name].timers):
            self._fire(name, timer)

    @rule(kind=st.sampled_from(("decision", "inquiry", "vote")))
    def much_is_late(self, kind: str) -> None:
        """Timers of a kind, at all processes."""
        for name in NAMES:
            for timer in list(self.processes[name].timers):
                if timer.kind == kind:
                    self._fire(name, timer)

    @rule(name=PROCESS)
    def crash(self, name: str) -> None:
        self._stop(name)

    @rule(pick=PICK, effects=st.integers(min_value=0, max_value=4))
    def crash_within_a_step(self, pick: int, effects: int) -> None:
        self._take(pick, effects)

    @rule(name=PROCESS)
    def start_again(self, name: str) -> None:
        if self.processes[name].data is None:
            self._start(name)
            self._enter_view(name)

    @rule(name=PROCESS, effects=st.integers(min_value=0, max_value=4))
    def crash_while_recovering(self, name: str, effects: int) -> None:
        if self.processes[name].data is None:
            self._start(name, effects)
            self._stop(name)

    @rule(island=st.sets(PROCESS, min_size=1, max_size=2))
    def cut_links(self, island: set[str]) -> None:
        self.cut = frozenset(frozenset((one, other)) for one in island for other in NAMES if other not in island)

    @rule()
    def heal_links(self) -> None:
        self.cut = frozenset()

    @rule(names=st.sets(PROCESS))
    def change_the_view(self, names: set[str]) -> None:
        """These hear of it now, the others later."""
        self._decide_view()
        for name in sorted(names):
            self._enter_view(name)

    @rule(name=PROCESS)
    def hear_of_the_view(self, name: str) -> None:
        self._enter_view(name)

    @rule(name=PROCESS)
    def lose_and_find_the_majority(self, name: str) -> None:
        self._step(name, Wedged((), 1))
        self._step(name, Unwedged())
        self._step(name, ViewStable(self._views[self.processes[name].views - 1].id))

    # -- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def properties_hold(self) -> None:
        """Of every entity that something happened to."""
        for entity in self._touched:
            seen = tuple(process.seen(entity) for process in self.processes.values())
            for name, holds in PROPERTIES.items():
                if not holds(seen):
                    raise JourneyError(f"{name} does not hold for {entity}: {[one.record for one in seen]}")
        self._touched = set()

    def teardown(self) -> None:
        """Heal everything; then all migrations end, and every entity is somewhere, once, as it was last updated."""
        self.cut = frozenset()
        for name in NAMES:
            if self.processes[name].data is None:
                self._start(name)
            self._enter_view(name)
        for _ in range(ROUNDS):
            if self._all_at_rest():
                break
            while self.wire:
                self._take(0)
            for name in NAMES:
                for timer in list(self.processes[name].timers):
                    self._fire(name, timer)
        self._touched = set(ENTITIES)
        self.properties_hold()
        if not self._all_at_rest():
            raise JourneyError("XL1: a migration does not end although all is healed")
        self._audit()

    def _all_at_rest(self) -> bool:
        return all(at_rest(tuple(one.seen(entity) for one in self.processes.values())) for entity in ENTITIES)

    def _audit(self) -> None:
        found = audit_records({name: process.records() for name, process in self.processes.items()}, ENTITIES)
        if not found.clean or found.in_doubt:
            raise JourneyError(f"lost {found.lost}, twice {found.duplicated}, in doubt {found.in_doubt}")
        if found.payloads != self.payloads:
            raise JourneyError("X7: an entity is not as it was last updated")

    # -- processes ---------------------------------------------------------------------------------------------------

    def _take(self, pick: int, effects: int | None = None) -> None:
        if not self.wire:
            return
        sender, to, message = self.wire.pop(pick % len(self.wire))
        if frozenset((sender, to)) not in self.cut:
            self._step(to, Received(sender, message), effects)

    def _fire(self, name: str, timer: Timer) -> None:
        if timer in self.processes[name].timers:
            del self.processes[name].timers[timer]
            self._step(name, TimerFired(timer))

    def _start(self, name: str, effects: int | None = None) -> None:
        process = self.processes[name]
        process.data = initial(name)
        self._step(name, Recover(tuple(Write(key, process.disk[key]) for key in sorted(process.disk))), effects)

    def _stop(self, name: str) -> None:
        self.processes[name].data = None
        self.processes[name].timers.clear()
        self._touched.update(ENTITIES)

    def _decide_view(self) -> None:
        members = tuple(Member(name, 1, name) for name in NAMES)
        parent = self._views[-1].id if self._views else ""
        self._views.append(View("journeys", len(self._views) + 1, parent, members))

    def _enter_view(self, name: str) -> None:
        process = self.processes[name]
        if process.data is None or (process.views == len(self._views) and process.data.service.view is not None):
            return
        process.views = len(self._views)
        self._step(name, ViewInstalled(self._views[-1]))
        self._step(name, ViewStable(self._views[-1].id))

    def _step(self, name: str, given: Input | Command, effects: int | None = None) -> tuple[Value, ...]:
        """One step; with a number of effects, the process crashes after these. What it told."""
        process = self.processes[name]
        if process.data is None:
            return ()
        step = prompt_step(self.machines, process.data, given)
        process.data = step.data
        told = tuple(self._carry_out(process, effect) for effect in step.effects[:effects])
        if effects is not None:
            self._stop(name)
        entity = getattr(given.message if isinstance(given, Received) else given, "entity", None)
        self._touched.update(ENTITIES if entity is None else (entity,))
        return tuple(event for event in told if event is not None)

    def _carry_out(self, process: Process, effect: Any) -> Value | None:
        match effect:
            case Persist(writes):
                for write in writes:
                    if write.value is None:
                        process.disk.pop(write.key, None)
                    else:
                        process.disk[write.key] = write.value
            case Send(to, message):
                self.wire.append((process.name, to, message))
            case SetTimer(timer, _):
                process.timers[timer] = None
            case CancelTimer(timer):
                process.timers.pop(timer, None)
            case Notify(event):
                process.history = remember(process.history, event)
                return event
        return None


def run(
    examples: int,
    steps: int,
    number: int,
    kind: type[MigrationJourneys] = MigrationJourneys,
    *,
    shrink: bool = True,
) -> None:
    """Run journeys.

    Args:
        examples: how many runs.
        steps: rules a run at most.
        number: picks the runs; the same number gives the same ones.
        kind: what to run.
        shrink: whether to look for the shortest run that fails.

    Raises:
        JourneyError: a property does not hold; Hypothesis prints the shortest run that it finds.
    """
    run_state_machine_as_test(
        seed(number)(kind),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            report_multiple_bugs=False,
            deadline=None,
            database=None,
        ),
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Send entities on random journeys, and audit that none is lost.")
    parser.add_argument("--examples", type=int, default=200, help="runs (default: 200)")
    parser.add_argument("--steps", type=int, default=100, help="rules a run at most (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="picks the runs (default: 1)")
    arguments = parser.parse_args()
    try:
        run(arguments.examples, arguments.steps, arguments.seed)
    except JourneyError as error:
        sys.stderr.write(f"violated: {error}\n")
        return 1
    sys.stdout.write(f"no violation in {arguments.examples} runs of {arguments.steps} steps, seed {arguments.seed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
