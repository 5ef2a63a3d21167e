"""The explored graph: every transition between the states found, for properties of whole executions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.kernel import index_states, list_edges
from coordfsm.check.native.search import Search
from coordfsm.check.native.verdicts.judge import Judge

BATCH = 1 << 16


@dataclass(frozen=True)
class Graph:
    """Transitions that change the state, by their origin; a state may also stay as it is for ever.

    Attributes:
        present: per number: whether a state has it.
        offsets: the transitions of state s are those from ``offsets[s]`` up to ``offsets[s + 1]``.
        targets: per transition: the number of the state it leads to.
        labels: per transition: what weak fairness is asked of; 0: nothing.
        starts: how many of the first numbers are initial states.
    """

    present: npt.NDArray[np.bool_]
    offsets: npt.NDArray[np.int64]
    targets: npt.NDArray[np.uint32]
    labels: npt.NDArray[np.int32]
    starts: int = 1

    @property
    def sources(self) -> npt.NDArray[np.int64]:
        """Per transition: the number of the state it leaves."""
        return np.repeat(np.arange(len(self.present)), np.diff(self.offsets))


def state_graph(search: Search) -> Graph:
    """The graph of an exhausted search."""
    visited, words = search.visited, search.visited.words
    bits = max(8, (2 * visited.end).bit_length())
    slots = np.zeros(1 << bits, np.uint32)
    shift = np.uint64(64 - bits)
    present = np.zeros(visited.end, np.bool_)
    offsets = np.zeros(visited.end + 1, np.int64)
    targets = np.empty(search.transitions, np.uint32)
    labels = np.empty(search.transitions, np.int32)
    scratch = search.workers[0].scratch._replace(labels=np.zeros(len(search.workers[0].scratch.hashes), np.int64))
    segments = search.segments
    for first, last in segments:
        present[first:last] = True
        index_states(words, visited.store.states, slots, first, last, shift)
    end, wiring = 0, search.wiring
    if wiring.reduced:  # see `Reduction.doubts`
        wiring = wiring._replace(loss=-1 if wiring.loss > 0 else wiring.loss, duplicate=0)
    for first, last in segments:
        for start in range(first, last, BATCH):
            batch = np.arange(start, min(start + BATCH, last), dtype=np.uint32)
            end = list_edges(wiring, visited.store, scratch, slots, batch, shift, offsets, targets, labels, end)
    offsets = np.maximum.accumulate(offsets)
    return Graph(present, offsets, targets[:end], labels[:end], search.starts)


def truth(search: Search, judge: Judge) -> npt.NDArray[np.bool_]:
    """The value of a predicate in every state, by number."""
    values = np.zeros(search.visited.end, np.bool_)
    for first, last in search.segments:
        judge.holds(search.visited.store.states, np.arange(first, last, dtype=np.uint32), values)
    return values
