"""How a machine is declared, and what a declaration may not do.

A machine is a python-statemachine class: states, events, transitions, with guards and actions as named
module-level functions. The library validates the graph (unreachable states, traps) and draws it. Two rules
keep the declaration the whole truth:

1. Nothing may act outside a declared transition: no `on_*`, `before_*`, `after_*` or `*_state` hooks, no validators, no
   listeners, no delays, no eventless transitions.
2. Every (state, event) pair is accounted for: handled by an unguarded last rule, or listed in `ignored`.

Shapes: a guard is ``(data, input[, context]) -> bool``; an action is
``(data, input[, context]) -> (data, effects)``. `context` is what the composition lends the machine to read
(the current view, say); a machine that stands alone takes two arguments.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast

from statemachine import Event, State, StateChart
from statemachine.transition import Transition

from coordfsm.kernel.errors import DeclarationError

EVENT_PREFIXES = ("recv_", "timeout_", "local_")

_HOOK_PREFIXES = ("on_", "before_", "after_", "prepare_", "validate_")
_DECLARATION_SWITCHES = frozenset(
    {"ignored", "validate_final_reachability", "validate_trap_states", "validate_disconnected_states"}
)
_RESERVED_STATE_IDS = frozenset(dir(StateChart))


class Machine(StateChart[Any]):
    """Base of every declaration.

    Attributes:
        ignored: the (state, event) pairs, or (``"*"``, event) for all states, whose input is dropped when no
            rule applies, each with the reason. A listed pair that is also handled needs the entry only when
            all its rules are guarded.
    """

    ignored: ClassVar[Mapping[tuple[str, str], str]] = {}
    catch_errors_as_events = False


def leaves(machine: type[Machine]) -> Iterator[State]:
    """The states that a machine can be in: declared order, compound states replaced by their children."""

    def walk(states: Any) -> Iterator[State]:
        for state in states:
            if state.states:
                yield from walk(state.states)
            else:
                yield state

    yield from walk(machine.states)


def events_of(machine: type[Machine]) -> tuple[Event, ...]:
    """Every event that the machine's transitions name."""
    # The library types `events` for instances only; on the class it is a property of the metaclass.
    return tuple(cast("Any", machine).events)


def initial_leaf(state: State) -> State:
    """The leaf entered when a transition targets `state`."""
    while state.states:
        state = next(child for child in state.states if child.initial)
    return state


def declared_transitions(state: State) -> Iterator[Transition]:
    """The transitions that apply in a leaf, its own first, then those of the states around it."""
    level: State | None = state
    while level is not None:
        yield from (transition for transition in level.transitions if not transition.initial)
        level = level.parent


def guards_of(transition: Transition) -> tuple[tuple[Callable[..., bool], bool], ...]:
    """The guard functions with the value each must have."""
    return tuple((spec.func, spec.expected_value is not False) for spec in transition.cond)


def action_of(transition: Transition) -> Callable[..., Any] | None:
    """The one action function of a transition, or None."""
    actions = [spec.func for spec in transition.on if not spec.is_convention]
    return actions[0] if actions else None


def check_declaration(machine: type[Machine]) -> None:
    """Reject whatever would act outside the transition table.

    Raises:
        DeclarationError: naming the machine, the offending part and what to write instead.
    """
    _check_namespace(machine)
    for state in _all_states(machine):
        _check_state(machine, state)
        for transition in state.transitions:
            if not transition.initial:
                _check_transition(machine, transition)


def _fail(machine: type[Machine], what: str) -> None:
    raise DeclarationError(f"{machine.__name__}: {what}")


def _all_states(machine: type[Machine]) -> Iterator[State]:
    def walk(states: Any) -> Iterator[State]:
        for state in states:
            yield state
            yield from walk(state.states)

    yield from walk(machine.states)


def _own_attributes(machine: type[Machine]) -> Iterator[tuple[str, Any]]:
    for base in machine.__mro__:
        if base is Machine:
            return
        yield from vars(base).items()


