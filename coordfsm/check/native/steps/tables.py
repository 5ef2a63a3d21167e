"""The local steps of a model as arrays: what compiled code reads instead of calling machines.

A row of a node's table is one of its local states. Column 0 leads to what the node can do by itself (timers,
commands, crash, recovery), column 1 + e to the delivery of the e-th envelope addressed to it. An entry is 0 where
nothing can happen, else the number of the first of a chain of outcomes. Entries are filled on demand by `System`,
so the meaning of a step is the reference explorer's, and the machine that is explored is the one that is deployed.

Longer than most files here: numbers, entries and what they are written as belong to one set of arrays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.purity import Purity
from coordfsm.check.exploration.semantics import Interner, Outcome, State, StepError, System, crashed
from coordfsm.check.exploration.stores import StoreCopied, is_taken, store_faults
from coordfsm.check.modelling.model import Envelope, Local, Multiset, Ordered, UnreliableSet
from coordfsm.check.native.states.growing import Column, Rows
from coordfsm.check.native.states.resident import Resident
from coordfsm.kernel import Command, Received, Recover, TimerFired, event_of

KINDS = (
    "deliver",
    "lose",
    "timeout",
    "command",
    "crash",
    "recover",
    "partition",
    "heal",
    "torn",
    "duplicate",
    "copy",
    "rollback",
    "clone",
    "wipe",
    "cut_off",
    "raises",
)
"""What happened in a transition; the number of a kind is its position.

