"""How many entities are in each state: counted as they change, so that nobody has to walk through all of them."""

from collections import Counter
from collections.abc import Mapping

from coordfsm.kernel import Effect, Input, Map, Raise, Received, TimerFired
from coordfsm.protocols.migration.data import EntityData


class EntityCounts:
    """The counts after the last input that was noted."""

    def __init__(self) -> None:
        self._entities: Map[str, EntityData] = Map()
        self._counts: Counter[str] = Counter()

    def note(self, given: Input, effects: tuple[Effect, ...], entities: Map[str, EntityData]) -> None:
        """Take over what an input led to.

        Args:
            given: the input.
            effects: of its step.
            entities: as they are after it.
        """
        if entities is self._entities:
            return
        before, self._entities = self._entities, entities
        concerned = _concerned(given, effects)
        if concerned is None:
            self._counts = Counter(held.state for held in entities.values())
            return
        for entity in concerned:
            self._count(before, entity, -1)
            self._count(entities, entity, 1)

    def by_state(self) -> dict[str, int]:
        """How many are in each state that any is in."""
        return {state: count for state, count in sorted(self._counts.items()) if count}

    def _count(self, entities: Mapping[str, EntityData], entity: str, amount: int) -> None:
        held = entities.get(entity)
        if held is not None:
            self._counts[held.state] += amount


def _concerned(given: Input, effects: tuple[Effect, ...]) -> set[str] | None:
    """The entities that an input is about; None where it may be about any of them, as a new view is."""
    subjects = [given.message if isinstance(given, Received) else given]
    subjects += [effect.command for effect in effects if isinstance(effect, Raise)]
    names = {
        subject.timer.subject if isinstance(subject, TimerFired) else getattr(subject, "entity", None)
        for subject in subjects
    }
    return None if None in names else {name for name in names if name is not None}
