"""The reference explorer: the definition of what an exploration is, and the oracle of the native engine.

Breadth-first, so the first counterexample is a shortest one; exact, so no state is lost to a collision.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coordfsm.check.exploration.fairness import cannot_reach, edges_of, goes_outside, lasso_of
from coordfsm.check.exploration.lassos import Lasso
from coordfsm.check.exploration.reduction import Reduction, watching
from coordfsm.check.exploration.report import NO_LIMITS, Limits, Progress, PropertyResult, Report, Verdict, overall
from coordfsm.check.exploration.semantics import OUTSIDE, Action, State, StepError, System
from coordfsm.check.modelling.combinators import of_nodes
from coordfsm.check.modelling.model import Model, Property
from coordfsm.check.traces.trace import build_trace

PROGRESS_EVERY = 4096  # expanded states between two looks at the clock

DEADLOCK = Property(
    "deadlock", "A state in which nothing can happen is one in which every node may rest.", lambda _observations: True
)


ERROR = "error"
"""The id under which a step that raised is reported; the counterexample ends where the step begins."""


@dataclass
class _Search:
    """What a breadth-first search has found so far."""

    system: System
    reduction: Reduction
    parents: dict[State, State | None] = field(default_factory=dict)
    depths: dict[State, int] = field(default_factory=dict)
    edges: list[tuple[State, State]] = field(default_factory=list)
    witnesses: dict[str, int] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    transitions: int = 0
    depth: int = 1
    stopped: str | None = None
    violated: tuple[Property, State] | None = None
    lasso: Lasso[State] | None = None
    untriggered: set[str] = field(default_factory=set)
    beyond: list[Property] = field(default_factory=list)  # whose verdict lies beyond the boundary
    cut_off: int = 0


def explore(
    model: Model,
    limits: Limits = NO_LIMITS,
    progress: Callable[[Progress], None] | None = None,
    *,
    mutant: str = "",
    por: bool = False,
) -> Report:
    """Explore every reachable state of a model, or stop at the first violation or limit.

    Args:
        model: what to explore.
        limits: when to stop early; the verdict is then ``incomplete``.
        progress: called from time to time while running.
        mutant: the name of the broken variant that `model` was built with, for the counterexample.
        por: leave messages out that can have no effect any more, see `Reduction`; the counts are then smaller.

    Raises:
        StepError: a node cannot even start.
    """
    started = time.monotonic()
    system = System(model)
    reduction = Reduction(system, system.outcomes, watching(limits, progress, started), wanted=por)
    while True:
        search = _round(_Search(system, reduction), limits, progress, started)
        exhausted = search.stopped in {None, told_depth(limits)}
        doubtful = [*search.beyond, *([] if search.violated is None else [search.violated[0]])]
        if not exhausted or not reduction.goes_on(len(search.parents), doubtful):
            break
    return _report(search, time.monotonic() - started, mutant)


def _round(search: _Search, limits: Limits, progress: Callable[[Progress], None] | None, started: float) -> _Search:
    """Explore from the beginning, once."""
    try:
        _run(search, limits, progress, started)
    except KeyboardInterrupt:
        search.stopped = "interrupted"
    finally:
        search.system.raised = None
    search.reduction.meet(search.system.sent)
    if search.violated is not None and search.stopped is not None:
        if search.reduction.is_whole:
            search.stopped = None  # cut short, but for a violation that is one
        else:
            search.violated = None
    if search.violated is None and search.stopped is None and search.reduction.is_whole:
        _check_executions(search)
    return search


def _run(search: _Search, limits: Limits, progress: Callable[[Progress], None] | None, started: float) -> None:
    system, model, reduction = search.system, search.system.model, search.reduction
    keep_edges = any(item.kind == "reachable" for item in model.properties)
    firsts = [state for _, state in system.starts]
    reduction.meet(system.sent)
    reduction.begin_round()
    frontier = list(dict.fromkeys(map(reduction.normal, firsts)))
    search.transitions = len(frontier)
    level = _Level()
    for first in frontier:
        search.parents[first], search.depths[first] = None, 1
        level.note(_look(search, first), first)
    search.violated = level.violated(model)
    if search.violated is not None:
        return
    while frontier:
        following: list[State] = []
        level = _Level()
        for number, state in enumerate(frontier):
            if number % PROGRESS_EVERY == 0 and _over(search, limits, progress, started, len(frontier) - number):
                break
            _expand(search, state, level, following, keep_edges=keep_edges)
        search.violated = level.violated(model)
        if search.violated is not None:
            search.depth += search.violated[0] in model.properties
            return
        if search.stopped is not None or reduction.is_stale(system.sent, len(search.parents)):
            return
        if following and limits.max_depth is not None and search.depth >= limits.max_depth:
            search.stopped = told_depth(limits)
            return
        frontier = following
        search.depth += bool(following)


def _expand(search: _Search, state: State, level: "_Level", following: list[State], *, keep_edges: bool) -> None:
    """Take every step out of a state."""
    system, reduction = search.system, search.reduction
    alive = False
    raised: list[StepError] = []
    system.raised = raised
    for action, after in system.transitions(state):
        alive = True  # what goes on beyond the boundary is no deadlock
        if after is OUTSIDE:
            search.cut_off += 1
            if keep_edges and reduction.counts(action):
                search.edges.append((state, OUTSIDE))
            continue
        successor = reduction.normal(after)
        search.transitions += 1
        search.taken[kind_of(action)] += 1
        if keep_edges and reduction.counts(action):
            search.edges.append((state, successor))
        if successor not in search.parents:
            search.parents[successor] = state
            search.depths[successor] = search.depth + 1
            level.note(_look(search, successor), successor)
            following.append(successor)
    system.raised = None
    for error in raised:
        level.raised.setdefault(str(error), state)
    if not alive and not raised and system.model.deadlock and not may_rest(system, state):
        level.dead = level.dead or state


@dataclass
class _Level:
    """What is wrong in a level of the search, and in the steps out of it.

    Of all violations the shortest is told, and of those as short as it the first of: a step that raises, invariants in
    the model's order, deadlock. A state of this level that is dead comes before a step out of it.
    """

    dead: State | None = None
    raised: dict[str, State] = field(default_factory=dict)
    broken: tuple[int, State] | None = None

    def note(self, place: int | None, state: State) -> None:
        """Note the invariant, by its place in the model, that a new state breaks."""
        if place is not None and (self.broken is None or place < self.broken[0]):
            self.broken = place, state

    def violated(self, model: Model) -> tuple[Property, State] | None:
        """The violation that is told."""
        if self.dead is not None:
            return DEADLOCK, self.dead
        if self.raised:
            told = min(self.raised)
            return Property(ERROR, told, lambda _observations: False), self.raised[told]
        return None if self.broken is None else (model.properties[self.broken[0]], self.broken[1])


def told_depth(limits: Limits) -> str:
    """How a search says that it went no deeper."""
    return f"depth {limits.max_depth}"


def _over(
    search: _Search, limits: Limits, progress: Callable[[Progress], None] | None, started: float, frontier: int
) -> bool:
    seconds = time.monotonic() - started
    states = len(search.parents)
    if progress is not None:
        now = Progress(states, search.transitions, frontier, search.depth, seconds, round=search.reduction.round)
        progress(now)
    if search.reduction.interrupted:
        search.stopped = "interrupted"
    elif limits.max_states is not None and states >= limits.max_states:
        search.stopped = f"{limits.max_states} states"
    elif limits.max_seconds is not None and seconds >= limits.max_seconds:
        search.stopped = f"{limits.max_seconds:g} seconds"
    return search.stopped is not None


def holds_in(system: System, item: Property, state: State, predicate: Callable[..., bool] | None = None) -> bool:
    """Whether a property's predicate (or another of the same shape) is true in one state."""
    observations = tuple(system.observed(item, local) for local in state.locals)
    chosen = of_nodes(predicate or item.predicate, len(system.model.nodes))
    return chosen(observations, system.looked_at(item, state)) if item.messages else chosen(observations)


