"""Where a node can get to, whatever messages of a given set reach it, and which of them never do anything there.

More than can really happen: any message arrives at any moment, any number of times; only budgets are respected, as if
the node alone used them.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from coordfsm.check.exploration.budgets import NO_BUDGET
from coordfsm.check.exploration.semantics import Outcome, System, crashed
from coordfsm.check.exploration.stores import is_taken, store_faults
from coordfsm.kernel import Input, Received, Recover, TimerFired, event_of

Left = tuple[int, ...]
"""What is left of each budget, if only this node has used any."""
Cost = tuple[int, ...]
"""The budgets (by position) that a step takes one from."""
Take = Callable[[int, int, Input], tuple[Outcome, ...]]
"""What takes a local step, as `System.outcomes`."""


ASK_EVERY = 500
"""Local steps after which `Futures.learn` asks whether to give up."""


def bits_of(number: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while number:
        yield (number & -number).bit_length() - 1
        number &= number - 1


class Futures:
    """The local states of every node of a model, with what leads from one to another.

    Attributes:
        system: the model made executable.
        known: the envelopes that are taken into account: the bits of this number stand for the system's numbers.
        steps: local steps tried so far.
    """

    def __init__(self, system: System, take: Take) -> None:
        self.system = system
        self._take = take
        self.known = 0
        self.steps = 0
        nodes = len(system.model.nodes)
        self._met: list[dict[int, set[Left]]] = [{} for _ in range(nodes)]
        self._leads: list[dict[int, set[tuple[int, Cost]]]] = [{} for _ in range(nodes)]
        self._idle: list[dict[int, int]] = [{} for _ in range(nodes)]
        self._addressed: list[list[int]] = [[] for _ in range(nodes)]
        self._steps: deque[tuple[int, int, int | None]] = deque()
        self._visits: deque[tuple[int, int, Left]] = deque()
        for _, first in system.starts:
            for position, local in enumerate(first.locals[:nodes]):
                self._meet(position, local, system.budgets.first)

    def learn(self, envelopes: int, most_steps: int, is_over: Callable[[], bool]) -> bool:
        """Follow these envelopes (as `known`), too; whether that is done after `most_steps` in all.

        From time to time, `is_over` is asked whether to give up.
        """
        for number in bits_of(envelopes & ~self.known):
            position = self.system.index.get(self.system.envelopes.values[number].receiver)
            if position is not None:
                self._addressed[position].append(number)
                self._steps.extend((position, local, number) for local in self._met[position])
        self.known |= envelopes
        while self._steps or self._visits:
            while self._visits:
                self._visit(*self._visits.popleft())
            if self.steps >= most_steps or (self.steps % ASK_EVERY == 0 and is_over()):
                return False
            if self._steps:
                self._step(*self._steps.popleft())
        return True

    def inert(self, position: int) -> dict[int, int]:
        """Per local state of a node (by its number in the system), the envelopes that do nothing in it nor in any that
        it leads to: the bits of a number stand for the numbers of the envelopes.
        """
        values, everything = self.system.locals.values, sum(1 << number for number in self._addressed[position])
        inert = {
            local: everything if values[local].data is None and not values[local].absent else idle
            for local, idle in self._idle[position].items()
        }
        before = defaultdict(set)
        for local, leads in self._leads[position].items():
            for following, _ in leads:
                before[following].add(local)
        work = deque(inert)
        while work:
            following = work.popleft()
            for local in before[following]:
                narrowed = inert[local] & inert[following]
                if narrowed != inert[local]:
                    inert[local] = narrowed
                    work.append(local)
        return inert

    def _meet(self, position: int, local: int, left: Left) -> None:
        """A node may be in this local state with so much left of the budgets."""
        lefts = self._met[position].get(local)
        if lefts is None:
            lefts = self._met[position][local] = set()
            self._leads[position][local], self._idle[position][local] = set(), 0
            self._steps.append((position, local, None))
            self._steps.extend((position, local, number) for number in self._addressed[position])
        if left not in lefts:
            lefts.add(left)
            self._visits.append((position, local, left))

    def _visit(self, position: int, local: int, left: Left) -> None:
        for following, cost in self._leads[position][local]:
            self._pay(position, following, cost, left)

    def _pay(self, position: int, following: int, cost: Cost, left: Left) -> None:
        for budget in cost:
            if left[budget] == 0:
                return
            left = (*left[:budget], left[budget] - 1, *left[budget + 1 :])
        self._meet(position, following, left)

    def _step(self, position: int, local: int, number: int | None) -> None:
        """Take what a node can do in a local state by itself (None), or when a message arrives."""
        self.steps += 1
        found = set(self._own_steps(position, local)) if number is None else self._arrival(position, local, number)
        for following, cost in found - self._leads[position][local]:
            self._leads[position][local].add((following, cost))
            for left in tuple(self._met[position][local]):
                self._pay(position, following, cost, left)

    def _arrival(self, position: int, local: int, number: int) -> set[tuple[int, Cost]]:
        envelope = self.system.envelopes.values[number]
        if not is_taken(self.system.locals.values[local], envelope):
            return set()
        outcomes = self._outcomes(position, local, Received(envelope.sender, envelope.message))
        found = set(self._leading(position, outcomes))
        idle = found == {(local, ())} and len(outcomes) == 1 and not outcomes[0].sends
        idle = idle and not outcomes[0].occurrence
        self._idle[position][local] |= idle << number
        return found

    def _own_steps(self, position: int, local: int) -> Iterator[tuple[int, Cost]]:
        system, model = self.system, self.system.model
        held = system.locals.values[local]
        for fault in store_faults(model, position, held):
            yield system.locals(fault.local), self._cost(fault.budget, position)
        if held.absent:
            return
        if held.data is None:
            if model.faults.recover and model.nodes[position].boots:
                yield from self._leading(position, self._outcomes(position, local, Recover(held.durable)))
            elif model.faults.recover:
                yield system.locals(msgspec.structs.replace(held, data=model.nodes[position].initial)), ()
            return
        own: list[Input] = [*map(TimerFired, held.timers)]
        with suppress(Exception):  # as in `_outcomes`
            own += system.commands(position, local)
        for given in own:
            yield from self._leading(
                position, self._outcomes(position, local, given), self._cost(event_of(given), position)
            )
        if model.faults.crash and system.may_crash(position):
            yield system.locals(crashed(held)), self._cost("crash", position)

    def _leading(self, position: int, outcomes: tuple[Outcome, ...], cost: Cost = ()) -> Iterator[tuple[int, Cost]]:
        boundary = self.system.model.boundary
        for outcome in outcomes:
            with suppress(Exception):  # as in `_outcomes`
                if boundary is None or boundary(outcome.local):
                    torn = outcome.torn >= 0
                    yield self.system.locals(outcome.local), (*cost, *(self._cost("crash", position) if torn else ()))

    def _cost(self, name: str, position: int) -> Cost:
        budget = self.system.budgets.of(name, position)
        return () if budget == NO_BUDGET else (budget,)

    def _outcomes(self, position: int, local: int, given: Input) -> tuple[Outcome, ...]:
        try:
            return self._take(position, local, given)
        except Exception:  # noqa: BLE001  (whatever a model raises where it never gets to)
            return ()  # nothing follows; if it ever really happens, the exploration raises, too
