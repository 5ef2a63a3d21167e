"""Breaks a compiled machine on purpose: other guards and actions under the same names, a rule more.

The declaration stays as it is; what is built is another table. Whatever a substitution names must exist, so that
a mutant cannot silently become the real machine when a function is renamed.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from coordfsm.check.modelling.model import Model, Node
from coordfsm.kernel import Composition, DeclarationError, Rule, Steppable, TransitionTable

Edit = Callable[[TransitionTable], TransitionTable]


def substitute(table: TransitionTable, functions: Mapping[str, Callable[..., Any]]) -> TransitionTable:
    """The same table with other guards and actions.

    Args:
        table: a compiled machine.
        functions: name of a guard or action function to its replacement, of the same shape:
            ``(data, given[, context])``. A guard's replacement is used wherever the name occurs, negated or not.

    Raises:
        DeclarationError: the machine has no guard or action of a given name.
    """
    used: set[str] = set()

    def replaced(name: str, function: Any) -> Any:
        if name not in functions:
            return function
        used.add(name)
        return _with_context(functions[name])

    def rebuilt(rule: Rule) -> Rule:
        names = (name.removeprefix("not ") for name in rule.guard_names)
        guards = tuple(
            (replaced(name, guard), expected) for name, (guard, expected) in zip(names, rule.guards, strict=True)
        )
        return rule._replace(guards=guards, action=replaced(rule.action_name, rule.action))

    rules = {key: tuple(rebuilt(rule) for rule in group) for key, group in table.rules.items()}
    unused = sorted(set(functions) - used)
    if unused:
        raise DeclarationError(f"{table.name} has no guard or action {', '.join(unused)}")
    return _with_rules(table, rules)


def with_rule(
    table: TransitionTable,
    source: str,
    event: str,
    target: str,
    *,
    cond: tuple[Callable[..., bool], ...] = (),
    on: Callable[..., Any] | None = None,
) -> TransitionTable:
    """The same table with one rule more, tried before all others of its state and event.

    Args:
        table: a compiled machine.
        source: a leaf state id.
        event: an event that the machine declares or ignores.
        target: a leaf state id.
        cond: guards that must all be true.
        on: the action.

    Raises:
        DeclarationError: the machine has no such state or event.
    """
    for state in (source, target):
        if state not in table.states:
            raise DeclarationError(f"{table.name} has no state {state!r}; states are {', '.join(table.states)}")
    if event not in table.events:
        raise DeclarationError(f"{table.name} has no event {event!r}; events are {', '.join(sorted(table.events))}")
    names = tuple(guard.__name__ for guard in cond)
    condition = f" [{' and '.join(names)}]" if names else ""
    rule = Rule(
        source=source,
        event=event,
        target=target,
        guards=tuple((_with_context(guard), True) for guard in cond),
        guard_names=names,
        action=None if on is None else _with_context(on),
        action_name="" if on is None else on.__name__,
        name=f"{table.name}: {source} --{event}--> {target}{condition}",
    )
    rules = {**table.rules, (source, event): (rule, *table.rules.get((source, event), ()))}
    return _with_rules(table, rules)


def without_rules(table: TransitionTable, source: str, event: str) -> TransitionTable:
    """The same table, which drops an event in one state.

    Args:
        table: a compiled machine.
        source: a leaf state id.
        event: an event that the machine handles in it.

    Raises:
        DeclarationError: the machine does not handle the event there.
    """
    if (source, event) not in table.rules:
        raise DeclarationError(f"{table.name} has no rule for {event!r} in state {source!r}")
    rules = {key: group for key, group in table.rules.items() if key != (source, event)}
    ignored = {**table.ignored, (source, event): "dropped on purpose"}
    return TransitionTable(table.declaration, table.states, table.initial, rules, ignored)


def substitute_in_model(model: Model, machine: str, edit: Edit) -> Model:
    """The same model whose nodes run an edited machine.

    Args:
        model: wherever the machine is used, a node's `step` must be the bound `step` of a table or a composition, or
            a `functools.partial` of a function over one.
        machine: the class name of the machine's declaration.
        edit: gives the edited table.

    Raises:
        DeclarationError: no node of the model runs the machine.
    """
    nodes = tuple(_edited_node(node, machine, edit) for node in model.nodes)
    if nodes == model.nodes:
        raise DeclarationError(f"no node of model {model.name} runs machine {machine!r}")
    return replace(model, nodes=nodes)


def _edited_node(node: Node, machine: str, edit: Edit) -> Node:
    step = _edited_step(node.step, machine, edit)
    return node if step is node.step else replace(node, step=step)


def _edited_step(step: Callable[..., Any], machine: str, edit: Edit) -> Callable[..., Any]:
    if isinstance(step, partial):
        function = _edited_step(step.func, machine, edit)
        arguments = tuple(
            _edited(argument, machine, edit) if isinstance(argument, TransitionTable | Composition) else argument
            for argument in step.args
        )
        unchanged = function is step.func and arguments == step.args
        return step if unchanged else partial(function, *arguments, **step.keywords)
    runs = getattr(step, "__self__", None)
    if not isinstance(runs, TransitionTable | Composition):
        return step
    edited = _edited(runs, machine, edit)
    return step if edited is runs else edited.step


def _edited(runs: Steppable, machine: str, edit: Edit) -> Steppable:
    if isinstance(runs, TransitionTable):
        return edit(runs) if runs.name == machine else runs
    assert isinstance(runs, Composition)
    parts = tuple(part._replace(machine=_edited(part.machine, machine, edit)) for part in runs.parts)
    return runs if parts == runs.parts else Composition(runs.name, parts)


def _with_rules(table: TransitionTable, rules: dict[tuple[str, str], tuple[Rule, ...]]) -> TransitionTable:
    return TransitionTable(table.declaration, table.states, table.initial, rules, table.ignored)


def check_shape(name: str, function: Callable[..., Any], shapes: tuple[int, ...] = (2, 3)) -> None:
    """A replacement takes as many arguments as what it replaces; else it would be caught as an error, by nobody.

    Args:
        name: what is replaced.
        function: the replacement.
        shapes: numbers of arguments that are right; those of a guard or action, if nothing else is said.

    Raises:
        DeclarationError: it takes another number.
    """
    taken = len(inspect.signature(function).parameters)
    if taken not in shapes:
        expected = " or ".join(map(str, shapes))
        raise DeclarationError(f"the replacement of {name} takes {taken} arguments; expected {expected}")


def _with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    if len(inspect.signature(function).parameters) == 3:
        return function
    return lambda data, given, _context: function(data, given)
