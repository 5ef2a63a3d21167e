"""Are the machines what the checker takes them for? Each tabulated step is taken twice and compared.

A machine that is not deterministic, changes its data in place, or gives values that cannot be hashed or encoded would
make every count and verdict meaningless. It is refused, with the node, the input and the field that shows it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from coordfsm.check.exploration.semantics import Outcome, System, about_to_take, apply_effects
from coordfsm.check.modelling.model import Envelope, Local, Node
from coordfsm.check.traces.trace import describe, differences
from coordfsm.kernel import CoordfsmError, Input, Map, ModelError, Received, Value, encode
from coordfsm.kernel.identity import alike


class Purity:
    """The check of one model's steps."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._snapshots: dict[int, int] = {}  # by local state: what `_snapshot` gave when it was first met

    def outcomes(self, position: int, identifier: int, given: Input) -> tuple[Outcome, ...]:
        """`System.outcomes`, refusing a step that is not a pure function to plain data.

        Raises:
            ModelError: naming the node, the input and the field.
            StepError: the machine raised an error.
        """
        system = self._system
        local: Local = system.locals.values[identifier]
        name = system.model.nodes[position].name
        if identifier not in self._snapshots:
            self._snapshots[identifier] = _snapshot(local)
        outcomes = system.outcomes(position, identifier, given)
        for outcome in outcomes:
            if outcome.local is not local or outcome.sends:
                _check_value(name, given, outcome)
        whole, sends = _again(system.model.nodes[position], local, given)
        if _snapshot(local) != self._snapshots[identifier]:
            where = "; ".join(differences(whole, outcomes[0].local)) or "the data that it was given"
            raise ModelError(f"{name} changes its data in place on {_told(given)}: {where}; give new data instead")
        if not alike((whole, sends), (outcomes[0].local, outcomes[0].sends)):
            found = (*differences(outcomes[0].local, whole), *differences(outcomes[0].sends, sends, "sends"))
            raise ModelError(
                f"{name} is not deterministic on {_told(given)}: {'; '.join(found)} (first -> second time)"
            )
        return outcomes


def _again(node: Node, local: Local, given: Input) -> tuple[Local, tuple[Envelope, ...]]:
    """The local state and the sends after the same step, taken once more."""
    local, data, given = about_to_take(node, local, given)
    step = node.step(data, given)
    return apply_effects(node, local, step.data, step.effects)


def _snapshot(local: Local) -> int:
    """A number that changes when a machine changes its data in place."""
    try:
        return hash(encode((local.data, local.durable)))
    except CoordfsmError:
        return hash(repr(local))  # volatile data need not have canonical bytes


def _check_value(name: str, given: Input, outcome: Outcome) -> None:
    """Everything must be hashable; what is stored or sent must have canonical bytes."""
    tests = (
        (outcome.local, hash, "hashed"),
        (outcome.local.durable, encode, "encoded"),
        (outcome.sends, encode, "encoded"),
    )
    for value, test, what in tests:
        path = _failing(value, test)
        if path is not None:
            raise ModelError(f"{name} on {_told(given)} gives a value that cannot be {what}: {path}")


def _failing(value: Any, test: Callable[[Any], Any]) -> str | None:
    """The innermost part of a value that fails a test, as ``path: value``; None if the whole passes."""
    try:
        test(value)
    except (TypeError, CoordfsmError):
        for name, part in _parts(value):
            inner = _failing(part, test)
            if inner is not None:
                return f"{name}.{inner}" if not inner.startswith(("[", ":")) else f"{name}{inner}"
        return f": {describe(value)} ({type(value).__name__})"
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Value):
        yield from ((name, getattr(value, name)) for name in value.__struct_fields__)
    elif isinstance(value, Map):
        yield from ((f"[{key}]", part) for key, part in value.items())
    elif isinstance(value, tuple | frozenset):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))


def _told(given: Input) -> str:
    return describe(given.message if isinstance(given, Received) else given)
