"""A counterexample as a story: numbered steps, what happened at which node, what changed, what was sent.

A trace can be saved and read back, printed, drawn as a sequence chart and replayed: each step carries the
canonical bytes of its `Action`, so that a replay drives the machines through exactly the same choices.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from coordfsm.check.exploration.fairness import fairness_of
from coordfsm.check.exploration.semantics import Action, State, System
from coordfsm.check.exploration.stores import StoreCopied
from coordfsm.check.modelling.model import Local
from coordfsm.kernel import Command, CoordfsmError, Map, Received, Recover, TimerFired, Value, encode, event_of
from coordfsm.kernel.identity import alike

TRACE_FORMAT = 1

HASH_DIGITS = 32
"""A string of so many hexadecimal digits is a hash; its last ones tell it apart."""


class TraceFileError(CoordfsmError):
    """A saved trace cannot be read, or does not fit the model it names."""


@dataclass(frozen=True)
class Sent:
    """A message that a step handed to the network."""

    receiver: str
    message: str


@dataclass(frozen=True)
class TraceStep:
    """One step.

    Attributes:
        number: from 1.
        kind: as in `Action.kind`.
        node: where it happened; the partition's name for ``partition`` and ``heal``.
        event: the input or the lost message, readable; empty for a crash.
        sender: who had sent the message of a ``deliver`` or ``lose``; else empty.
        note: what else is remarkable: a crash amid the step, a duplicated message.
        changes: what changed at the node, as ``path: before -> after``.
        sent: the messages sent, in order.
        action: canonical bytes of the `Action`, base64.
    """

    number: int
    kind: str
    node: str
    event: str
    sender: str
    note: str
    changes: tuple[str, ...]
    sent: tuple[Sent, ...]
    action: str


MOST_UNFORCED = 6
"""Steps that nothing forces are named up to this many."""


@dataclass(frozen=True)
class Trace:
    """A path from an initial state of a model.

    Attributes:
        model: its name.
        parameters: those it was built with.
        mutant: the seeded broken variant that was explored; empty for the real machines.
        property: the id of the property that the last state violates; ``error`` when a step raised one.
        statement: the property's statement.
        nodes: the nodes, in the model's order.
        steps: from the initial state on.
        loop: for a liveness property: the number of the step after which the steps repeat for ever; 0: no loop.
        rest: for a liveness property: that nothing has to happen at the end, and what could; or that all steps repeat
            (`loop` being 0), and the commands that are possible all along the loop and never given.
        start: the name of the model's start that the path begins with; empty in a model without.
    """

    model: str
    parameters: dict[str, Any]
    property: str
    statement: str
    nodes: tuple[str, ...]
    steps: tuple[TraceStep, ...]
    mutant: str = ""
    loop: int = 0
    rest: str = ""
    start: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready object, the content of a saved trace."""
        return {"format": TRACE_FORMAT, **asdict(self)}

    def dumps(self) -> str:
        """The text of a trace file."""
        return json.dumps(self.to_json(), indent=1) + "\n"

    @staticmethod
    def loads(text: str) -> "Trace":
        """Read a trace file.

        Raises:
            TraceFileError: not JSON, of another format, or with missing or mistyped fields.
        """
        try:
            content = json.loads(text)
            if not isinstance(content, dict) or content.get("format") != TRACE_FORMAT:
                found = content.get("format") if isinstance(content, dict) else type(content).__name__
                raise TraceFileError(f"trace format {found!r}, expected {TRACE_FORMAT}")
            content.pop("format")
            return msgspec.convert(content, Trace)
        except (json.JSONDecodeError, msgspec.ValidationError) as error:
            raise TraceFileError(f"not a trace file: {error}") from error


def build_trace(
    system: System,
    path: list[tuple[Action | None, State]],
    property_id: str,
    statement: str,
    *,
    mutant: str = "",
    loop: int = 0,
) -> Trace:
    """Tell a path of states as a story.

    Args:
        system: what was explored.
        path: from an initial state (its action is None) to the last.
        property_id: what the last state violates.
        statement: the property in a sentence.
        mutant: the broken variant explored, if any.
        loop: for a lasso, the number of the step after which it repeats.
    """
    steps = tuple(
        _tell(system, number, path[number - 1][1], action, after)
        for number, (action, after) in enumerate(path)
        if action is not None
    )
    model = system.model
    names = tuple(node.name for node in model.nodes)
    live = any(item.id == property_id and item.kind in {"eventually", "leads_to"} for item in model.properties)
    rest, start = "", system.start_of(path[0][1])
    if live and loop < len(steps) and path[loop][1] == path[-1][1]:
        rest = "; ".join(filter(None, ["all steps repeat for ever" * (loop == 0), _left_undone(system, path[loop:])]))
    elif live:
        rest = _rest(system, path[-1][1], from_the_start=not steps)
    return Trace(model.name, dict(model.parameters), property_id, statement, names, steps, mutant, loop, rest, start)


