"""The compiled machine: a plain table from (state, event) to rules, and the pure step over it.

This table, and nothing else, runs in the checker, the simulator and the runtime.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from coordfsm.kernel.data import Value
from coordfsm.kernel.declaration import (
    Machine,
    action_of,
    check_declaration,
    declared_transitions,
    guards_of,
    initial_leaf,
    leaves,
)
from coordfsm.kernel.effects import Effect
from coordfsm.kernel.errors import DeclarationError, UndeclaredEventError
from coordfsm.kernel.inputs import event_of

Guard = Callable[[Any, Any, Any], bool]
Action = Callable[[Any, Any, Any], tuple[Any, tuple[Effect, ...]]]


class Step(NamedTuple):
    """What one input did.

    Attributes:
        data: the new data (the same object when nothing changed).
        effects: what to do, in order.
        fired: names of the rules that fired, ``Machine: source --event--> target [guards]``. Empty when the input
            was ignored: an ignored input is not a transition.
    """

    data: Any
    effects: tuple[Effect, ...]
    fired: tuple[str, ...]


class Rule(NamedTuple):
    """One transition as compiled: tried in declared order, taken when every guard has its expected value."""

    source: str
    event: str
    target: str
    guards: tuple[tuple[Guard, bool], ...]
    guard_names: tuple[str, ...]
    action: Action | None
    action_name: str
    name: str


class TransitionTable:
    """A compiled machine.

    Attributes:
        declaration: the machine that was compiled; the drawing and the library's own engine start from it.
        name: the machine's class name.
        states: every leaf state id, declared order.
        initial: the initial state id.
        events: every event that the machine declares or ignores.
        rules: (state, event) to the rules in the order in which they are tried.
        ignored: (state, event) to the reason why an input that no rule takes is dropped.
    """

    def __init__(
        self,
        declaration: type[Machine],
        states: tuple[str, ...],
        initial: str,
        rules: dict[tuple[str, str], tuple[Rule, ...]],
        ignored: dict[tuple[str, str], str],
    ) -> None:
        self.declaration = declaration
        self.name = declaration.__name__
        self.states = states
        self.initial = initial
        self.rules = rules
        self.ignored = ignored
        self.events = frozenset(event for _, event in (*rules, *ignored))
        self.rule_names = tuple(rule.name for group in rules.values() for rule in group)

    def step(self, data: Any, given: Value, context: Any = None) -> Step:
        """Handle one input. Pure: the same arguments always give the same step.

        Args:
            data: the machine's data; its `state` field holds a leaf state id.
            given: the input.
            context: what guards and actions may read besides their own data.

        Raises:
            UndeclaredEventError: the pair (state, event) is neither handled nor declared ignored.
        """
        key = (data.state, event_of(given))
        for rule in self.rules.get(key, ()):
            for guard, expected in rule.guards:
                if guard(data, given, context) is not expected:
                    break
            else:
                return self._take(rule, data, given, context)
        if key in self.ignored:
            return Step(data, (), ())
        raise UndeclaredEventError(self.name, *key)

    @staticmethod
    def _take(rule: Rule, data: Any, given: Value, context: Any) -> Step:
        effects: tuple[Effect, ...] = ()
        if rule.action is not None:
            data, effects = rule.action(data, given, context)
        if data.state != rule.target:
            data = msgspec.structs.replace(data, state=rule.target)
        return Step(data, effects, (rule.name,))


def compile_machine(machine: type[Machine]) -> TransitionTable:
    """Compile a declaration into its table.

    Raises:
        DeclarationError: the declaration would act outside the table, or leaves a pair of state and event open.
    """
    check_declaration(machine)
    states = tuple(state.id for state in leaves(machine))
    rules: dict[tuple[str, str], list[Rule]] = {}
    for state in leaves(machine):
        for transition in declared_transitions(state):
            for event in transition.events:
                rule = _compile_rule(machine.__name__, state.id, str(event), transition)
                rules.setdefault((state.id, str(event)), []).append(rule)
    ignored = _expand_ignored(machine, states)
    _check_complete(machine.__name__, states, rules, ignored)
    initial = initial_leaf(next(state for state in machine.states if state.initial)).id
    return TransitionTable(machine, states, initial, {key: tuple(group) for key, group in rules.items()}, ignored)


def _compile_rule(machine: str, source: str, event: str, transition: Any) -> Rule:
    guards = guards_of(transition)
    names = tuple(function.__name__ if expected else f"not {function.__name__}" for function, expected in guards)
    action = action_of(transition)
    target = initial_leaf(transition.target).id
    condition = f" [{' and '.join(names)}]" if names else ""
    return Rule(
        source=source,
        event=event,
        target=target,
        guards=tuple((_with_context(function), expected) for function, expected in guards),
        guard_names=names,
        action=None if action is None else _with_context(action),
        action_name="" if action is None else action.__name__,
        name=f"{machine}: {source} --{event}--> {target}{condition}",
    )


def _with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    if len(inspect.signature(function).parameters) == 3:
        return function
    return lambda data, given, _context: function(data, given)


def _expand_ignored(machine: type[Machine], states: tuple[str, ...]) -> dict[tuple[str, str], str]:
    ignored: dict[tuple[str, str], str] = {}
    for (state, event), reason in machine.ignored.items():
        if state != "*" and state not in states:
            raise DeclarationError(f"{machine.__name__}: ignored names state {state!r}; states are {', '.join(states)}")
        if not reason:
            raise DeclarationError(f"{machine.__name__}: ignored ({state!r}, {event!r}) needs a reason")
        for name in states if state == "*" else (state,):
            ignored[name, event] = reason
    return ignored


def _check_complete(
    machine: str, states: tuple[str, ...], rules: dict[tuple[str, str], list[Rule]], ignored: dict[tuple[str, str], str]
) -> None:
    for event in sorted({event for _, event in (*rules, *ignored)}):
        for state in states:
            group = rules.get((state, event), [])
            closed = any(not rule.guards for rule in group)
            if closed and group[-1].guards:
                raise DeclarationError(f"{machine}: {group[-1].name} can never fire: an unguarded rule comes before it")
            if not closed and (state, event) not in ignored:
                gap = "only guarded rules" if group else "no rule"
                raise DeclarationError(f"{machine}: ({state}, {event}) has {gap}; add a rule or list it in `ignored`")
