"""Properties of whole executions on an explicit graph: short, slow, and the oracle of the native engine's.

Weak fairness is asked of the delivery of each envelope, the firing of each timer, the recovery of each node, the end
of a partition, and each command that its node calls fair (`Node.fair`): none of them may be possible for ever without
happening. What else the environment does of its own accord (other commands, crashes, losses, partitions) need never
happen. A step that is cut short by a crash counts as a crash. A state may also stay as it is for ever, unless something
that fairness is asked of is possible in it.

What leads beyond the model's boundary is possible, and no execution that is known does it: whoever may go there ends
neither here nor there.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from coordfsm.check.exploration.lassos import Lasso, fair_walk
from coordfsm.check.exploration.semantics import OUTSIDE, Action, State, System
from coordfsm.check.exploration.stores import StoreCopied
from coordfsm.kernel import Command, Received, TimerFired, event_of

Edge = tuple[Any, State]
"""What weak fairness calls a transition (None: nothing), and where it leads."""


def fairness_of(system: System, action: Action) -> Any:
    """What weak fairness is asked of when this action is possible; None for what need never happen."""
    if action.torn >= 0:
        return None
    if isinstance(action.given, Received):
        # Nothing forces a second process to start from a copy.
        forced = action.kind == "deliver" and not isinstance(action.given.message, StoreCopied)
        return ("deliver", action.node, action.given) if forced else None
    if isinstance(action.given, TimerFired):
        return "timeout", action.node, action.given.timer
    if action.kind == "command":
        return ("command", action.node, action.given) if is_fair(system, action.node, action.given) else None
    return (action.kind, action.node) if action.kind in {"recover", "heal"} else None


def is_fair(system: System, node: str, command: Command) -> bool:
    """Whether the node calls this command fair."""
    return event_of(command) in system.model.nodes[system.index[node]].fair


def edges_of(system: System, states: Iterable[State]) -> dict[State, set[Edge]]:
    """The transitions of each state that change it, those beyond the boundary included."""
    return {
        state: {(fairness_of(system, action), after) for action, after in system.transitions(state) if after != state}
        for state in states
    }


def stuck(edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]) -> set[State]:
    """The states, reachable from a start without the goal, in which a fair execution can stay without the goal."""
    return set().union(*_fair_components(edges, starts, goal))


def goes_outside(edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]) -> bool:
    """Whether a way from a start leads beyond the boundary before it comes to the goal."""
    return OUTSIDE in _reached(edges, starts, goal)


def cannot_reach(edges: Iterable[tuple[State, State]], states: Iterable[State], good: Iterable[State]) -> list[State]:
    """Those of the states, in their order, from which no good one can be reached."""
    backwards: dict[State, list[State]] = {}
    for source, target in edges:
        backwards.setdefault(target, []).append(source)
    reached = set(good)
    waiting = list(reached)
    while waiting:
        for source in backwards.get(waiting.pop(), ()):
            if source not in reached:
                reached.add(source)
                waiting.append(source)
    return [state for state in states if state not in reached]


def lasso_of(
    edges: Mapping[State, set[Edge]], depths: Mapping[State, int], starts: Iterable[State], goal: set[State]
) -> Lasso[State] | None:
    """A fair execution from a start on which the goal never holds, the way to its loop being as short as there is one.

    Args:
        edges: of every state.
        depths: how far each state is from an initial one, in the order in which the states were found.
        starts: where the goal is due.
        goal: where it holds.
    """
    components = list(_fair_components(edges, starts, goal))
    stem = _stem(edges, depths, [state for state in starts if state not in goal], goal, set().union(*components))
    if not stem:
        return None
    component = next(component for component in components if stem[-1] in component)
    numbers = {state: number for number, state in enumerate(state for state in depths if state in component)}
    states = list(numbers)
    labels = {label: number for number, label in enumerate(sorted(_labels(edges, component), key=repr), 1)}
    inner = {
        numbers[state]: {(numbers.get(after, -1), labels.get(label, 0)) for label, after in edges[state]}
        for state in component
    }
    return Lasso(stem, [states[number] for number in fair_walk(inner, numbers[stem[-1]])])


def _labels(edges: Mapping[State, set[Edge]], states: Iterable[State]) -> set[Any]:
    return {label for state in states for label, _ in edges[state]} - {None}


def _stem(
    edges: Mapping[State, set[Edge]],
    depths: Mapping[State, int],
    starts: Iterable[State],
    goal: set[State],
    wanted: set[State],
) -> list[State]:
    """The way without the goal from a start to a wanted state, as short as there is one from an initial state on."""
    order = {state: number for number, state in enumerate(depths)}
    came: dict[State, State | None] = dict.fromkeys(starts)
    waiting = [(depths[state], order[state], state) for state in came]
    far = {state: depths[state] for state in came}
    heapify(waiting)
    while waiting:
        distance, _, state = heappop(waiting)
        if state in wanted:
            stem = [state]
            while (before := came[stem[-1]]) is not None:
                stem.append(before)
            return stem[::-1]
        for _, after in edges[state]:
            if after is not OUTSIDE and after not in goal and distance + 1 < far.get(after, len(depths) + distance):
                far[after], came[after] = distance + 1, state
                heappush(waiting, (distance + 1, order[after], after))
    return []


def _fair_components(
    edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]
) -> Iterator[set[State]]:
    """The components, reachable from a start without the goal, in which a fair execution can stay without the goal."""
    for component in _components(edges, _reached(edges, starts, goal) - {OUTSIDE}):
        wanted = set.intersection(*({label for label, _ in edges[state]} for state in component)) - {None}
        done = {label for state in component for label, after in edges[state] if after in component}
        if wanted <= done:
            yield component


def _reached(edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]) -> set[State]:
    """What can be reached from a start without the goal; `OUTSIDE` among it if that is beyond the boundary."""
    reached = {state for state in starts if state not in goal}
    waiting = list(reached)
    while waiting:
        for _, after in edges[waiting.pop()]:
            if after not in goal and after not in reached:
                reached.add(after)
                if after is not OUTSIDE:
                    waiting.append(after)
    return reached


def _components(edges: Mapping[State, set[Edge]], inside: set[State]) -> Iterator[set[State]]:
    """Strongly connected components (Kosaraju: finish times forwards, then sweeps backwards)."""
    finished: list[State] = []
    seen: set[State] = set()
    backwards: dict[State, list[State]] = {state: [] for state in inside}
    for root in inside:
        stack: list[tuple[State, bool]] = [(root, False)]
        while stack:
            state, done = stack.pop()
            if done:
                finished.append(state)
            elif state not in seen:
                seen.add(state)
                stack.append((state, True))
                stack.extend((after, False) for _, after in edges[state] if after in inside)
        for _, after in edges[root]:
            if after in inside:
                backwards[after].append(root)
    taken: set[State] = set()
    for root in reversed(finished):
        component: set[State] = set()
        waiting = [root]
        while waiting:
            state = waiting.pop()
            if state not in taken:
                taken.add(state)
                component.add(state)
                waiting.extend(backwards[state])
        if component:
            yield component
