"""Several machines in one process: routing by event, families of machines by key, commands between siblings.

The routing is data, so that no decision hides in it: an input goes to every part that declares its event, in
the order of the parts; commands that a part raises are handled after the input that raised them, first in,
first out, by the parts that declare them (not by a nested composition that raised it: that has delivered it
inside already). A composition has the same `step` and `events` as a machine and can itself be a part.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from coordfsm.kernel.data import Map, Value
from coordfsm.kernel.effects import Effect, Raise
from coordfsm.kernel.errors import UndeclaredEventError
from coordfsm.kernel.inputs import event_of
from coordfsm.kernel.table import Step

MAXIMUM_RAISED = 10_000
"""Commands raised within one step; more means that machines raise in a circle."""


class Steppable(Protocol):
    """What a part runs: a transition table or another composition."""

    @property
    def events(self) -> frozenset[str]: ...

    @property
    def rule_names(self) -> tuple[str, ...]: ...

    def step(self, data: Any, given: Value, context: Any = None) -> Step: ...


class Family(NamedTuple):
    """One machine per key, held in a `Map` field.

    Attributes:
        keys: the keys that an input concerns: ``(composition's data, input) -> keys``. A mapping gives each of them a
            share of the input in its place: of all that a process recovers from, a machine need not search its own.
        initial: the data of a machine that has no entry yet. A machine whose data are back to this value is dropped
            from the map, so that idle machines cost nothing.
    """

    keys: Callable[[Any, Any], Iterable[str]]
    initial: Callable[[str], Any]


class Part(NamedTuple):
    """A machine (or a family of them) in a composition.

    Attributes:
        field: the field of the composition's data that holds its data.
        machine: the compiled machine.
        family: None for a single machine.
    """

    field: str
    machine: Steppable
    family: Family | None = None


class Composition:
    """The parts of a process behind one step function. Parts read the composition's data as their context.

    Attributes:
        name: for error messages.
        events: every event that some part declares.
        rule_names: the rules of all parts, for coverage.
    """

    def __init__(self, name: str, parts: tuple[Part, ...]) -> None:
        self.name = name
        self.parts = parts
        self.events = frozenset(event for part in parts for event in part.machine.events)
        self.rule_names = tuple(name for part in parts for name in part.machine.rule_names)
        self._routes = {event: tuple(part for part in parts if event in part.machine.events) for event in self.events}

    def step(self, data: Any, given: Value, context: Any = None) -> Step:  # noqa: ARG002  (the shape of a machine)
        """Handle one input in every part that declares its event. Pure.

        Args:
            data: a `Value` with one field per part.
            given: the input.
            context: not used: the parts' context is this composition's data.

        Raises:
            UndeclaredEventError: no part declares the event, or a part does not in its current state.
        """
        if event_of(given) not in self.events:
            raise UndeclaredEventError(self.name, "any", event_of(given))
        current, raiser = given, None
        pending: deque[tuple[Value, Part | None]] = deque()
        effects: list[Effect] = []
        fired: list[str] = []
        raised = 0
        while True:
            for part in self._routes.get(event_of(current), ()):
                if part is raiser:
                    continue
                data, produced = self._step_part(part, data, current, fired)
                effects += produced
                for effect in produced:
                    if type(effect) is Raise:
                        # A composition has delivered its own commands inside; a plain machine may raise one for itself.
                        pending.append((effect.command, part if isinstance(part.machine, Composition) else None))
                        raised += 1
            if raised > MAXIMUM_RAISED:
                raise RecursionError(f"{self.name}: more than {MAXIMUM_RAISED} commands raised by one input")
            if not pending:
                return Step(data, tuple(effects), tuple(fired))
            current, raiser = pending.popleft()

    def _step_part(self, part: Part, data: Any, given: Value, fired: list[str]) -> tuple[Any, Sequence[Effect]]:
        if part.family is None:
            held = getattr(data, part.field)
            step = part.machine.step(held, given, data)
            fired.extend(step.fired)
            return (data if step.data is held else _replace(data, part.field, step.data)), step.effects
        effects: list[Effect] = []
        concerned = part.family.keys(data, given)
        shares = concerned if isinstance(concerned, Mapping) else None
        for key in concerned:
            share = given if shares is None else shares[key]
            data, produced = _step_member(part, part.family, key, data, share, fired)
            effects.extend(produced)
        return data, effects


def _step_member(
    part: Part, family: Family, key: str, data: Any, given: Value, fired: list[str]
) -> tuple[Any, tuple[Effect, ...]]:
    members: Map[str, Any] = getattr(data, part.field)
    initial = family.initial(key)
    before = members.get(key, initial)
    step = part.machine.step(before, given, data)
    fired.extend(step.fired)
    if step.data is before or step.data == before:
        return data, step.effects
    if step.data != initial:
        members = members.set(key, step.data)
    elif key in members:
        members = members.delete(key)
    return _replace(data, part.field, members), step.effects


def _replace(data: Any, field: str, value: Any) -> Any:
    return msgspec.structs.replace(data, **{field: value})