def _check_namespace(machine: type[Machine]) -> None:
    events = {event.id for event in events_of(machine)}
    states = {state.id for state in _all_states(machine)}
    functions = _referenced_functions(machine)
    for name, value in _own_attributes(machine):
        if name.startswith("__") or name in events or name in states or name in _DECLARATION_SWITCHES:
            continue
        if name.startswith(_HOOK_PREFIXES) or (name.endswith("_state") and callable(value)):
            _fail(machine, f"{name!r} is a hook that the library would call by its name; use `on=` of a transition")
        if inspect.isfunction(value) and value not in functions:
            _fail(machine, f"method {name!r} could act outside the table; use a module-level function")
        if (
            name in {"listeners", "allow_event_without_transition", "catch_errors_as_events"}
            and name in machine.__dict__
        ):
            _fail(machine, f"{name!r} changes how the library dispatches; the table would not follow it")
    for function in functions:
        if function.__name__ in events | states:
            _fail(
                machine, f"guard or action {function.__name__!r} has the name of an event or state and would replace it"
            )


def _referenced_functions(machine: type[Machine]) -> set[Callable[..., Any]]:
    functions: set[Callable[..., Any]] = set()
    for state in _all_states(machine):
        for transition in state.transitions:
            functions.update(spec.func for spec in transition.cond if inspect.isfunction(spec.func))
            functions.update(spec.func for spec in transition.on if inspect.isfunction(spec.func))
    return functions


def _check_state(machine: type[Machine], state: State) -> None:
    if state.id in _RESERVED_STATE_IDS:
        _fail(machine, f"state {state.id!r} has the name of a library attribute; choose another noun")
    if state.value != state.id:
        _fail(machine, f"state {state.id!r} has value {state.value!r}; leave `value` out, the id is the value")
    if state.parallel:
        _fail(machine, f"state {state.id!r} is parallel; declare two machines and compose them")
    for group in (state.enter, state.exit):
        if any(not spec.is_convention for spec in group):
            _fail(machine, f"state {state.id!r} has an enter or exit action; use `on=` of the transitions")


def _check_transition(machine: type[Machine], transition: Transition) -> None:
    where = f"{transition.source.id} -> {transition.target.id if transition.target else '?'}"
    events = [str(event) for event in transition.events]
    if not events:
        _fail(machine, f"{where} has no event; an eventless transition would fire by itself")
    for event in events:
        if not event.startswith(EVENT_PREFIXES):
            _fail(machine, f"event {event!r} must start with one of {', '.join(EVENT_PREFIXES)}")
    for event_object in transition.events:
        if getattr(event_object, "delay", None):
            _fail(machine, f"event {event_object!s} has a delay, which reads the real clock; use a SetTimer effect")
    if transition.internal and transition.source.states:
        # The library re-enters the initial child here, which nobody who writes "internal" expects.
        _fail(machine, f"{where} ({', '.join(events)}) is internal to a compound state; declare it on each child")
    if len(transition.targets) != 1:
        _fail(machine, f"{where} ({', '.join(events)}) needs exactly one target")
    for name, group in (
        ("validators", transition.validators),
        ("before", transition.before),
        ("after", transition.after),
    ):
        if any(not spec.is_convention for spec in group):
            _fail(machine, f"{where}: `{name}` would act outside the table; use `cond`, `unless` and `on`")
    actions = [spec.func for spec in transition.on if not spec.is_convention]
    if len(actions) > 1:
        _fail(machine, f"{where}: {len(actions)} actions; one function gives the new data and the effects in order")
    for function in (*actions, *(spec.func for spec in transition.cond)):
        _check_function(machine, where, function)


def _check_function(machine: type[Machine], where: str, function: object) -> None:
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        _fail(machine, f"{where}: {function!r} must be a named module-level function: its name labels the diagram")
    assert inspect.isfunction(function)
    parameters = list(inspect.signature(function).parameters)
    if parameters not in (["data", "given"], ["data", "given", "context"]):
        _fail(
            machine, f"{where}: {function.__name__} takes ({', '.join(parameters)}), expected (data, given[, context])"
        )
