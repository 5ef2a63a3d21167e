"""The explored graph: every transition between the states found, for properties of whole executions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.kernel import OVERFLOW, Scratch, index_states, list_edges
from coordfsm.check.native.search import Search
from coordfsm.check.native.verdicts.judge import Judge

BATCH = 1 << 16


@dataclass(frozen=True)
class Graph:
    """Transitions that change the state, by their origin; a state may also stay as it is for ever.

    Attributes:
        present: per number: whether a state has it. The last number stands for all that is beyond the boundary.
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
    present = np.zeros(visited.end + 1, np.bool_)
    offsets = np.zeros(visited.end + 2, np.int64)
    most = search.transitions + search.kinds["cut_off"]
    targets = np.empty(most, np.uint32)
    labels = np.empty(most, np.int32)
    scratch = _scratch(search)
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
            while True:
                listed = list_edges(wiring, visited.store, scratch, slots, batch, shift, offsets, targets, labels, end)
                if listed != OVERFLOW:
                    break
                scratch = _scratch(search, 2 * len(scratch.hashes))
            end = listed
    offsets = np.maximum.accumulate(offsets)
    return Graph(present, offsets, targets[:end], labels[:end], search.starts)


def _scratch(search: Search, size: int = 0) -> Scratch:
    """A worker's memory with labels, for as many successors of a state as its own or so many."""
    known = search.workers[0].scratch
    size = max(size, len(known.hashes))
    buffer = known.buffer if size == len(known.hashes) else np.zeros(size * search.visited.words, np.uint64)
    return known._replace(buffer=buffer, hashes=np.zeros(size, np.uint64), labels=np.zeros(size, np.int64))


def truth(search: Search, judge: Judge) -> npt.NDArray[np.bool_]:
    """The value of a predicate in every state, by number; false for the last number, see `Graph`."""
    values = np.zeros(search.visited.end + 1, np.bool_)
    for first, last in search.segments:
        judge.holds(search.visited.store.states, np.arange(first, last, dtype=np.uint32), values)
    return values
