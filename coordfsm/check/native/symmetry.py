"""Interchangeable nodes: of all states that differ only in who is who, one is explored.

The representative is found in two steps, both exact. Each node gets a role: a number that depends on the part it plays
in everything that the state holds, and not on its name. Nodes are swapped until roles ascend. Where roles are equal,
all states that swaps of equal neighbours lead to are compared, and the smallest is taken; nodes that are equal in every
respect lead back to the same state, so this is rarely more than one.

The gate: the initial state must not change under any swap, and every step that is explored, and every verdict on a
property, is compared with its image under every swap of neighbours. A model that fails is refused by name.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from coordfsm.check.model import Local, Ordered, Property
from coordfsm.check.native.growing import Rows
from coordfsm.check.native.tables import Candidate, Tables
from coordfsm.check.renaming import rename, role
from coordfsm.check.semantics import State
from coordfsm.check.trace import describe, differences
from coordfsm.kernel import ModelError

MOST_EXCHANGES = 50_000
"""Ways to exchange nodes: each may have to be compared for one state."""


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
                    local = tables.local(position, number)
                    self._enter(position, number, local, list(self._local_images(position, local)))
                    changed = True
            while self._known[count] < tables.receiver.size:
                number = self._known[count]
                self._known[count] += 1
                envelope = tables.system.envelopes.values[number]
                images = [tables.system.envelopes(self._renamed(envelope, swap)) for swap in range(len(self.swaps))]
                tables.register_envelopes()
                self._enter(count, number, envelope, images)
                changed = True

    def _local_images(self, position: int, local: Local) -> Iterator[int]:
        for swap in range(len(self.swaps)):
            identifier = self.tables.system.locals(self._renamed(local, swap))
            yield self.tables.local_number(self._image_position(position, swap), identifier)

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
        system = self.tables.system
        locals_ = list(state.locals)
        for position in range(len(locals_)):
            image = system.locals(self._renamed(system.local(state, position), swap))
            locals_[self._image_position(position, swap)] = image
        values = system.envelopes.values
        network = frozenset(
            (system.envelopes(self._renamed(values[item[0]], swap)), item[1])
            if isinstance(item, tuple)
            else system.envelopes(self._renamed(values[item], swap))
            for item in state.network
        )
        return state._replace(locals=tuple(locals_), network=network)

    def check_first(self, first: State) -> None:
        """Refuse a model whose initial state depends on who is who.

        Raises:
            ModelError: naming a field that does.
        """
        for swap, names in enumerate(self._names):
            image = self.image(first, swap)
            for position, node in enumerate(self.model.nodes):
                old, new = (self.tables.system.local(state, position) for state in (first, image))
                if old != new:
                    told = "; ".join(differences(old, new))
                    raise ModelError(f"{' and '.join(names)} are not interchangeable: at first, {node.name}: {told}")
            if image != first:
                raise ModelError(f"{' and '.join(names)} are not interchangeable: at first, what is in flight")

    def check_step(self, position: int, identifier: int, envelope: int | None, candidates: list[Candidate]) -> None:
        """Refuse a model in which a step and its image under a swap differ.

        Raises:
            ModelError: naming the nodes and the input.
        """
        system = self.tables.system
        for swap, names in enumerate(self._names):
            where = self._image_position(position, swap)
            local = system.locals(self._renamed(system.locals.values[identifier], swap))
            arriving = envelope
            if envelope is not None:
                arriving = system.envelopes(self._renamed(system.envelopes.values[envelope], swap))
            found = self._outcomes(self.tables.candidates(where, local, arriving), None)
            if found != self._outcomes(candidates, swap):
                given = "its own steps" if envelope is None else describe(system.envelopes.values[envelope].message)
                node = self.model.nodes[position].name
                raise ModelError(f"{' and '.join(names)} are not interchangeable: {node} on {given}")

    def _outcomes(self, candidates: list[Candidate], swap: int | None) -> Counter[Any]:
        def told(value: Any) -> Any:
            return value if swap is None else self._renamed(value, swap)

        values = self.tables.system.locals.values
        return Counter(
            (
                item.kind,
                None if item.local < 0 else told(values[item.local]),
                frozenset(Counter(told(envelope) for envelope in item.sends).items()),
                item.event,
                item.crash,
            )
            for item in candidates
        )

    def check_verdict(self, item: Property, predicate: Any, state: State, *, value: bool) -> None:
        """Refuse a property whose verdict on a state and on its image differ.

        Raises:
            ModelError: naming the property.
        """
        system = self.tables.system
        for swap, names in enumerate(self._names):
            image = self.image(state, swap)
            seen = tuple(item.observe(system.local(image, at)) for at in range(len(self.model.nodes)))
            found = predicate(seen, system.in_flight(image)) if item.messages else predicate(seen)
            if bool(found) != value:
                raise ModelError(f"{item.id} tells {' and '.join(names)} apart, so it cannot be checked with symmetry")
