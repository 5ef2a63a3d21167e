"""Interchangeable nodes: of all states that differ only in who is who, one is explored.

The representative is found in two steps, both exact. Each node gets a role: a number that depends on the part it plays
in everything that the state holds, and not on its name. Nodes are swapped until roles ascend. Where roles are equal,
all states that swaps of equal neighbours lead to are compared, and the smallest is taken; nodes that are equal in every
respect lead back to the same state, so this is rarely more than one.

The gate: the initial state must not change under any swap. Every step that is explored is compared under the swaps of
neighbours, and so are its images, their images, and so on: these are all steps of the full exploration, so that its
states are those of the reduced one under other names. What is observed of a node must follow from what is observed of
its image, and a property must have one verdict on an observation and on all that exchanges make of it. A model that
fails is refused by name: nothing that was not compared is taken for symmetric.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from coordfsm.check.exploration.budgets import NO_BUDGET
from coordfsm.check.exploration.renaming import rename, role
from coordfsm.check.exploration.semantics import Interner, State
from coordfsm.check.modelling.model import Ordered, Property
from coordfsm.check.native.states.growing import Rows
from coordfsm.check.native.states.observing import Seen, View
from coordfsm.check.native.steps.tables import Candidate, Tables
from coordfsm.check.traces.trace import describe, differences
from coordfsm.kernel import ModelError

MOST_EXCHANGES = 50_000
"""Ways to exchange nodes: each may have to be compared for one state."""


Entry = tuple[int, int, int | None]
"""A step: the node's position, its local state, the envelope that arrives; None: what the node does by itself."""
Outcomes = Counter[Any]