def _rest(system: System, state: State, *, from_the_start: bool) -> str:
    """That nothing has to happen in a state any more, and what could happen; empty if fairness asks for something."""
    possible = [action for action, after in system.transitions(state) if after != state]
    if any(fairness_of(system, action) is not None for action in possible):
        return ""
    where = "from the start" if from_the_start else "from here on"
    if not possible:
        return f"{where} nothing can happen"
    return (
        f"{where} nothing has to happen: fairness asks for deliveries, timers, recoveries, healing and fair commands "
        f"only, not for {_told(possible)}{_advice(system, possible)}"
    )


def _left_undone(system: System, loop: list[tuple[Action | None, State]]) -> str:
    """The commands that are possible all along a loop and never given; empty if there are none."""
    given = {(action.node, action.given) for action, _ in loop[1:] if action is not None and action.kind == "command"}
    always: dict[Any, Action] | None = None
    for _, state in loop:
        commands = ((action, after) for action, after in system.transitions(state) if action.kind == "command")
        here = {(action.node, action.given): action for action, after in commands if after != state}
        always = here if always is None else {key: action for key, action in always.items() if key in here}
    undone = [action for key, action in (always or {}).items() if key not in given]
    if not undone:
        return ""
    return f"all along, these are possible and need never happen: {_told(undone)}{_advice(system, undone)}"


def _told(actions: list[Action]) -> str:
    """Actions in words, up to `MOST_UNFORCED` of them."""
    words = sorted({f"{action.node} {_name_of(action)}" for action in actions})
    more = f" and {len(words) - MOST_UNFORCED} more" if len(words) > MOST_UNFORCED else ""
    return ", ".join(words[:MOST_UNFORCED]) + more


def _advice(system: System, actions: list[Action]) -> str:
    """How a model says that a command must be given at last."""
    commands = [action for action in actions if action.kind == "command"]
    if not commands:
        return ""
    first = min(commands, key=lambda action: (system.index[action.node], _name_of(action)))
    return f" (a command that must come: `fair=({_name_of(first)!r},)` of node {first.node}, or a timer)"


def _name_of(action: Action) -> str:
    """An action that need not happen, in a word."""
    return event_of(action.given) if action.kind == "command" else action.kind


def action_key(action: Action) -> str:
    """Canonical identity of an action, as saved in traces."""
    return base64.b64encode(encode(action)).decode()


def _tell(system: System, number: int, before: State, action: Action, after: State) -> TraceStep:
    position = system.index.get(action.node)
    changes: tuple[str, ...] = ()
    sent: tuple[Sent, ...] = ()
    if position is not None and action.kind != "lose":
        old, new = system.local(before, position), system.local(after, position)
        changes = tuple(_node_changes(old, new))
        if system.model.observer is not None:
            kept, then = (system.locals.values[state.locals[-1]].kept for state in (before, after))
            changes += tuple(differences(kept, then, "history"))
        if action.kind == "clone":
            sent = (Sent(action.given.receiver, describe(action.given.message)),)
        if isinstance(action.given, Received | TimerFired | Command):
            outcomes = system.outcomes(position, before.locals[position], action.given)
            outcome = next(outcome for outcome in outcomes if outcome.torn == action.torn)
            sent = tuple(Sent(envelope.receiver, describe(envelope.message)) for envelope in outcome.sends)
    notes = []
    if action.copied:
        notes.append("a duplicate stays in flight")
    if isinstance(action.given, Received) and isinstance(action.given.message, StoreCopied):
        notes.append("and starts from it, a second process")
    if action.torn >= 0:
        notes.append(f"crashed after {action.torn} of its effects")
    event, sender = _event(action)
    return TraceStep(
        number, action.kind, action.node, event, sender, "; ".join(notes), changes, sent, action_key(action)
    )


