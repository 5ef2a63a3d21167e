"""The arrays that compiled code reads: a model's tables, resolved to the words and bits of a layout."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.semantics import State
from coordfsm.check.modelling.model import Envelope, Multiset, Ordered, UnreliableSet
from coordfsm.check.native.states.growing import Column, Rows
from coordfsm.check.native.states.layout import WORD, Layout, Words, bits_for, places
from coordfsm.check.native.states.masks import Masks
from coordfsm.check.native.states.symmetry import Symmetry
from coordfsm.check.native.steps.tables import Tables

UNRELIABLE, BITSET, COUNTERS, ORDERED = 0, 1, 2, 3
"""How the network is packed: never removed, one copy, several copies, channels."""

Bits = npt.NDArray[np.uint64]
Small = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]


class Wiring(NamedTuple):
    """What an expansion reads. Fields are given as rows (word, shift, mask)."""

    words: int
    network: int
    loss: int  # -1: none, 0: unlimited, else 1 + its budget
    duplicate: int  # 0: none, else 1 + its budget
    partition: int  # 0: none, else 1 + its budget
    partitions: int
    nodes: Bits
    channels: Bits
    budgets: Bits
    cut: Bits  # shape (1, 3)
    blocked: npt.NDArray[np.uint8]  # shape (partitions + 1, envelopes)
    envelope_mask: Bits  # per word: the bits that stand for envelopes
    slots: Small  # per bit of a state: its envelope
    doors: Ints  # per bit of a state: the receiver of its envelope, the column of the receiver's table
    envelopes: Bits
    copies: int
    receiver: Ints  # as in Tables
    steps: Small
    step_base: Ints
    step_stride: Ints
    queues: Small
    queue_base: Ints
    queue_stride: Ints
    outcomes: Bits  # per outcome: word, xor; word, or of its sends; flags; first further or, their number; sends
    ors: Bits  # further (word, or) pairs
    sends: Small
    labels: Ints  # per outcome
    swaps: Ints  # shape (swaps, 4): two nodes; their places among the members; no rows: no symmetry
    members: int  # nodes that are interchangeable with some other
    budget_images: Ints  # shape (swaps, budgets): the budget that takes its place; no columns: they all stay
    member_ends: Ints  # per place among the members: whether it is the last of its group
    images: Small
    image_base: Ints
    image_stride: Ints
    roles: Bits
    role_base: Ints
    role_stride: Ints
    reduced: bool  # whether inert messages are left out
    inert: Bits  # per node and local state: the bits of its inert messages, a word each
    inert_base: Ints
    inert_stride: Ints
    observer: int  # which of `nodes` holds what the observer keeps; -1: none
    histories: Small
    history_base: Ints
    history_stride: Ints


def _rows(fields: Ints) -> Bits:
    table = fields.astype(np.uint64)
    table[:, 2] = (np.uint64(1) << table[:, 2]) - np.uint64(1)
    return table


class Wirer:
    """Keeps layout and arrays in step with the tables.

    Attributes:
        masks: the bits of messages that are left out.
        layout: where everything stands at present.
        repacks: how often the layout had to change.
    """

    def __init__(self, tables: Tables, masks: Masks, symmetry: Symmetry | None) -> None:
        self.tables = tables
        self.symmetry = symmetry
        self.masks = masks
        self.model = tables.system.model
        self.network = self._network()
        self.repacks = 0
        self._resolved = 0
        self._outcomes: Column[np.uint64] = Column(np.uint64, 8, tables.resident)
        self._ors: Column[np.uint64] = Column(np.uint64, 2, tables.resident)
        self._blocked = np.zeros((len(self.model.faults.partitions) + 1, 16), np.uint8)
        self._blocked_known = 0
        self.layout = self._new_layout()

    def _network(self) -> int:
        network = self.model.network
        if isinstance(network, UnreliableSet):
            return UNRELIABLE
        if isinstance(network, Ordered):
            return ORDERED
        return BITSET if network.copies == 1 else COUNTERS

    def _copy_bits(self) -> int:
        if self.network == ORDERED:
            return 0
        return bits_for(self.model.network.copies + 1) if isinstance(self.model.network, Multiset) else 1

    def _new_layout(self) -> Layout:
        """The smallest number of words, and within it room for what is still to come, most where most has come."""
        tables = self.tables
        counts = [*map(len, tables.node_locals), *map(len, tables.contents)]
        widths = [bits_for(count) for count in counts]
        layout = self._fill_layout(widths, 0)
        reserve = tables.receiver.size // 2
        if self._fill_layout(widths, reserve).words > layout.words:
            reserve = 0
        for field in sorted(range(len(widths)), key=lambda at: -counts[at]):
            for extra in (2, 1):
                wider = [*widths[:field], widths[field] + extra, *widths[field + 1 :]]
                if self._fill_layout(wider, reserve).words == layout.words:
                    widths = wider
                    break
        return self._fill_layout(widths, 0)

    def _fill_layout(self, widths: list[int], reserve: int) -> Layout:
        tables, nodes = self.tables, len(self.tables.node_locals)
        layout = Layout(
            widths[:nodes],
            widths[nodes:],
            [bits_for(first + 1) for first in tables.system.budgets.first],
            bits_for(len(self.model.faults.partitions) + 1),
            self._copy_bits(),
        )
        for _ in range(tables.receiver.size + reserve):
            layout.place_envelope(grow=True)
        return layout

    def _fits(self) -> bool:
        tables, layout = self.tables, self.layout
        if any(len(known) > 1 << place.bits for known, place in zip(tables.node_locals, layout.nodes, strict=True)):
            return False
        if len(tables.contents) != len(layout.channels):
            return False
        if any(len(known) > 1 << place.bits for known, place in zip(tables.contents, layout.channels, strict=True)):
            return False
        while len(layout.envelopes) < tables.receiver.size:
            if not layout.place_envelope(grow=False):
                return False
        return True

    def update(self) -> Layout | None:
        """Resolve what the tables hold that is new. The old layout if it no longer fits: states are to be repacked."""
        old = None
        if not self._fits():
            old, self.layout = self.layout, self._new_layout()
            self.repacks += 1
            self._resolved, self._outcomes.size, self._ors.size = 0, 0, 0
        self._resolve()
        self._block()
        if self.masks.reduction.is_on:
            self.masks.update(self.layout)
        return old

    def _resolve(self) -> None:
        """Turn outcomes into words to change, all new ones at once."""
        raw = self.tables.outcomes.array[self._resolved : self.tables.outcomes.size]
        node = places(self.layout.nodes)[raw[:, 0]]
        resolved = np.zeros((len(raw), 8), np.uint64)
        resolved[:, 0] = node[:, 0]
        resolved[:, 1] = (raw[:, 1] ^ raw[:, 2]).astype(np.uint64) << node[:, 1].astype(np.uint64)
        resolved[:, 4] = raw[:, 3]
        resolved[:, 7] = (raw[:, 4] << 16) | raw[:, 5]
        if self.network in {UNRELIABLE, BITSET}:
            self._resolve_sends(raw, resolved)
        self._outcomes.extend(resolved)
        self._resolved += len(raw)

    def _resolve_sends(self, raw: Ints, resolved: Bits) -> None:
        counts = raw[:, 5]
        if not counts.any():
            return
        owner = np.repeat(np.arange(len(raw)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        envelope = self.tables.sends.array[np.repeat(raw[:, 4], counts) + within]
        place = places(self.layout.envelopes)[envelope]
        order = np.lexsort((place[:, 0], owner))
        owner, word = owner[order], place[order, 0]
        bit = np.uint64(1) << place[order, 1].astype(np.uint64)
        starts = np.flatnonzero(np.r_[True, (owner[1:] != owner[:-1]) | (word[1:] != word[:-1])])
        owner, word, mask = owner[starts], word[starts], np.bitwise_or.reduceat(bit, starts)
        first = np.r_[True, owner[1:] != owner[:-1]]
        resolved[owner[first], 2], resolved[owner[first], 3] = word[first], mask[first]
        rest = ~first
        if rest.any():
            at = self._ors.extend(np.column_stack((word[rest].astype(np.uint64), mask[rest])))
            users, begins, numbers = np.unique(owner[rest], return_index=True, return_counts=True)
            resolved[users, 5], resolved[users, 6] = at + begins, numbers

    def _block(self) -> None:
        """Note which new envelopes travel over links that a partition cuts."""
        partitions, values = self.model.faults.partitions, self.tables.system.envelopes.values
        if not partitions:
            return
        if self._blocked.shape[1] < len(values):
            larger = np.zeros((len(partitions) + 1, len(values) * 2), np.uint8)
            larger[:, : self._blocked.shape[1]] = self._blocked
            self._blocked = larger
        for number in range(self._blocked_known, len(values)):
            envelope: Envelope = values[number]
            for cut, partition in enumerate(partitions, 1):
                self._blocked[cut, number] = (envelope.sender, envelope.receiver) in partition.links
        self._blocked_known = len(values)

    def wiring(self) -> Wiring:
        """The arrays as they are now."""
        tables, layout, model = self.tables, self.layout, self.model
        names = tables.system.budget_names
        slots = np.zeros(layout.words * WORD, np.int32)
        mask = np.zeros(layout.words, np.uint64)
        for number, place in enumerate(layout.envelopes):
            slots[place.word * WORD + place.shift :][: place.bits] = number
            mask[place.word] |= np.uint64(((1 << place.bits) - 1) << place.shift)
        loss = 0 if model.network.loss is None else 1 + names.index("loss") if "loss" in names else -1
        return Wiring(
            words=layout.words,
            network=self.network,
            loss=loss,
            duplicate=1 + names.index("duplicate") if "duplicate" in names else 0,
            partition=1 + names.index("partition") if "partition" in names else 0,
            partitions=len(model.faults.partitions),
            nodes=_rows(places(layout.nodes)),
            channels=_rows(places(layout.channels)) if layout.channels else np.zeros((0, 3), np.uint64),
            budgets=_rows(places(layout.budgets)),
            cut=_rows(places([layout.cut])),
            blocked=self._blocked,
            envelope_mask=mask,
            slots=slots,
            doors=tables.receiver.array[slots, :2] if tables.receiver.size else np.zeros((WORD, 2), np.int64),
            envelopes=_rows(places(layout.envelopes)),
            copies=model.network.copies if isinstance(model.network, Multiset) else 1,
            receiver=tables.receiver.array,
            steps=tables.steps.cells,
            step_base=tables.steps.base,
            step_stride=tables.steps.stride,
            queues=tables.queues.cells,
            queue_base=tables.queues.base,
            queue_stride=tables.queues.stride,
            outcomes=self._outcomes.array,
            ors=self._ors.array,
            sends=tables.sends.array,
            labels=tables.outcomes.array[:, 6],
            **self._symmetry(),
            reduced=self.masks.reduction.is_on,
            inert=self.masks.rows.cells,
            inert_base=self.masks.rows.base,
            inert_stride=self.masks.rows.stride,
            observer=tables.observer,
            histories=tables.histories.cells,
            history_base=tables.histories.base,
            history_stride=tables.histories.stride,
        )

    def _symmetry(self) -> dict[str, Any]:
        symmetry = self.symmetry
        if symmetry is None:
            nothing = Rows()
            images, roles, swaps, members = nothing, Rows(np.uint64), [], []
        else:
            images, roles, swaps, members = symmetry.images, symmetry.roles, symmetry.swaps, symmetry.members
        pairs = [(left, right, members.index(left), members.index(right)) for left, right in swaps]
        joined = {members.index(left) for left, _ in swaps}
        return {
            "swaps": np.array(pairs, np.int64).reshape(-1, 4),
            "members": len(members),
            "budget_images": self._budget_images(),
            "member_ends": np.array([at not in joined for at in range(len(members))], np.int64),
            "images": images.cells,
            "image_base": images.base,
            "image_stride": images.stride,
            "roles": roles.cells,
            "role_base": roles.base,
            "role_stride": roles.stride,
        }

    def _budget_images(self) -> Ints:
        symmetry, count = self.symmetry, len(self.tables.system.budget_names)
        if symmetry is None:
            return np.zeros((0, 0), np.int64)
        swaps = range(len(symmetry.swaps))
        images = [[symmetry.budget_image(number, swap) for number in range(count)] for swap in swaps]
        moved = any(row != list(range(count)) for row in images)
        return np.array(images if moved else [[] for _ in swaps], np.int64).reshape(len(images), -1)

    # -- single states -----------------------------------------------------------------------------------------

    def pack(self, state: State) -> Words:
        """A state as words. Everything in it must be known to the tables and fit the layout."""
        locals_, queues, flying = self.tables.numbers_of(state)
        return self.layout.pack([*locals_, *queues, *state.budgets, state.cut, *flying])

    def unpack(self, words: Words) -> State:
        """Words as a state."""
        layout = self.layout
        return self.tables.state_of(
            [place.read(words) for place in layout.nodes],
            [place.read(words) for place in layout.channels],
            [place.read(words) for place in layout.budgets],
            layout.cut.read(words),
            [place.read(words) for place in layout.envelopes],
        )


__all__ = ["BITSET", "COUNTERS", "ORDERED", "UNRELIABLE", "Wirer", "Wiring"]
