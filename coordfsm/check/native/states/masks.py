"""The messages that a reduction leaves out, as the bits of packed states."""

import numpy as np

from coordfsm.check.exploration.reduction import Reduction
from coordfsm.check.native.states.growing import Rows
from coordfsm.check.native.states.layout import Layout
from coordfsm.check.native.steps.tables import Tables


class Masks:
    """Per node and local state: the bits that stand for messages that are inert there.

    Attributes:
        rows: a row a local state (by its number in the node's table), a column a word.
    """

    def __init__(self, tables: Tables, reduction: Reduction) -> None:
        self.tables = tables
        self.reduction = reduction
        self.rows = Rows(np.uint64, tables.resident)
        self._layout: Layout | None = None
        self._known: list[int] = []

    def update(self, layout: Layout) -> None:
        """Resolve the local states that are new, or all of them in a new layout."""
        if layout is not self._layout:
            self._layout, self.rows = layout, Rows(np.uint64, self.tables.resident)
            self._known = [0] * len(self.tables.node_locals)
        for position, identifiers in enumerate(self.tables.node_locals):
            self.rows.ensure(position, len(identifiers), layout.words)
            inert = {} if position == self.tables.observer else self.reduction.inert[position]
            for number in range(self._known[position], len(identifiers)):
                for word, mask in layout.envelope_bits(inert.get(identifiers[number], 0)).items():
                    self.rows.put(position, number, word, mask)
            self._known[position] = len(identifiers)
