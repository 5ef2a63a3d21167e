"""Properties of whole executions on an explicit graph: short, slow, and the oracle of the native engine's.

Weak fairness is asked of the delivery of each envelope, the firing of each timer, the recovery of each node, the end
of a partition, and each command that its node calls fair (`Node.fair`): none of them may be possible for ever without
happening. What else the environment does of its own accord (other commands, crashes, losses, partitions) need never
happen. A step that is cut short by a crash counts as a crash. A state may also stay as it is for ever, unless something
that fairness is asked of is possible in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coordfsm.check.exploration.semantics import Action, State, System
from coordfsm.kernel import Command, Received, TimerFired, event_of

Edge = tuple[Any, State]
"""What weak fairness calls a transition (None: nothing), and where it leads."""


def fairness_of(system: System, action: Action) -> Any:
    """What weak fairness is asked of when this action is possible; None for what need never happen."""
    if action.torn >= 0:
        return None
    if isinstance(action.given, Received):
        return ("deliver", action.node, action.given) if action.kind == "deliver" else None
    if isinstance(action.given, TimerFired):
        return "timeout", action.node, action.given.timer
    if action.kind == "command":
        return ("command", action.node, action.given) if is_fair(system, action.node, action.given) else None
    return (action.kind, action.node) if action.kind in {"recover", "heal"} else None


def is_fair(system: System, node: str, command: Command) -> bool:
    """Whether the node calls this command fair."""
    return event_of(command) in system.model.nodes[system.index[node]].fair


def edges_of(system: System, states: Iterable[State]) -> dict[State, set[Edge]]:
    """The transitions of each state that change it."""
    return {
        state: {(fairness_of(system, action), after) for action, after in system.successors(state) if after != state}
        for state in states
    }


def stuck(edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]) -> set[State]:
    """The states, reachable from a start without the goal, in which a fair execution can stay without the goal."""
    inside = _reached(edges, (state for state in starts if state not in goal), goal)
    found: set[State] = set()
    for component in _components(edges, inside):
        wanted = set.intersection(*({label for label, _ in edges[state]} for state in component)) - {None}
        done = {label for state in component for label, after in edges[state] if after in component}
        if wanted <= done:
            found |= component
    return found


def _reached(edges: Mapping[State, set[Edge]], starts: Iterable[State], goal: set[State]) -> set[State]:
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for _, after in edges[waiting.pop()]:
            if after not in goal and after not in reached:
                reached.add(after)
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
