"""The meaning of a model: initial states, and the successors of a state. Every engine explores exactly this.

Local steps are tabulated: the real machine's `step` is called once for each (node, local state, input), and
local states and envelopes are interned to small integers, so that a global state is a tuple of integers.

Longer than most files here: the meaning of a step is told in one place, faults included.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec

from coordfsm.check.exploration.budgets import ALL_NODES, NO_BUDGET, Budgets
from coordfsm.check.exploration.stores import (
    StoreCopied,
    before_start,
    first_local,
    is_taken,
    store_faults,
)
from coordfsm.check.modelling.model import (
    Envelope,
    History,
    Local,
    Model,
    Multiset,
    Node,
    Occurrence,
    Property,
    Start,
    UnreliableSet,
)
from coordfsm.kernel import (
    CancelTimer,
    Command,
    CoordfsmError,
    Effect,
    Input,
    ModelError,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Step,
    Timer,
    TimerFired,
    Value,
    apply_writes,
    encode,
    event_of,
)
from coordfsm.kernel.identity import alike, unequal_part

ActionKind = Literal[
    "deliver",
    "lose",
    "timeout",
    "command",
    "crash",
    "recover",
    "partition",
    "heal",
    "copy",
    "rollback",
    "clone",
    "wipe",
]


class StepError(CoordfsmError):
    """A machine raised an error instead of taking a step.

    Attributes:
        node: where.
        given: the input that it could not take.
    """

    def __init__(self, node: str, given: Input, error: Exception) -> None:
        told = given.message if isinstance(given, Received) else given
        super().__init__(f"{node} cannot take {event_of(given)}: {type(error).__name__}: {error} (input: {told})")
        self.node = node
        self.given = given


class Action(Value):
    """One transition of a global state, as the environment chose it.

    Attributes:
        kind: ``deliver``, ``lose``, ``timeout``, ``command``, ``crash``, ``recover``, ``partition``, ``heal``, or what
            became of a store: ``copy``, ``rollback``, ``clone``, ``wipe``.
        node: the node it happens at; the partition's name for ``partition`` and ``heal``.
        given: the input that the machine got, or the envelope that was lost or holds a copied store; None where there
            is none.
        torn: the process crashed after this many effects of the step; -1: it did not crash.
        copied: the delivered message also stayed in flight (a duplication).
    """

    kind: str
    node: str
    given: Any = None
    torn: int = -1
    copied: bool = False


class Outcome(NamedTuple):
    """One way in which a local step can end: whole, or cut short by a crash after some of its effects."""

    local: Local
    sends: tuple[Envelope, ...]
    fired: tuple[str, ...]
    torn: int  # effects done before the crash; -1: the step completed
    occurrence: int = 0  # the number of what the model's observer is told; 0: nothing


class State(NamedTuple):
    """A global state: interned local states, what is in flight, budgets left, the partition in force (0: none).

    Behind the local states of the nodes stands what the model's observer keeps, if it has one.

    `network` is, by kind of network: a frozenset of envelope ids, a frozenset of (envelope id, copies), or a
    frozenset of ((sender, receiver), ids in order).
    """

    locals: tuple[int, ...]
    network: frozenset[Any]
    budgets: tuple[int, ...]
    cut: int


OUTSIDE = State((), frozenset(), (), -1)
"""Stands for every state beyond the model's boundary: nothing is known of it, nor of what follows."""


class Interner:
    """Small integers for values, by identity as `alike` has it; ids count up from 0 in order of first appearance."""

    def __init__(self) -> None:
        self._ids: dict[Any, int] = {}
        self._others: dict[int, list[int]] = {}  # those that equal one of `_ids` and are not alike
        self.values: list[Any] = []

    def __call__(self, value: Any) -> int:
        """The number of a value.

        Raises:
            ModelError: a part of it does not equal itself.
        """
        known = self._ids.get(value)
        if known is None:
            refuse_unequal(value, "a value")
            known = self._ids[value] = len(self.values)
            self.values.append(value)
        elif not alike(self.values[known], value):
            others = self._others.setdefault(known, [])
            known = next((number for number in others if alike(self.values[number], value)), len(self.values))
            if known == len(self.values):
                others.append(known)
                self.values.append(value)
        return known

    def __contains__(self, value: Any) -> bool:
        """Whether something that equals it has a number."""
        return value in self._ids