def _look(search: _Search, state: State) -> int | None:
    """Check the invariants and witnesses of a new state; the place of the first invariant that is violated."""
    broken = None
    for place, item in enumerate(search.system.model.properties):
        if item.kind == "invariant" and broken is None and not holds_in(search.system, item, state):
            broken = place
        if item.kind == "sometimes" and item.id not in search.witnesses and holds_in(search.system, item, state):
            search.witnesses[item.id] = search.depths[state]
    return broken


def may_rest(system: System, state: State) -> bool:
    """Whether every node may stay for ever as it is in this state."""
    return all(node.may_rest(system.local(state, position)) for position, node in enumerate(system.model.nodes))


def _check_executions(search: _Search) -> None:
    """Check the properties of whole executions, in the model's order, up to a violated one."""
    model = search.system.model
    is_fair = any(item.kind in {"eventually", "leads_to"} for item in model.properties)
    edges = edges_of(search.system, search.parents) if is_fair else {}
    for item in model.properties:
        if item.kind not in {"reachable", "eventually", "leads_to"}:
            continue
        good = {state for state in search.parents if holds_in(search.system, item, state)}
        if item.kind == "reachable":
            lost = cannot_reach(search.edges, search.parents, [*good, OUTSIDE])
            violated = lost[0] if lost else None
            is_beyond = bool(cannot_reach(search.edges, search.parents, good))
        else:
            starts = [state for state, parent in search.parents.items() if parent is None]
            if item.kind == "leads_to":
                starts = [state for state in search.parents if holds_in(search.system, item, state, item.trigger)]
                search.untriggered |= set() if starts else {item.id}
            search.lasso = lasso_of(edges, search.depths, starts, good)
            violated = None if search.lasso is None else search.lasso.stem[0]
            is_beyond = goes_outside(edges, starts, good)
        if violated is not None:
            search.violated = item, violated
            return
        search.beyond += [item] if is_beyond else []