The last two lead nowhere: ``cut_off`` is beyond the boundary, and a machine that ``raises`` ends the search.
"""
KIND = {name: number for number, name in enumerate(KINDS)}

HEAL_LABEL = 1  # what weak fairness calls the end of a partition
LAST = 1 << 4  # flag: the last outcome of its chain
RAISES = 1 << 5  # flag: note whether it was taken
EVENT_SHIFT, CRASH_SHIFT = 8, 16  # flags: 1 + the budget that the outcome spends
MOST_BUDGETS = 254  # as many as a flag has numbers for
OCCURRENCE_SHIFT = 24  # flags: what the observer is told; 0: nothing


@dataclass(frozen=True)
class Candidate:
    """One way an entry can go, before it is written down."""

    kind: str
    local: int  # global number of the local state after it
    sends: tuple[Envelope, ...] = ()
    fired: tuple[str, ...] = ()
    event: int = 0
    crash: int = 0
    label: int = 0
    occurrence: int = 0
    error: StepError | None = None  # what the machine raised


class StepComparison(Protocol):
    """Compares steps with their images under exchanges of nodes; see `coordfsm.check.native.states.symmetry`."""

    def check_step(self, position: int, identifier: int, envelope: int | None, candidates: list[Candidate]) -> None:
        """Refuse a step that differs from its image.

        Raises:
            ModelError: naming the nodes and the input.
        """


class Tables:
    """The tabulated steps of one model.

    Attributes:
        system, resident: the model made executable; what memory the search may use.
        purity: the check of every step that is tabulated.
        steps: per node: the entries described above.
        queues: per channel of an ordered network: column 0 the envelope at the head, column 1 the contents without it,
            column 2 + e the contents with the e-th envelope of the channel appended. Row 0 is the empty channel.
        histories: row by row what the observer keeps, column by column what it is told: what it then keeps.
        observer: where in `node_locals` what the observer keeps is numbered, behind the nodes; -1: nobody observes.
        node_locals: per node, the global numbers of its local states in the order of their numbers here.
        channels: the (sender, receiver) pairs of an ordered network.
        contents: per channel, the tuples of envelope numbers in the order of their numbers here.
        receiver: per envelope: the node it is addressed to, the column of that node's table, its channel, the column of
            that channel, the label of its delivery.
        outcomes: per outcome: node, local state before, local state after, flags, first of its sends, number of sends,
            label.
        sends: envelope numbers, those of one outcome in order.
        raising: the outcomes that end the search if a state can pay for them: node, local state, what was raised.
        labels: what weak fairness is asked of, number 0 being nothing: ("deliver", envelope), ("timeout", node, timer),
            ("command", node, command), ("recover", node) or ("heal",).
    """

    def __init__(self, system: System, resident: Resident | None = None) -> None:
        self.system = system
        self.resident = resident = resident or Resident()
        self.purity = Purity(system)
        self.steps, self.queues, self.histories = (Rows(resident=resident) for _ in range(3))
        # What the observer keeps stands behind the nodes, as the local states of one that does nothing by itself.
        self.observer = -1 if system.model.observer is None else len(system.model.nodes)
        owners = len(system.model.nodes) + (self.observer >= 0)
        self.node_locals: list[list[int]] = [[] for _ in range(owners)]
        self._numbers: list[dict[int, int]] = [{} for _ in range(owners)]
        self._node_envelopes: list[list[int]] = [[] for _ in range(owners)]
        self.channels = Interner()
        self._channel_envelopes: list[list[int]] = []
        self.contents: list[list[tuple[int, ...]]] = []
        self._content_numbers: list[dict[tuple[int, ...], int]] = []
        self.receiver = Column(np.int64, 5, resident)
        self.outcomes = Column(np.int64, 7, resident)
        self.sends = Column(np.int32, resident=resident)
        self.raising: dict[int, tuple[int, int, str]] = {}
        self.labels = Interner()
        self.labels(None)
        assert self.labels(("heal",)) == HEAL_LABEL
        self.fired = Interner()
        self._outcome_fired: list[int] = [0]
        self.outcomes.append((0, 0, 0, LAST, 0, 0, 0))
        self.fired(())
        self.pruned = isinstance(system.model.network, UnreliableSet)
        self.ordered = isinstance(system.model.network, Ordered)
        self.filled = 0
        self.comparison: StepComparison | None = None

    # -- numbers -----------------------------------------------------------------------------------------------

    def local_number(self, position: int, identifier: int) -> int:
        """The number of a local state (given by its global number) in its node's table."""
        numbers = self._numbers[position]
        known = numbers.get(identifier)
        if known is None:
            known = numbers[identifier] = len(numbers)
            self.node_locals[position].append(identifier)
            self.steps.ensure(position, known + 1, 1 + len(self._node_envelopes[position]))
            if position == self.observer:
                self._ensure_histories()
        return known

    def _ensure_histories(self) -> None:
        self.histories.ensure(0, len(self.node_locals[self.observer]), len(self.system.occurrences.values))

    def local(self, position: int, number: int) -> Local:
        """The local state with this number in its node's table."""
        value: Local = self.system.locals.values[self.node_locals[position][number]]
        return value

    def register_envelopes(self) -> None:
        """Give every interned envelope a column of its receiver's table (and of its channel's).

        One to a node that there is not gets a column of the first node's table: filling an entry of it is refused, and
        that happens only once a state is met in which it is in flight.
        """
        known = self.system.envelopes.values
        while self.receiver.size < len(known):
            number = self.receiver.size
            envelope: Envelope = known[number]
            position = self.system.index.get(envelope.receiver, 0)
            addressed = self._node_envelopes[position]
            addressed.append(number)
            self.steps.ensure(position, len(self.node_locals[position]), 1 + len(addressed))
            channel, column = self._channel_column(envelope, number) if self.ordered else (0, 0)
            # Nothing forces a second process to start from a copy.
            label = 0 if isinstance(envelope.message, StoreCopied) else self.labels(("deliver", number))
            self.receiver.append((position, len(addressed), channel, column, label))

    def _channel_column(self, envelope: Envelope, number: int) -> tuple[int, int]:
        channel = self.channels((envelope.sender, envelope.receiver))
        if channel == len(self.contents):
            self.contents.append([()])
            self._content_numbers.append({(): 0})
            self._channel_envelopes.append([])
        queued = self._channel_envelopes[channel]
        queued.append(number)
        self.queues.ensure(channel, len(self.contents[channel]), 2 + len(queued))
        return channel, 1 + len(queued)

    def content_number(self, channel: int, content: tuple[int, ...]) -> int:
        """The number of a channel's contents."""
        numbers = self._content_numbers[channel]
        known = numbers.get(content)
        if known is None:
            rest = self.content_number(channel, content[1:])
            known = numbers[content] = len(numbers)
            self.contents[channel].append(content)
            self.queues.ensure(channel, known + 1, 2 + len(self._channel_envelopes[channel]))
            self.queues.put(channel, known, 0, content[0])
            self.queues.put(channel, known, 1, rest)
        return known

    # -- filling -----------------------------------------------------------------------------------------------

    def withdraw_requests(self) -> None:
        """Make the tables ready for another search: the last may have ended before all that it asked for was filled."""
        for rows in (self.steps, self.queues, self.histories):
            rows.withdraw()

    def forget_beyond(self, outcomes: int, sends: int) -> None:
        """Forget all but the first outcomes and sends. The search that needed the others is over."""
        self.outcomes.size, self.sends.size = outcomes, sends
        del self._outcome_fired[outcomes:]

    def fill_step(self, position: int, number: int, column: int) -> None:
        """Compute one entry of a node's table.

        Raises:
            ModelError: it is the delivery of an envelope to a node that there is not.
        """
        if self.steps.get(position, number, column) >= 0:
            return
        identifier = self.node_locals[position][number]
        envelope = None if column == 0 else self._node_envelopes[position][column - 1]
        candidates = self.candidates(position, identifier, envelope)
        if self.comparison is not None:
            self.comparison.check_step(position, identifier, envelope, candidates)
        first = 0
        for at, candidate in enumerate(candidates):
            written = self._write(position, number, candidate, last=at == len(candidates) - 1)
            first = first or written
        self.steps.put(position, number, column, first)
        self.filled += 1

    def fill_queue(self, channel: int, content: int, column: int) -> None:
        """Compute which contents a channel has once an envelope was appended."""
        queued = self.contents[channel][content]
        network = self.system.model.network
        assert isinstance(network, Ordered)
        if network.capacity is None or len(queued) < network.capacity:
            queued = (*queued, self._channel_envelopes[channel][column - 2])
        self.queues.put(channel, content, column, self.content_number(channel, queued))
        self.filled += 1

    def fill_history(self, number: int, occurrence: int) -> None:
        """Compute what the observer keeps after an occurrence."""
        kept = self.system.observe(self.node_locals[self.observer][number], occurrence)
        after = self.local_number(self.observer, kept)  # the table may grow, so this comes first
        self.histories.put(0, number, occurrence, after)
        self.filled += 1

    def candidates(self, position: int, identifier: int, envelope: int | None) -> list[Candidate]:
        """What a node in a local state (by global number) can do on the delivery of an envelope, or by itself."""
        if position == self.observer:
            return []
        if envelope is None:
            return list(self._own_steps(position, identifier))
        return self._delivery(position, identifier, envelope)

    def _delivery(self, position: int, identifier: int, envelope_number: int) -> list[Candidate]:
        envelope: Envelope = self.system.envelopes.values[envelope_number]
        self.system.receiver_of(envelope)
        if not is_taken(self.system.locals.values[identifier], envelope):
            return []
        try:
            outcomes = self.purity.outcomes(position, identifier, Received(envelope.sender, envelope.message))
        except StepError as error:
            return [Candidate("raises", -1, error=error)]
        ignored = self.pruned and self.system.is_ignored(identifier, outcomes)
        return [] if ignored else self._candidates(position, outcomes, "deliver")

    def tabulate_reading(self, position: int, reading: int, number: int, envelopes: frozenset[int]) -> tuple[int, ...]:
        """What a node in a local state can do by one of its readings of these envelopes: numbers of outcomes."""
        identifier = self.node_locals[position][number]
        commands = self.system.read(position, reading, identifier, envelopes)
        candidates = [item for command in commands for item in self._own(position, identifier, "command", command, 0)]
        for candidate in candidates:
            if candidate.error is not None:
                raise candidate.error
        return tuple(self._write(position, number, candidate, last=True) for candidate in candidates)

    def _own_steps(self, position: int, identifier: int) -> Iterable[Candidate]:
        system = self.system
        local: Local = system.locals.values[identifier]
        for fault in store_faults(system.model, position, local):
            budget = 1 + system.budgets.of(fault.budget, position)
            yield Candidate(fault.kind, system.locals(fault.local), fault.sends, event=budget)
        if local.data is None:
            yield from self._recovery(position, identifier, local)
            return
        for timer in local.timers:
            given = TimerFired(timer)
            yield from self._own(position, identifier, "timeout", given, self.labels(("timeout", position, timer)))
        for command in system.commands(position, identifier):
            fair = event_of(command) in system.model.nodes[position].fair
            label = self.labels(("command", position, command)) if fair else 0
            yield from self._own(position, identifier, "command", command, label)
        crash = 1 + system.budgets.of("crash", position)
        if system.may_crash(position) and crash:
            yield Candidate("crash", system.locals(crashed(local)), crash=crash)

    def _own(
        self, position: int, identifier: int, kind: str, given: TimerFired | Command, label: int
    ) -> list[Candidate]:
        event = event_of(given)
        budget = 1 + self.system.budgets.of(event, position)
        try:
            outcomes = self.purity.outcomes(position, identifier, given)
        except StepError as error:
            return [Candidate("raises", -1, event=budget, error=error)]  # only where something is left of the budget
        if kind == "command" and self.system.is_ignored(identifier, outcomes):
            return []  # an ignored input that consumes nothing is not a transition
        return self._candidates(position, outcomes, kind, event=budget, label=label)

    def _recovery(self, position: int, identifier: int, local: Local) -> list[Candidate]:
        if local.absent or not self.system.model.faults.recover:
            return []
        node, label = self.system.model.nodes[position], self.labels(("recover", position))
        if node.boots:
            try:
                outcomes = self.purity.outcomes(position, identifier, Recover(local.durable))
            except StepError as error:
                return [Candidate("raises", -1, error=error)]
            return self._candidates(position, outcomes, "recover", label=label)
        started = self.system.locals(msgspec.structs.replace(local, data=node.initial))
        return [Candidate("recover", started, label=label)]

    def _candidates(
        self,
        position: int,
        outcomes: tuple[Outcome, ...],
        kind: str,
        *,
        event: int = 0,
        label: int = 0,
    ) -> list[Candidate]:
        system, boundary = self.system, self.system.model.boundary
        candidates = []
        for outcome in outcomes:
            torn = outcome.torn >= 0
            crash = 1 + system.budgets.of("crash", position) if torn else 0
            if boundary is not None and not boundary(outcome.local):
                candidates.append(Candidate("cut_off", -1, event=event, crash=crash, label=0 if torn else label))
                continue
            candidates.append(
                Candidate(
                    "torn" if torn else kind,
                    system.locals(outcome.local),
                    *(outcome.sends, outcome.fired),
                    *(event, crash, 0 if torn else label),
                    outcome.occurrence,
                )
            )
        return candidates

    def _write(self, position: int, before: int, candidate: Candidate, *, last: bool) -> int:
        after = before if candidate.local < 0 else self.local_number(position, candidate.local)
        numbers = [self.system.envelopes(envelope) for envelope in candidate.sends]
        self.register_envelopes()
        first = self.sends.extend(np.array(numbers, np.int32)) if numbers else 0
        flags = KIND[candidate.kind] | (LAST if last else 0)
        flags |= candidate.event << EVENT_SHIFT | candidate.crash << CRASH_SHIFT
        flags |= candidate.occurrence << OCCURRENCE_SHIFT
        if candidate.occurrence:
            self._ensure_histories()
        self._outcome_fired.append(self.fired(candidate.fired))
        if candidate.error is not None:
            flags |= RAISES
            self.raising[self.outcomes.size] = (position, before, str(candidate.error))
        return self.outcomes.append((position, before, after, flags, first, len(numbers), candidate.label))

    def fired_by(self, taken: npt.NDArray[np.bool_]) -> set[str]:
        """The rules that fired: those of outcomes that spend no budget, and those of the others that were `taken`."""
        flags = self.outcomes.array[: self.outcomes.size, 3]
        free = (flags >> EVENT_SHIFT) == 0
        known = taken[: self.outcomes.size]
        free[: len(known)] |= known  # outcomes that were tabulated last were not taken before the search ended
        groups = np.unique(np.array(self._outcome_fired)[free])
        return {name for group in groups.tolist() for name in self.fired.values[group]}

    # -- states ------------------------------------------------------------------------------------------------

    def numbers_of(self, state: State) -> tuple[list[int], list[int], list[int]]:
        """What stands in the fields of nodes, channels and envelopes in a state; registers what is new in it."""
        self.register_envelopes()
        locals_ = [self.local_number(position, identifier) for position, identifier in enumerate(state.locals)]
        envelopes = [0] * len(self.system.envelopes.values)
        queues = [0] * len(self.contents)
        for item in state.network:
            if self.ordered:
                channel = self.channels(item[0])
                queues[channel] = self.content_number(channel, item[1])
            elif isinstance(self.system.model.network, Multiset):
                envelopes[item[0]] = item[1]
            else:
                envelopes[item] = 1
        return locals_, queues, envelopes

    def state_of(self, locals_: list[int], queues: list[int], budgets: list[int], cut: int, flying: list[int]) -> State:
        """The state whose fields hold these numbers."""
        if self.ordered:
            filled = [(channel, content) for channel, content in enumerate(queues) if content]
            network: Any = [(self.channels.values[channel], self.contents[channel][at]) for channel, at in filled]
        elif self.pruned:
            network = [number for number, copies in enumerate(flying) if copies]
        else:
            network = [(number, copies) for number, copies in enumerate(flying) if copies]
        identifiers = tuple(self.node_locals[position][number] for position, number in enumerate(locals_))
        return State(identifiers, frozenset(network), tuple(budgets), cut)