def refuse_unequal(value: Any, told: str) -> None:
    """Refuse a value that could never be met again.

    Raises:
        ModelError: naming the part that does not equal itself.
    """
    part = unequal_part(value)
    if part is not None:
        raise ModelError(f"{told} holds something that does not equal itself: {part.lstrip(': ')}")


def apply_effects(
    node: Node, local: Local, data: Any, effects: tuple[Effect, ...]
) -> tuple[Local, tuple[Envelope, ...]]:
    """The local state and the sends after a process with new `data` carried out `effects` in order."""
    if not effects and data is local.data:
        return local, ()
    durable, timers, history = local.durable, local.timers, local.history
    sends: list[Envelope] = []
    for effect in effects:
        if isinstance(effect, Persist):
            durable = apply_writes(durable, effect.writes)
        elif isinstance(effect, Send):
            sends.append(Envelope(node.name, effect.to, effect.message))
        elif isinstance(effect, SetTimer):
            timers = _sorted({*timers, effect.timer})
        elif isinstance(effect, CancelTimer):
            timers = tuple(timer for timer in timers if timer != effect.timer)
        elif isinstance(effect, Notify):
            history = node.history(history, effect.event)
    return Local(data, durable, timers, history, local.copy), tuple(sends)


def _sorted(timers: set[Timer]) -> tuple[Timer, ...]:
    return tuple(sorted(timers, key=lambda timer: (timer.kind, timer.subject)))


def about_to_take(node: Node, local: Local, given: Input) -> tuple[Local, Any, Input]:
    """What a node is when it takes an input, the data that its machine then has, and what the machine is given."""
    if isinstance(given, Received) and isinstance(given.message, StoreCopied):
        local, given = before_start(local, given.message), Recover(given.message.records)
    if isinstance(given, Recover):
        return local, node.initial, given
    if isinstance(given, TimerFired):
        local = msgspec.structs.replace(local, timers=tuple(timer for timer in local.timers if timer != given.timer))
    return local, local.data, given


def _step(node: Node, data: Any, given: Input) -> Step:
    try:
        return node.step(data, given)
    except Exception as error:
        raise StepError(node.name, given, error) from error


def crashed(local: Local) -> Local:
    """What is left of a node that crashes: durable records, a copy of them, and history."""
    return Local(None, local.durable, (), local.history, local.copy)