def _path(search: _Search, state: State) -> list[State]:
    path = [state]
    while (parent := search.parents[path[-1]]) is not None:
        path.append(parent)
    return path[::-1]


def kind_of(action: Action) -> str:
    """The kind of an action, with torn steps and duplications apart."""
    if action.torn >= 0:
        return "torn"
    return "duplicate" if action.copied else action.kind


def _report(search: _Search, seconds: float, mutant: str) -> Report:
    system, model = search.system, search.system.model
    extra = [DEADLOCK] if model.deadlock else []
    if search.violated is not None and search.violated[0].id == ERROR:
        extra.append(search.violated[0])
    results = tuple(_result(search, item) for item in (*model.properties, *extra))
    verdict = overall(results, search.stopped)
    counterexample = None
    if search.violated is not None:
        item, state = search.violated
        states, loop = _path(search, state), 0
        if search.lasso is not None:
            states += search.lasso.stem[1:]
            loop = len(states) - 1
            states += search.lasso.loop
        path = search.reduction.unfolded(states)
        counterexample = build_trace(system, path, item.id, item.statement, mutant=mutant, loop=loop)
    declared: dict[str, Any] = dict.fromkeys(name for node in model.nodes for name in node.rules)
    return Report(
        model=model.name,
        parameters=dict(model.parameters),
        verdict=verdict,
        distinct_states=len(search.parents),
        transitions=search.transitions,
        depth=search.depth,
        seconds=seconds,
        properties=results,
        never_fired=tuple(name for name in declared if name not in system.fired),
        counterexample=counterexample,
        stopped=search.stopped,
        cut_off=search.cut_off,
        faults=dict(sorted(search.taken.items())),
        details={
            "states_per_second": round(len(search.parents) / max(seconds, 1e-9)),
            **search.reduction.told(),
        },
    )


def _result(search: _Search, item: Property) -> PropertyResult:
    kind = item.id if item is DEADLOCK or item.id == ERROR else item.kind
    witness = search.witnesses.get(item.id)
    is_beyond = item in search.beyond or (kind == "sometimes" and search.cut_off > 0)
    verdict: Verdict
    if search.violated is not None and search.violated[0] is item:
        verdict = "violated"
    elif witness is not None:
        verdict = "holds"
    elif search.stopped is not None or search.violated is not None or is_beyond:
        verdict = "incomplete"
    else:
        verdict = "violated" if kind == "sometimes" else "holds"
    return PropertyResult(item.id, kind, verdict, witness, item.id in search.untriggered)
