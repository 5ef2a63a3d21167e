"""Steps a saved trace again through the real machines, and looks whether its property is still violated."""

from dataclasses import dataclass

from coordfsm.check.exploration.reference import DEADLOCK, ERROR, holds_in, may_rest
from coordfsm.check.exploration.semantics import OUTSIDE, Action, State, StepError, System
from coordfsm.check.modelling.model import Model, Property
from coordfsm.check.traces.trace import Trace, TraceFileError, action_key, build_trace

REACHABLE_STATES = 1_000_000
"""States explored at most, to confirm that no good state can be reached from the end of a trace."""


@dataclass(frozen=True)
class Replay:
    """What replaying a trace gave.

    Attributes:
        trace: the trace as the machines gave it now.
        violated: whether its property is violated, as the file says.
        same: whether every step changed and sent exactly what the file says.
    """

    trace: Trace
    violated: bool
    same: bool


def replay(model: Model, trace: Trace) -> Replay:
    """Step `model` through the choices of a saved trace.

    Raises:
        TraceFileError: the trace does not fit the model: other nodes, unknown property, or a step that cannot happen.
    """
    item = _property(model, trace)
    names = tuple(node.name for node in model.nodes)
    if names != trace.nodes:
        raise TraceFileError(f"the trace is of nodes {', '.join(trace.nodes)}, the model has {', '.join(names)}")
    if not 0 <= trace.loop <= len(trace.steps):
        raise TraceFileError(f"loop {trace.loop}: the trace has {len(trace.steps)} steps")
    system = System(model)
    path: list[tuple[Action | None, State]] = [(None, first_of(system, trace))]
    for number, step in enumerate(trace.steps, 1):
        path.append(_follow(system, path[-1][1], number, step.action))
    again = build_trace(system, path, item.id, item.statement, mutant=trace.mutant, loop=trace.loop)
    return Replay(again, _is_violated(system, item, [state for _, state in path], trace), again.steps == trace.steps)


def first_of(system: System, trace: Trace) -> State:
    """The initial state that a trace begins with.

    Raises:
        TraceFileError: the model has no such start.
    """
    starts = dict(system.starts)
    if trace.start not in starts:
        known = ", ".join(map(repr, starts))
        raise TraceFileError(f"the trace starts with {trace.start!r}; the starts of the model are {known}")
    return starts[trace.start]


def _property(model: Model, trace: Trace) -> Property:
    known = {item.id: item for item in model.properties}
    known["deadlock"] = DEADLOCK
    known[ERROR] = Property(ERROR, trace.statement, lambda _observations: False)
    if trace.property not in known:
        raise TraceFileError(f"the trace violates {trace.property!r}; model {model.name} has {', '.join(known)}")
    return known[trace.property]


def _follow(system: System, state: State, number: int, key: str) -> tuple[Action, State]:
    try:
        for action, successor in system.successors(state):
            if action_key(action) == key:
                return action, successor
    except StepError as error:
        raise TraceFileError(f"step {number} does not fit the model: {error}") from error
    raise TraceFileError(
        f"step {number} cannot happen in the model as it is now: it has changed since the trace was saved"
    )


def _is_violated(system: System, item: Property, states: list[State], trace: Trace) -> bool:
    if item.kind in {"eventually", "leads_to"}:
        return _is_bad_lasso(system, item, states, trace.loop)
    return violated_in(system, item, states[-1])


def violated_in(system: System, item: Property, state: State) -> bool:
    """Whether a property, the freedom of deadlocks or that of errors is violated in one state."""
    if item.id == ERROR:
        return _raises(system, state)
    if item is DEADLOCK:
        return next(system.transitions(state), None) is None and not may_rest(system, state)
    if item.kind == "reachable":
        return not _can_reach(system, item, state)
    return not holds_in(system, item, state)


def _raises(system: System, state: State) -> bool:
    try:
        for _ in system.successors(state):
            pass
    except StepError:
        return True
    return False


def _can_reach(system: System, item: Property, start: State) -> bool:
    """Whether a good state can be reached; one that was not found within the bounds counts as reachable."""
    seen, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        if state is OUTSIDE or holds_in(system, item, state) or len(seen) > REACHABLE_STATES:
            return True
        for _, successor in system.transitions(state):
            if successor not in seen:
                seen.add(successor)
                waiting.append(successor)
    return False


def _is_bad_lasso(system: System, item: Property, states: list[State], loop: int) -> bool:
    """Whether the loop closes and stays bad, from the trigger (or the start) on."""
    bad = [not holds_in(system, item, state) for state in states]
    if item.kind == "eventually":
        return states[loop] == states[-1] and all(bad)
    assert item.trigger is not None
    triggered = [holds_in(system, item, state, item.trigger) for state in states]
    return states[loop] == states[-1] and any(
        triggered[number] and all(bad[number:]) and all(bad[loop:]) for number in range(len(states))
    )
