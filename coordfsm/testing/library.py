"""Drives python-statemachine's own engine on a declaration, to compare it with the compiled table.

The library is where machines are declared and drawn; the table is what runs. That both mean the same is tested,
not believed.
"""

from typing import Any

from statemachine.exceptions import TransitionNotAllowed

from coordfsm.kernel import Machine, Value, event_of


def library_step(machine: type[Machine], data: Any, given: Value, context: Any = None) -> tuple[str, Any] | None:
    """What the library's engine does with one input.

    Args:
        machine: the declaration.
        data: the machine's data; the engine starts in ``data.state``.
        given: the input.
        context: lent to guards and actions.

    Returns:
        The state afterwards and what the action returned (None without an action), or None if no transition
        was taken.
    """
    taken: list[str] = []
    engine = machine(start_value=data.state, listeners=[_Witness(taken)])
    try:
        result = engine.send(event_of(given), data=data, given=given, context=context)
    except TransitionNotAllowed:
        return None
    if not taken:
        return None
    states = [state for state in engine.configuration if not state.states]
    return states[0].id, result


class _Witness:
    """Notes that a transition was taken: the engine answers None both for no transition and for no action."""

    def __init__(self, taken: list[str]) -> None:
        self._taken = taken

    def after_transition(self, event: str) -> None:
        self._taken.append(event)