class Symmetry:
    """The action of swaps on the local states and envelopes of a model.

    Attributes:
        swaps: pairs of node positions, neighbours within a group.
        members: the positions of all nodes that some group names, group by group.
        images: per node and local state (and, under the number of nodes, per envelope), per swap: the image's number.
        roles: the same per member: the part the member plays in it.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.model = tables.system.model
        self._check_model()
        index = tables.system.index
        groups = [[index[name] for name in group] for group in self.model.symmetric]
        self.members = [position for group in groups for position in group]
        self.swaps = [pair for group in groups for pair in itertools.pairwise(group)]
        self._names = [self._exchange(*pair) for pair in self.swaps]
        self._groups = {name: number for number, group in enumerate(self.model.symmetric) for name in group}
        self.images, self.roles = Rows(), Rows(np.uint64)
        self._known = [0] * (len(self.model.nodes) + 1)
        self._locals: list[dict[int, int]] = [{} for _ in self.swaps]
        self._envelopes: list[dict[int, int]] = [{} for _ in self.swaps]
        self._compared: set[Entry] = set()
        self._decided: dict[int, set[tuple[Seen, frozenset[int]]]] = {}
        self._views = {
            id(item.observe): View(item.id, item.observe, tables.system, self._names) for item in self.model.properties
        }

    @property
    def exchanges(self) -> int:
        """In how many ways members can be exchanged."""
        return math.prod(math.factorial(len(group)) for group in self.model.symmetric)

    def _check_model(self) -> None:
        model = self.model
        named = [name for group in model.symmetric for name in group]
        if not named:
            raise ModelError(f"{model.name} names no symmetric nodes")
        if len(set(named)) != len(named) or not set(named) <= set(self.tables.system.index):
            raise ModelError(f"{model.name}: symmetric groups must be disjoint and name nodes: {model.symmetric}")
        if self.exchanges > MOST_EXCHANGES:
            raise ModelError(f"{model.name}: {self.exchanges} ways to exchange nodes; at most {MOST_EXCHANGES}")
        if isinstance(model.network, Ordered):
            raise ModelError(f"{model.name}: symmetry with ordered channels is not supported; explore without")
        if model.observer is not None:
            raise ModelError(f"{model.name}: symmetry with an observer is not supported; explore without")
        if len(model.starts) > 1:
            raise ModelError(f"{model.name}: symmetry with several starts is not supported; explore without")
        if model.faults.partitions:
            raise ModelError(f"{model.name}: symmetry with named partitions is not supported; explore without")
        if any(item.kind in {"eventually", "leads_to"} for item in model.properties):
            raise ModelError(
                f"{model.name}: fairness cannot tell interchangeable nodes apart; explore without symmetry"
            )

    def _exchange(self, left: int, right: int) -> dict[str, str]:
        one, other = self.model.nodes[left].name, self.model.nodes[right].name
        return {one: other, other: one}

    def _renamed(self, value: Any, swap: int) -> Any:
        return (self.model.rename or rename)(value, self._names[swap])

    def _image_position(self, position: int, swap: int) -> int:
        left, right = self.swaps[swap]
        return {left: right, right: left}.get(position, position)

    # -- tables ------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Compute images and roles of what is new; images may be new themselves."""
        tables, count = self.tables, len(self.model.nodes)
        changed = True
        while changed:
            changed = False
            for position in range(count):
                while self._known[position] < len(tables.node_locals[position]):
                    number = self._known[position]
                    self._known[position] += 1
                    identifier = tables.node_locals[position][number]
                    images = self._local_images(position, identifier)
                    self._enter(position, number, tables.local(position, number), images)
                    changed = True
            while self._known[count] < tables.receiver.size:
                number = self._known[count]
                self._known[count] += 1
                envelope = tables.system.envelopes.values[number]
                images = [self._envelope_image(number, swap) for swap in range(len(self.swaps))]
                tables.register_envelopes()
                self._enter(count, number, envelope, images)
                changed = True

    def _local_images(self, position: int, identifier: int) -> list[int]:
        images = [self._local_image(identifier, swap) for swap in range(len(self.swaps))]
        for view in self._views.values():
            view.enter(position, identifier, images)
        places = [self._image_position(position, swap) for swap in range(len(self.swaps))]
        if self.model.deadlock:
            self._check_rest((position, identifier), list(zip(places, images, strict=True)))
        return [self.tables.local_number(place, image) for place, image in zip(places, images, strict=True)]

    def _check_rest(self, held: tuple[int, int], images: list[tuple[int, int]]) -> None:
        """Refuse a model in which a node may stay as it is for ever, but not its image."""
        rests = [
            self.model.nodes[at].may_rest(self.tables.system.locals.values[local]) for at, local in [held, *images]
        ]
        for swap, rest in enumerate(rests[1:]):
            if rest != rests[0]:
                names = " and ".join(self._names[swap])
                raise ModelError(f"{names} are not interchangeable: `final` tells them apart")

    def _enter(self, owner: int, number: int, value: Any, images: list[int]) -> None:
        self.images.ensure(owner, number + 1, len(self.swaps))
        self.roles.ensure(owner, number + 1, len(self.members))
        for swap, image in enumerate(images):
            self.images.put(owner, number, swap, image)
        # A node's own local state says nothing about whose it is: that counts as well.
        for at, member in enumerate(self.members):
            name = self.model.nodes[member].name
            whose = "\0own" if owner == member else "\0peer" if owner in self.members else str(owner)
            self.roles.put(owner, number, at, role((whose, value), name, self._groups))

    # -- the gate ----------------------------------------------------------------------------------------------

    def image(self, state: State, swap: int) -> State:
        """A state with two nodes exchanged."""
        locals_ = list(state.locals)
        for position, identifier in enumerate(state.locals):
            locals_[self._image_position(position, swap)] = self._local_image(identifier, swap)
        network = frozenset(
            (self._envelope_image(item[0], swap), item[1])
            if isinstance(item, tuple)
            else self._envelope_image(item, swap)
            for item in state.network
        )
        budgets = tuple(state.budgets[self.budget_image(number, swap)] for number in range(len(state.budgets)))
        return state._replace(locals=tuple(locals_), network=network, budgets=budgets)

    def budget_image(self, number: int, swap: int) -> int:
        """The budget that takes a budget's place under a swap.

        Raises:
            ModelError: one of the nodes has such a budget, the other has not.
        """
        left, right = self.swaps[swap]
        image = self.tables.system.budgets.image(number, {left: right, right: left})
        if image == NO_BUDGET:
            told = self.tables.system.budget_names[number]
            raise ModelError(
                f"{' and '.join(self._names[swap])} are not interchangeable: one alone has a budget, {told}"
            )
        return image

    def check_first(self, first: State) -> None:
        """Refuse a model whose initial state depends on who is who.

        Raises:
            ModelError: naming a field that does.
        """
        for swap, names in enumerate(self._names):
            image = self.image(first, swap)
            for position, node in enumerate(self.model.nodes):
                old, new = (self.tables.system.local(state, position) for state in (first, image))
                if image.locals[position] != first.locals[position]:
                    told = "; ".join(differences(old, new))
                    raise ModelError(f"{' and '.join(names)} are not interchangeable: at first, {node.name}: {told}")
            if image != first:
                raise ModelError(f"{' and '.join(names)} are not interchangeable: at first, what is in flight")

    def check_step(self, position: int, identifier: int, envelope: int | None, candidates: list[Candidate]) -> None:
        """Refuse a model in which a step, or one that exchanges make of it, differs from its image under a swap.

        Raises:
            ModelError: naming the nodes and the input.
        """
        first: Entry = (position, identifier, envelope)
        if first in self._compared:
            return
        outcomes = {first: self._outcomes(candidates)}
        waiting = [first]
        self._compared.add(first)
        while waiting:
            entry = waiting.pop()
            for swap, names in enumerate(self._names):
                image = self._entry_image(entry, swap)
                if image not in outcomes:
                    outcomes[image] = self._outcomes(self.tables.candidates(*image))
                    self._compared.add(image)
                    waiting.append(image)
                if outcomes[image] != self._outcomes_image(outcomes[entry], swap):
                    self._refuse_step(entry, names, outcomes[image], outcomes[entry])

    def _entry_image(self, entry: Entry, swap: int) -> Entry:
        position, identifier, envelope = entry
        arriving = None if envelope is None else self._envelope_image(envelope, swap)
        return self._image_position(position, swap), self._local_image(identifier, swap), arriving

    def _refuse_step(self, entry: Entry, names: Iterable[str], *found: Outcomes) -> None:
        position, _, envelope = entry
        values, node = self.tables.system.envelopes.values, self.model.nodes[position].name
        given = "its own steps" if envelope is None else describe(values[envelope].message)
        cuts = ({kind for kind, *_ in outcomes} for outcomes in found)
        if len({"cut_off" in kinds for kinds in cuts}) > 1:
            given += " (the boundary tells them apart)"
        raise ModelError(f"{' and '.join(names)} are not interchangeable: {node} on {given}")

    def _outcomes(self, candidates: list[Candidate]) -> Outcomes:
        """What a step can lead to, in numbers."""
        envelopes = self.tables.system.envelopes
        return Counter(
            (item.kind, item.local, frozenset(Counter(map(envelopes, item.sends)).items()), item.event, item.crash)
            for item in candidates
        )

    def _outcomes_image(self, outcomes: Outcomes, swap: int) -> Outcomes:
        found: Outcomes = Counter()
        for (kind, local, sends, event, crash), count in outcomes.items():
            after = local if local < 0 else self._local_image(local, swap)
            sent = frozenset((self._envelope_image(number, swap), copies) for number, copies in sends)
            spent = [cost and 1 + self.budget_image(cost - 1, swap) for cost in (event, crash)]
            found[kind, after, sent, *spent] += count
        return found

    def _local_image(self, identifier: int, swap: int) -> int:
        return self._image(self.tables.system.locals, self._locals[swap], identifier, swap)

    def _envelope_image(self, number: int, swap: int) -> int:
        return self._image(self.tables.system.envelopes, self._envelopes[swap], number, swap)

    def _image(self, numbered: Interner, known: dict[int, int], number: int, swap: int) -> int:
        image = known.get(number)
        if image is None:
            value = numbered.values[number]
            image = known[number] = numbered(self._renamed(value, swap))
            if numbered(self._renamed(numbered.values[image], swap)) != number:
                names = " and ".join(self._names[swap])
                raise ModelError(f"to exchange {names} twice does not give back {describe(value)}: see `rename`")
            known[image] = number
        return image

    def check_verdict(self, item: Property, predicate: Any, state: State, *, value: bool) -> None:
        """Refuse a property whose verdict on a state differs from that on any that exchanges make of it.

        Raises:
            ModelError: naming the property.
        """
        view = self._views[id(item.observe)]
        seen = view.observed(state.locals)
        flying = self.tables.system.in_flight_numbers(state) if item.messages else frozenset()
        compared = self._decided.setdefault(id(predicate), set())
        first = (seen, flying)
        if first in compared:
            return
        compared.add(first)
        waiting = [first]
        while waiting:
            seen, flying = waiting.pop()
            for swap, names in enumerate(self._names):
                left, right = self.swaps[swap]
                image = view.image(seen, swap, left, right)
                sent = frozenset(self._envelope_image(number, swap) for number in flying)
                if (image, sent) in compared:
                    continue
                compared.add((image, sent))
                waiting.append((image, sent))
                given: tuple[Any, ...] = (view.values(image),)
                if item.messages:
                    system = self.tables.system
                    looked = frozenset(number for number in sent if system.looks_at(item, number))
                    given = (*given, system.envelopes_of(looked))
                if bool(predicate(*given)) != value:
                    told = " and ".join(names)
                    raise ModelError(f"{item.id} tells {told} apart, so it cannot be checked with symmetry")