def _event(action: Action) -> tuple[str, str]:
    given = action.given
    if given is None or isinstance(given, Recover):
        return "", ""
    if isinstance(given, TimerFired):
        return f"{given.timer.kind}{f'({given.timer.subject})' if given.timer.subject else ''}", ""
    if isinstance(given, Command):
        return describe(given), ""
    return describe(given.message), given.sender


def _node_changes(old: Local, new: Local) -> Iterator[str]:
    if new.data is not None and old.data is not None:
        yield from differences(old.data, new.data)
    before = {record.key: record.value for record in old.durable}
    after = {record.key: record.value for record in new.durable}
    for key in sorted({*before, *after}):
        if not alike(before.get(key), after.get(key)):
            yield from differences(before.get(key), after.get(key), f"durable {key}")


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """The leaves in which two values differ, as ``path: before -> after``."""
    if alike(old, new):
        return
    if isinstance(old, Value) and type(old) is type(new) and type(old).__str__ is object.__str__:
        for name in old.__struct_fields__:
            yield from differences(getattr(old, name), getattr(new, name), f"{path}.{name}" if path else name)
    elif isinstance(old, Map) and isinstance(new, Map):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}[{key}]")
    else:
        told = describe(old), describe(new)
        yield f"{path}: {' -> '.join(told if len(set(told)) > 1 else map(repr, (old, new)))}"


def describe(value: Any) -> str:  # noqa: PLR0911  (one return a kind of value)
    """A short readable form: defaults left out, collections in brackets, no quotes around plain names."""
    if value is None:
        return "none"
    if isinstance(value, Value) and type(value).__str__ is not object.__str__:
        return str(value)  # the type knows a shorter form
    if isinstance(value, str) and len(value) == HASH_DIGITS and not value.strip("0123456789abcdef"):
        return f"#{value[-6:]}"
    if isinstance(value, Value):
        fields = ", ".join(f"{name}={describe(item)}" for name, item in _told_fields(value))
        return f"{type(value).__name__}({fields})" if fields else type(value).__name__
    if isinstance(value, Map):
        return "{" + ", ".join(f"{key}: {describe(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(describe(item) for item in value) + "]"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(describe(item) for item in value)) + "}"
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return f"#{value & 0xFFFFFF:06x}"  # a hash: its last digits tell it apart
    return str(value)


def _told_fields(value: Value) -> Iterator[tuple[str, Any]]:
    for info in msgspec.structs.fields(value):
        item = getattr(value, info.name)
        if item != info.default:
            yield info.name, item


def story(trace: Trace) -> str:
    """The trace as text, one paragraph a step, for a terminal."""
    parameters = " ".join(f"{name}={value}" for name, value in trace.parameters.items())
    mutant = f" (mutant {trace.mutant})" if trace.mutant else ""
    lines = [f"{trace.property} violated in {trace.model} {parameters}{mutant}", f"  {trace.statement}", ""]
    lines += [f"  starts with {trace.start}"] if trace.start else []
    width = max((len(step.node) for step in trace.steps), default=0)
    for step in trace.steps:
        lines.append(f"{step.number:>3}  {step.node:<{width}}  {_headline(step)}")
        indent = " " * (width + 7)
        lines += [f"{indent}{change}" for change in step.changes]
        lines += [f"{indent}sends to {sent.receiver}: {sent.message}" for sent in step.sent]
        if trace.loop == step.number:
            lines.append(f"{indent}-- from here on the steps below repeat for ever --")
    if trace.rest:
        lines.append(f"  -- {trace.rest} --")
    return "\n".join(lines) + "\n"


def _headline(step: TraceStep) -> str:
    told = {
        "deliver": f"receives from {step.sender}: {step.event}",
        "lose": f"never receives from {step.sender}: {step.event} (lost)",
        "timeout": f"timer fires: {step.event}",
        "command": f"is told: {step.event}",
        "crash": "CRASHES",
        "recover": "starts again from its durable records",
        "partition": "partition begins",
        "heal": "partition heals",
        "copy": "its store is copied",
        "rollback": "the copy of its store is put back",
        "clone": "a copy of its store leaves",
        "wipe": "its store is lost",
    }[step.kind]
    return f"{told}  ({step.note})" if step.note else told
