"""Steps the machines through a recorded trace again: every input must have the effects that it had.

Machines are pure, so a difference means that they changed since, or that the trace was not made by them.
"""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from coordfsm.kernel import Decoder, Effect, EncodingError, Value, encode
from coordfsm.protocols.node import NodeData, NodeSettings
from coordfsm_runtime.errors import TraceError
from coordfsm_runtime.machines import MACHINE, VALUES, initial_data
from coordfsm_runtime.plain import to_plain
from coordfsm_runtime.traces.trace import TraceLine, TraceRun, hash_effects, read_trace

NOTHING = "no effect"
SAME_TEXT = "the same, in other bytes"


class Difference(NamedTuple):
    """The first thing in a trace that the machines do not repeat.

    Attributes:
        path: the file.
        line: in it, from 1.
        node: whose trace it is.
        step: of the run.
        given: the input, readable.
        place: which effect of the input, from 1; 0 for the data at the start of a file.
        expected: what is recorded, readable.
        got: what the machines do now.
    """

    path: Path
    line: int
    node: str
    step: int
    given: dict[str, Any]
    place: int
    expected: Any
    got: Any

    def __str__(self) -> str:
        """One line: where."""
        kind = self.given["type"]
        what = f"{kind} {self.given['message']['type']}" if "message" in self.given else kind
        return f"{self.path}:{self.line}: step {self.step} of {self.node} ({what}) has other effects now"


class Resteps(NamedTuple):
    """What stepping a trace again gave.

    Attributes:
        runs: of the process, whole or in part.
        inputs: that were stepped before the first difference.
        torn: places (``file:line``) where a kill tore a line.
        cut: whether the trace's beginning is gone: an older file was dropped.
        differences: the first of each run; empty when everything is as recorded.
    """

    runs: int
    inputs: int
    torn: tuple[str, ...]
    cut: bool
    differences: tuple[Difference, ...]


def read_node_trace(path: Path) -> tuple[TraceRun, ...]:
    """The runs in a node's trace.

    Raises:
        TraceError: missing, unreadable, not a trace, or of machines with other types.
    """
    try:
        return read_trace(path, VALUES)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from error


def restep_trace(runs: Sequence[TraceRun]) -> Resteps:
    """Step through the runs of one trace, in order.

    Raises:
        TraceError: settings or data in a header cannot be read: the trace is of machines with other types.
    """
    differences: list[Difference] = []
    inputs = 0
    data: NodeData | None = None
    last = 0
    for run in runs:
        if run.after and data is not None and (last != run.after or encode(data) != run.data):
            differences.append(_other_start(run, data, last))
        last = run.lines[-1].step if run.lines else run.after
        data, stepped, difference = _restep(run)
        inputs += stepped
        if difference is not None:
            differences.append(difference)
    return Resteps(count_runs(runs), inputs, torn_places(runs), runs[0].after > 0, tuple(differences))


def count_runs(runs: Sequence[TraceRun]) -> int:
    """How many runs of the process these are; one that goes on in a second file counts once."""
    return sum(run.after == 0 or place == 0 for place, run in enumerate(runs))


def torn_places(runs: Iterable[TraceRun]) -> tuple[str, ...]:
    return tuple(f"{run.path}:{run.torn}" for run in runs if run.torn)


def _restep(run: TraceRun) -> tuple[NodeData | None, int, Difference | None]:
    """The data at the end of a run, how many inputs were stepped, and where it differs."""
    data = first_data(run)
    for place, line in enumerate(run.lines):
        try:
            step = MACHINE.step(data, line.given)
        except Exception as error:  # noqa: BLE001  (a node records no input at which its machines fail)
            failed = {"type": "Error", "text": f"{type(error).__name__}: {error}"}
            return None, place, _difference(run, line, list(line.effects), [failed])
        # The bytes are exact; the readable effects are what an audit judges.
        if hash_effects(step.effects) != line.effects_hash or _plain(step.effects) != list(line.effects):
            return None, place, _difference(run, line, list(line.effects), _plain(step.effects))
        data = step.data
    return data, len(run.lines), None


def first_data(run: TraceRun) -> NodeData:
    """The machines' data before the first input of a run.

    Raises:
        TraceError: what is recorded is of machines with other types.
    """
    try:
        if run.data is not None:
            recorded: NodeData = Decoder(NodeData).decode(run.data)
            return recorded
        return initial_data(Decoder(NodeSettings).decode(base64.b64decode(run.settings["bytes"])))
    except (EncodingError, KeyError, TypeError, ValueError) as error:
        what = "settings" if run.data is None else "data"
        raise TraceError(f"{run.path}:{run.number}: trace of {run.node}: {what} cannot be read: {error}") from error


def _plain(effects: tuple[Effect, ...]) -> list[Any]:
    """As the recorded ones are after their way through JSON."""
    return [msgspec.json.decode(msgspec.json.encode(to_plain(effect))) for effect in effects]


def _difference(run: TraceRun, line: TraceLine, expected: list[Any], got: list[Any]) -> Difference:
    most = max(len(expected), len(got))
    pairs = [(_at(expected, place), _at(got, place)) for place in range(most)]
    place = next((place for place, (before, now) in enumerate(pairs) if before != now), None)
    before, now = (expected, SAME_TEXT) if place is None else pairs[place]
    return Difference(run.path, line.number, run.node, line.step, to_plain(line.given), (place or 0) + 1, before, now)


def _at(effects: list[Any], place: int) -> Any:
    return effects[place] if place < len(effects) else NOTHING


def _other_start(run: TraceRun, data: NodeData, last: int) -> Difference:
    """A file does not start where the file before it ends."""
    header = {"type": "header"}
    if last != run.after:
        return Difference(run.path, run.number, run.node, run.after, header, 0, f"step {run.after} before it", last)
    before = first_data(run)
    names = [name for name in data.__struct_fields__ if getattr(data, name) != getattr(before, name)]
    expected: dict[str, Value] = {name: to_plain(getattr(before, name)) for name in names}
    got = {name: to_plain(getattr(data, name)) for name in names}
    return Difference(run.path, run.number, run.node, run.after, header, 0, expected, got)