class System:
    """A model made executable: interned, tabulated, with one method that gives all successors of a state."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.budgets = Budgets(model)
        self.index = {node.name: position for position, node in enumerate(model.nodes)}
        self.readers = tuple((at, number) for at, node in enumerate(model.nodes) for number in range(len(node.reads)))
        self.locals = Interner()
        self.envelopes = Interner()
        self.occurrences = Interner()
        self.occurrences(None)
        self._kept: dict[tuple[int, int], int] = {}
        self.fired: set[str] = set()
        self._inputs = Interner()
        self._looked_at: dict[tuple[Any, int], bool] = {}
        self._observed: dict[tuple[Any, int], Any] = {}
        self.raised: list[StepError] | None = None  # a list: `successors` notes in it what raises, and goes on
        self._outcomes: dict[tuple[int, int, int], tuple[Outcome, ...]] = {}
        self._commands: dict[tuple[int, int], tuple[Command, ...]] = {}
        self._read: dict[tuple[int, int, int, frozenset[int]], tuple[Command, ...]] = {}
        self._order: list[bytes] = []

    @property
    def budget_names(self) -> tuple[str, ...]:
        """The bounded budgets, in the order in which a state holds them."""
        return self.budgets.names

    @property
    def sent(self) -> int:
        """Every envelope that was ever sent, as the bits of a number."""
        return (1 << len(self.envelopes.values)) - 1

    # -- local steps -------------------------------------------------------------------------------------------

    def outcomes(self, position: int, local_id: int, given: Input) -> tuple[Outcome, ...]:
        """Every way in which node `position` can take `given`; none when its machine ignores it."""
        key = (position, local_id, self._inputs(given))
        known = self._outcomes.get(key)
        if known is None:
            known = tuple(self._compute(position, self.locals.values[local_id], given))
            self._refuse_unequal(position, given, known)
            self._outcomes[key] = known
        return known

    def _refuse_unequal(self, position: int, given: Input, outcomes: tuple[Outcome, ...]) -> None:
        told = f"{self.model.nodes[position].name} on {event_of(given)}"
        with suppress(TypeError):  # what cannot be hashed is refused where it is numbered
            for outcome in outcomes:
                if outcome.local not in self.locals:
                    refuse_unequal(outcome.local, told)
                for envelope in outcome.sends:
                    if envelope not in self.envelopes:
                        refuse_unequal(envelope, told)

    def _compute(self, position: int, local: Local, given: Input) -> Iterator[Outcome]:
        node = self.model.nodes[position]
        local, data, given = about_to_take(node, local, given)
        step = _step(node, data, given)
        whole, sends = apply_effects(node, local, step.data, step.effects)
        told = self._occurrence(node, given, step.effects)
        yield Outcome(whole, sends, step.fired, -1, told)
        if not (self.model.faults.crash and self.model.faults.torn and self.may_crash(position)):
            return
        seen = [(crashed(whole), sends, told)]
        for done in range(len(step.effects)):
            partly, sent = apply_effects(node, local, step.data, step.effects[:done])
            end = crashed(partly), sent, self._occurrence(node, given, step.effects[:done])
            if not any(alike(end, known) for known in seen):
                seen.append(end)
                yield Outcome(*end[:2], step.fired, done, end[2])

    def _occurrence(self, node: Node, given: Input, effects: tuple[Effect, ...]) -> int:
        """The number of what the model's observer is told of a step; 0: nothing."""
        if self.model.observer is None:
            return 0
        events = tuple(effect.event for effect in effects if isinstance(effect, Notify))
        command = given if isinstance(given, Command) and not isinstance(given, Recover) else None
        return self.occurrences(Occurrence(node.name, command, events)) if events or command is not None else 0

    def observe(self, history: int, occurrence: int) -> int:
        """What the observer keeps after an occurrence: numbers among `locals`, the occurrence one of `occurrences`."""
        if (history, occurrence) not in self._kept:
            assert self.model.observer is not None
            kept = self.model.observer.observe(self.locals.values[history].kept, self.occurrences.values[occurrence])
            refuse_unequal(kept, "what the observer keeps")
            self._kept[history, occurrence] = self.locals(History(kept))
        return self._kept[history, occurrence]

    def is_ignored(self, local_id: int, outcomes: tuple[Outcome, ...]) -> bool:
        """Whether an input did nothing at all: no rule fired, and what a wrapped machine tells changed nothing."""
        whole = outcomes[0]
        told = self.occurrences.values[whole.occurrence]
        silent = told is None or not told.events  # that a command was given and ignored is no news
        return silent and not whole.fired and not whole.sends and self.locals(whole.local) == local_id

    def may_crash(self, position: int) -> bool:
        """Whether the model lets this node crash."""
        crashable = self.model.faults.crashable
        return crashable is None or self.model.nodes[position].name in crashable

    def commands(self, position: int, local_id: int) -> tuple[Command, ...]:
        """What the environment may ask of a node in this local state."""
        key = (position, local_id)
        known = self._commands.get(key)
        if known is None:
            local = self.locals.values[local_id]
            known = self._commands[key] = tuple(self.model.nodes[position].commands(local))
        return known

    def read(self, position: int, number: int, local_id: int, envelopes: frozenset[int]) -> tuple[Command, ...]:
        """What a node may do that reads these envelopes (by number), all that its `number`-th reading is of."""
        key = (position, number, local_id, envelopes)
        known = self._read.get(key)
        if known is None:
            held = self.envelopes_of(envelopes)
            commands = self.model.nodes[position].reads[number].commands
            known = self._read[key] = tuple(commands(self.locals.values[local_id], held))
        return known

    def is_read(self, position: int, number: int, envelope: int) -> bool:
        """Whether a node's `number`-th reading is of an envelope."""
        node, value = self.model.nodes[position], self.envelopes.values[envelope]
        return value.receiver == node.name and node.reads[number].of(value)

    def _reading_commands(self, state: State, position: int) -> Iterator[Command]:
        for number in range(len(self.model.nodes[position].reads)):
            held = frozenset(item for item in state.network if self.is_read(position, number, item))
            yield from self.read(position, number, state.locals[position], held)

    # -- global states -----------------------------------------------------------------------------------------

    def initial(self) -> State:
        """The initial state; of several, that of the first start."""
        return self.starts[0][1]

    @cached_property
    def starts(self) -> tuple[tuple[str, State], ...]:
        """The distinct initial states, each with the name of the first start that gives it; "" in a model without."""
        found: dict[State, str] = {}
        for start in self.model.starts or (Start(""),):
            found.setdefault(self._started(start), start.name)
        return tuple((name, state) for state, name in found.items())

    def start_of(self, state: State) -> str:
        """The name of the start that gives a state; empty if none does, or the model names none."""
        return next((name for name, first in self.starts if first == state), "")

    def _started(self, start: Start) -> State:
        """Every node started, its first effects done."""
        locals_: list[int] = []
        occurrences: list[int] = []
        network = self._send(frozenset(), start.in_flight)
        for node in self.model.nodes:
            if node.clone_of is not None:
                locals_.append(self.locals(first_local(node)))
                continue
            data, durable = start.initial.get(node.name, node.initial), start.durable.get(node.name, node.durable)
            local = Local(data, durable, (), node.first_history)
            if node.boots:
                step = _step(node, data, Recover(durable))
                self.fired.update(step.fired)
                local, sends = apply_effects(node, local, step.data, step.effects)
                network = self._send(network, sends)
                told = self._occurrence(node, Recover(durable), step.effects)
                occurrences += [told] if told else []
            locals_.append(self.locals(local))
        if self.model.observer is not None:
            history = self.locals(History(self.model.observer.first))
            for told in occurrences:
                history = self.observe(history, told)
            locals_.append(history)
        return State(tuple(locals_), network, self.budgets.first, 0)

    def local(self, state: State, position: int) -> Local:
        """A node's local state in a global state."""
        value: Local = self.locals.values[state.locals[position]]
        return value

    def observed(self, item: Property, local_id: int) -> Any:
        """What a property observes of a local state.

        Raises:
            ModelError: a part of it does not equal itself.
        """
        key = (item.observe, local_id)
        if key not in self._observed:
            value = self.locals.values[local_id]
            self._observed[key] = value.kept if isinstance(value, History) else item.observe(value)
            refuse_unequal(self._observed[key], f"what {item.id} observes")
        return self._observed[key]

    def receiver_of(self, envelope: Envelope) -> int:
        """The position of the node that an envelope is addressed to.

        Raises:
            ModelError: there is no such node.
        """
        position = self.index.get(envelope.receiver)
        if position is None:
            raise ModelError(f"{self.model.name}: a message to unknown node {envelope.receiver!r}: {envelope.message}")
        return position

    def in_flight(self, state: State) -> frozenset[Envelope]:
        """The distinct envelopes in flight."""
        return self.envelopes_of(self.in_flight_numbers(state))

    def looked_at(self, item: Property, state: State) -> frozenset[Envelope]:
        """The distinct envelopes in flight that a property looks at."""
        numbers = self.in_flight_numbers(state)
        return self.envelopes_of(frozenset(number for number in numbers if self.looks_at(item, number)))

    def looks_at(self, item: Property, number: int) -> bool:
        """Whether a property looks at an envelope (by number)."""
        if isinstance(item.messages, bool):
            return item.messages
        key = (item.messages, number)
        if key not in self._looked_at:
            self._looked_at[key] = bool(item.messages(self.envelopes.values[number]))
        return self._looked_at[key]

    def envelopes_of(self, numbers: frozenset[int]) -> frozenset[Envelope]:
        """Envelopes by number.

        Raises:
            ModelError: two of them are equal and not alike, so that a set of them would lose one.
        """
        found = frozenset(self.envelopes.values[number] for number in numbers)
        if len(found) != len(numbers):
            told = sorted(repr(self.envelopes.values[number].message) for number in numbers)
            raise ModelError(
                f"{self.model.name}: messages in flight are equal but not alike (as 1, True and 1.0 are), "
                f"and a property or a reading looks at them as a set: {', '.join(told)}"
            )
        return found

    def in_flight_numbers(self, state: State) -> frozenset[int]:
        """The numbers of the envelopes in flight."""
        if isinstance(self.model.network, UnreliableSet):
            return state.network
        if isinstance(self.model.network, Multiset):
            return frozenset(identifier for identifier, _ in state.network)
        return frozenset(identifier for _, queue in state.network for identifier in queue)

    def successors(self, state: State) -> Iterator[tuple[Action, State]]:
        """Every transition out of a state that stays within the boundary, in a fixed order."""
        return (item for item in self.transitions(state) if item[1] is not OUTSIDE)

    def transitions(self, state: State) -> Iterator[tuple[Action, State]]:
        """Every transition out of a state, in a fixed order; one beyond the boundary ends in `OUTSIDE`."""
        yield from self._deliveries(state)
        for position in range(len(self.model.nodes)):
            if self.local(state, position).data is None:
                yield from self._recovery(state, position)
            else:
                yield from self._local_inputs(state, position)
                yield from self._crash(state, position)
            yield from self._store_faults(state, position)
        yield from self._losses(state)
        yield from self._cuts(state)

    def _deliveries(self, state: State) -> Iterator[tuple[Action, State]]:
        links = self._cut_links(state)
        for identifier, network in self._flying(state.network):
            envelope: Envelope = self.envelopes.values[identifier]
            position = self.receiver_of(envelope)
            if (envelope.sender, envelope.receiver) in links or not is_taken(self.local(state, position), envelope):
                continue
            given = Received(envelope.sender, envelope.message)
            keeps = isinstance(self.model.network, UnreliableSet)
            after = state if keeps else state._replace(network=network)
            yield from self._take("deliver", after, position, given, pruned=keeps)
            spent = None if keeps else self._spend(state, "duplicate")
            if spent is not None:
                for action, successor in self._take("deliver", spent, position, given, pruned=False):
                    yield msgspec.structs.replace(action, copied=True), successor

    def _local_inputs(self, state: State, position: int) -> Iterator[tuple[Action, State]]:
        for timer in self.local(state, position).timers:
            yield from self._budgeted("timeout", state, position, TimerFired(timer))
        for command in (*self.commands(position, state.locals[position]), *self._reading_commands(state, position)):
            yield from self._budgeted("command", state, position, command)

    def _budgeted(
        self, kind: ActionKind, state: State, position: int, given: TimerFired | Command
    ) -> Iterator[tuple[Action, State]]:
        event = event_of(given)
        spent = self._spend(state, event, position) if event in self.model.budgets else state
        if spent is not None:
            yield from self._take(kind, spent, position, given, pruned=kind == "command")

    def _crash(self, state: State, position: int) -> Iterator[tuple[Action, State]]:
        spent = self._spend(state, "crash", position) if self.may_crash(position) else None
        if spent is not None:
            local = self.locals(crashed(self.local(state, position)))
            yield Action("crash", self.model.nodes[position].name), self._with_local(spent, position, local)

    def _recovery(self, state: State, position: int) -> Iterator[tuple[Action, State]]:
        if not self.model.faults.recover or self.local(state, position).absent:
            return
        if self.model.nodes[position].boots:
            recover = Recover(self.local(state, position).durable)
            yield from self._take("recover", state, position, recover, pruned=False)
        else:
            local = msgspec.structs.replace(self.local(state, position), data=self.model.nodes[position].initial)
            successor = self._with_local(state, position, self.locals(local))
            yield Action("recover", self.model.nodes[position].name), successor

    def _store_faults(self, state: State, position: int) -> Iterator[tuple[Action, State]]:
        for fault in store_faults(self.model, position, self.local(state, position)):
            spent = self._spend(state, fault.budget, position) if fault.budget else state
            if spent is not None:
                action = Action(fault.kind, self.model.nodes[position].name, fault.sends[0] if fault.sends else None)
                after = self._with_local(spent, position, self.locals(fault.local))
                yield action, after._replace(network=self._send(after.network, fault.sends))

    def _losses(self, state: State) -> Iterator[tuple[Action, State]]:
        network = self.model.network
        if network.loss == 0:
            return
        spent = state if network.loss is None else self._spend(state, "loss")
        if spent is not None:
            for identifier, left in self._flying(state.network):
                envelope: Envelope = self.envelopes.values[identifier]
                yield Action("lose", envelope.receiver, envelope), spent._replace(network=left)

    def _cuts(self, state: State) -> Iterator[tuple[Action, State]]:
        partitions = self.model.faults.partitions
        if state.cut:
            yield Action("heal", partitions[state.cut - 1].name), state._replace(cut=0)
            return
        spent = self._spend(state, "partition")
        if spent is not None:
            for number, partition in enumerate(partitions, 1):
                yield Action("partition", partition.name), spent._replace(cut=number)

    def _take(
        self, kind: ActionKind, state: State, position: int, given: Input, *, pruned: bool
    ) -> Iterator[tuple[Action, State]]:
        try:
            outcomes = self.outcomes(position, state.locals[position], given)
        except StepError as error:
            if self.raised is None:
                raise
            self.raised.append(error)
            return
        if pruned and self.is_ignored(state.locals[position], outcomes):
            return  # an ignored input that consumes nothing is not a transition
        for outcome in outcomes:
            spent = state if outcome.torn < 0 else self._spend(state, "crash", position)
            if spent is None:
                continue
            if self.model.boundary is not None and not self.model.boundary(outcome.local):
                yield Action(kind, self.model.nodes[position].name, given, outcome.torn), OUTSIDE
                continue
            self.fired.update(outcome.fired)
            successor = self._with_local(spent, position, self.locals(outcome.local))
            successor = successor._replace(network=self._send(successor.network, outcome.sends))
            if outcome.occurrence:
                behind = len(self.model.nodes)
                kept = self.observe(successor.locals[behind], outcome.occurrence)
                successor = self._with_local(successor, behind, kept)
            yield Action(kind, self.model.nodes[position].name, given, outcome.torn), successor

    def _with_local(self, state: State, position: int, local_id: int) -> State:
        locals_ = (*state.locals[:position], local_id, *state.locals[position + 1 :])
        return state._replace(locals=locals_)

    def _spend(self, state: State, name: str, position: int = ALL_NODES) -> State | None:
        """A state with one less left for what happens at a node; None if nothing was."""
        number = self.budgets.of(name, position)
        if number == NO_BUDGET or state.budgets[number] == 0:
            return None
        budgets = (*state.budgets[:number], state.budgets[number] - 1, *state.budgets[number + 1 :])
        return state._replace(budgets=budgets)

    def _cut_links(self, state: State) -> frozenset[tuple[str, str]]:
        return self.model.faults.partitions[state.cut - 1].links if state.cut else frozenset()

    # -- the network -------------------------------------------------------------------------------------------

    def _send(self, network: frozenset[Any], sends: tuple[Envelope, ...]) -> frozenset[Any]:
        kind = self.model.network
        for envelope in sends:
            identifier = self.envelopes(envelope)
            if isinstance(kind, UnreliableSet):
                network |= {identifier}
            elif isinstance(kind, Multiset):
                copies = next((count for known, count in network if known == identifier), 0)
                if copies < kind.copies:
                    network = (network - {(identifier, copies)}) | {(identifier, copies + 1)}
            else:
                link = (envelope.sender, envelope.receiver)
                queued = next((queue for known, queue in network if known == link), ())
                if kind.capacity is None or len(queued) < kind.capacity:
                    network = (network - {(link, queued)}) | {(link, (*queued, identifier))}
        return network

    def _flying(self, network: frozenset[Any]) -> list[tuple[int, frozenset[Any]]]:
        """Each deliverable envelope with the network that is left once one copy of it is taken out."""
        kind = self.model.network
        taken: list[tuple[int, frozenset[Any]]] = []
        if isinstance(kind, UnreliableSet):
            taken = [(identifier, network - {identifier}) for identifier in network]
        elif isinstance(kind, Multiset):
            for identifier, copies in network:
                rest = network - {(identifier, copies)}
                taken.append((identifier, rest | {(identifier, copies - 1)} if copies > 1 else rest))
        else:
            for link, queue in network:
                rest = network - {(link, queue)}
                taken.append((queue[0], rest | {(link, queue[1:])} if len(queue) > 1 else rest))
        return sorted(taken, key=lambda item: self._rank(item[0]))

    def _rank(self, identifier: int) -> bytes:
        """Canonical bytes order envelopes the same way in every run, whatever the order of discovery."""
        while len(self._order) <= identifier:
            value = self.envelopes.values[len(self._order)]
            self._order.append(encode(value) + repr(value).encode())  # the types, too, where the bytes are the same
        return self._order[identifier]
