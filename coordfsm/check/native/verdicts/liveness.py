"""Properties of whole executions, on the explored graph.

An execution is fair when everything that weak fairness is asked of (the delivery of each envelope, the firing of each
timer, the recovery of each node, the end of a partition, each command that its node calls fair) either happens again
and again or is not possible again and again. It may stay in a state for ever where none of these is possible. A
property that something happens at last is violated exactly if, within the states where it has not happened, a strongly
connected component can be reached in which a fair execution can stay (Lichtenstein and Pnueli, 1985). Weak fairness
needs no component smaller than maximal: what a component never does and never stops being able to do, no part of it
does or stops being able to do. What leads beyond the boundary is possible and never done.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from coordfsm.check.exploration.lassos import Lasso, fair_walk
from coordfsm.check.native.search import Search
from coordfsm.check.native.states.resident import TooLargeError
from coordfsm.check.native.verdicts.graph import Graph, state_graph, truth
from coordfsm.check.native.verdicts.judge import Judge

Flags = npt.NDArray[np.bool_]

EXECUTION_KINDS = ("reachable", "eventually", "leads_to")
BYTES_A_TRANSITION = 40  # of the graph and of what is computed from it


def check_executions(search: Search) -> None:
    """Check the properties of whole executions of an exhausted search, in the model's order, up to a violated one."""
    items = [item for item in search.model.properties if item.kind in EXECUTION_KINDS]
    if not items:
        return
    graph_bytes = search.transitions * BYTES_A_TRANSITION
    if graph_bytes > search.visited.most_bytes:
        raise TooLargeError
    search.tables.resident.take(graph_bytes)
    graph, is_cut = state_graph(search), search.kinds["cut_off"] > 0
    for item in items:
        goal = truth(search, Judge([item], search.wirer))
        if item.kind == "reachable":
            lost = never_good(graph, goal)
            if lost is not None:
                search.found.violated = (item, lost)
                return
            if is_cut and never_good(graph, goal, beyond=False) is not None:
                search.found.beyond.append(item)
            continue
        starts = np.arange(len(goal)) < search.starts
        if item.kind == "leads_to":
            starts = truth(search, Judge([item], search.wirer, [item.trigger]))
            if not starts.any():
                search.found.untriggered.add(item.id)
        lasso = find_lasso(graph, starts, goal)
        if lasso is not None:
            search.found.violated, search.found.lasso = (item, lasso.stem[0]), lasso
            return
        if is_cut and goes_outside(graph, starts, goal):
            search.found.beyond.append(item)


def find_lasso(graph: Graph, starts: Flags, goal: Flags) -> Lasso[int] | None:
    """A fair execution from a start on which the goal never holds; None if there is none.

    The way from the initial state to the loop, by way of the start, is as short as there is one.
    """
    inside = graph.present & ~goal
    depth, _ = _spread(graph, np.arange(graph.starts), graph.present)
    begins = np.flatnonzero(starts & inside)
    distance, origin = _spread(graph, begins, inside, depth[begins])
    inside &= distance >= 0
    component, fair = _fair_components(graph, inside)
    candidates = np.flatnonzero(inside)
    candidates = candidates[fair[component[candidates]]]
    if len(candidates) == 0:
        return None
    entry = int(candidates[np.argmin(distance[candidates])])
    stem = [entry]
    while origin[stem[-1]] >= 0:
        stem.append(int(origin[stem[-1]]))
    members = np.flatnonzero(component == component[entry]).tolist()
    return Lasso(stem[::-1], fair_walk({state: _edges(graph, state) for state in members}, entry))


def goes_outside(graph: Graph, starts: Flags, goal: Flags) -> bool:
    """Whether a way from a start leads beyond the boundary before it comes to the goal."""
    open_ = ~goal
    distance, _ = _spread(graph, np.flatnonzero(starts & open_), open_)
    return bool(distance[-1] >= 0)


def never_good(graph: Graph, good: Flags, *, beyond: bool = True) -> int | None:
    """A state nearest to the initial one from which no good state can be reached; None if there is none.

    What is beyond the boundary counts as good, or not.
    """
    size = len(graph.present)
    ones = np.ones(len(graph.targets), np.int8)
    reverse = csr_array((ones, graph.targets, graph.offsets), shape=(size, size)).tocsc()
    backwards = Graph(graph.present, reverse.indptr.astype(np.int64), reverse.indices.astype(np.uint32), graph.labels)
    wanted = good & graph.present
    wanted[-1] = beyond
    distance, _ = _spread(backwards, np.flatnonzero(wanted), graph.present)
    lost = np.flatnonzero(graph.present & (distance < 0))
    if len(lost) == 0:
        return None
    # Threads number the states of later levels before those of earlier ones.
    depth, _ = _spread(graph, np.arange(graph.starts), graph.present)
    return int(lost[np.argmin(depth[lost])])


def _spread(
    graph: Graph, starts: npt.NDArray[np.int64], inside: Flags, lead: npt.NDArray[np.int32] | None = None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Breadth-first within `inside`: distance from the starts (-1: not reached) and predecessor (-1: a start).

    Each start may be some way off itself (`lead`).
    """
    lead = np.zeros(len(starts), np.int32) if lead is None else lead
    distance = np.full(len(graph.present), -1, np.int32)
    origin = np.full(len(graph.present), -1, np.int64)
    distance[starts] = lead
    level, frontier = 0, starts[lead == 0]
    while len(frontier) or level < lead.max(initial=0):
        level += 1
        counts = graph.offsets[frontier + 1] - graph.offsets[frontier]
        sources = np.repeat(frontier, counts)
        within = np.arange(len(sources)) - np.repeat(np.cumsum(counts) - counts, counts)
        targets = graph.targets[graph.offsets[sources] + within].astype(np.int64)
        new = inside[targets] & (distance[targets] < 0)
        frontier, first = np.unique(targets[new], return_index=True)
        distance[frontier] = level
        origin[frontier] = sources[new][first]
        frontier = np.concatenate([frontier, starts[lead == level]])
    return distance, origin


def _fair_components(graph: Graph, inside: Flags) -> tuple[npt.NDArray[np.int32], Flags]:
    """The component of each state, and which components a fair execution can stay in for ever."""
    sources, size = graph.sources, len(graph.present)
    targets = graph.targets.astype(np.int64)
    inner = inside[sources] & inside[targets]
    matrix = csr_array((np.ones(int(inner.sum()), np.int8), (sources[inner], targets[inner])), shape=(size, size))
    count, component = connected_components(matrix, connection="strong")
    labels = graph.labels.astype(np.int64)
    width = int(labels.max(initial=0)) + 1
    # (component, label) pairs: possible in how many of its states, and done by a transition within it
    possible = inside[sources] & (labels > 0)
    in_states = np.unique(sources[possible] * width + labels[possible])
    pairs, numbers = np.unique(component[in_states // width] * width + in_states % width, return_counts=True)
    within = inner & (component[sources] == component[targets]) & (labels > 0)
    done = np.unique(component[sources[within]] * width + labels[within])
    always = numbers == np.bincount(component[inside], minlength=count)[pairs // width]
    unfair = pairs[always & ~np.isin(pairs, done)] // width
    fair = np.ones(count, np.bool_)
    fair[unfair] = False
    return component, fair


def _edges(graph: Graph, state: int) -> set[tuple[int, int]]:
    span = slice(int(graph.offsets[state]), int(graph.offsets[state + 1]))
    return set(zip(graph.targets[span].tolist(), graph.labels[span].tolist(), strict=True))
