"""A trace: every input of a process with the effects it had, one JSON object a line, so that it can be stepped again.

Each line has the input readable and as canonical bytes. A kill may tear the last line of a run, which a reader passes
over and reports; what a turn made durable just before the kill may be missing, and shows in the records of the next
run's `Recover`. A trace that grew too large goes on in a new file, which starts with the machines' data at that moment:
`recorder` writes it, and keeps the file before as ``FILE.1``.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Union

from coordfsm.kernel import (
    Command,
    Decoder,
    Effect,
    EncodingError,
    Input,
    Received,
    Recover,
    Timer,
    TimerFired,
    Value,
    Write,
    encode,
    fingerprint,
)
from coordfsm_runtime.errors import TraceError

FORMAT = 1


class TraceLine(NamedTuple):
    """One input and what it did.

    Attributes:
        number: of the line in its file, from 1.
        step: counted from 1 in each run of the process.
        now_ms: the process's monotonic clock.
        given: the input.
        effects: the effects, readable.
        effects_hash: XXH3-128 of the effects' canonical bytes, 32 hexadecimal digits.
    """

    number: int
    step: int
    now_ms: int
    given: Input
    effects: tuple[dict[str, Any], ...]
    effects_hash: str


class TraceRun(NamedTuple):
    """One run of a process, from its start to its end, or the part of it that one file holds.

    Attributes:
        path: the file.
        number: of the header's line in it.
        node: the process's name.
        settings: as recorded.
        boot: names the machine's boot, within which monotonic clocks compare; empty when not known.
        after: steps of the run that earlier files hold, or held; 0 for the start of a run.
        data: canonical bytes of the machines' data after those steps; None for the start of a run.
        lines: its inputs, in order.
        torn: number of a last line that a kill tore; 0 for none.
    """

    path: Path
    number: int
    node: str
    settings: dict[str, Any]
    boot: str
    after: int
    data: bytes | None
    lines: tuple[TraceLine, ...]
    torn: int


def older(path: Path) -> Path:
    """Where the file goes when the trace goes on in a new one."""
    return path.with_name(path.name + ".1")


def read_trace(path: Path, kinds: tuple[type[Value], ...]) -> tuple[TraceRun, ...]:
    """The runs that a trace holds, in order; a run that goes on in a second file is two of them.

    Args:
        path: the file. The one before it, if there is one, is read first.
        kinds: every type of message, command and record that may occur.

    Raises:
        OSError: there is no such file, or it cannot be read.
        TraceError: not a trace, of another format, or with a damaged line that is not the last of its run.
    """
    union: Any = Union[kinds]  # noqa: UP007  (the union of a tuple that is known only when run)
    decoder = Decoder(union)
    before = older(path)
    # A kill may fall between the old file's new name and the new file.
    files = [file for file in (before, path) if file.exists()] if before.exists() else [path]
    runs = [run for file in files for run in _Reader(file, decoder).runs()]
    if not runs:
        raise TraceError(f"{path}: not a trace: it has no header")
    return tuple(runs)


def hash_effects(effects: tuple[Effect, ...]) -> str:
    return f"{fingerprint(effects):032x}"


class _Reader:
    def __init__(self, path: Path, decoder: Decoder) -> None:
        self._path = path
        self._decoder = decoder

    def runs(self) -> Iterator[TraceRun]:
        with self._path.open(encoding="utf-8", errors="replace") as file:
            yield from self._runs(enumerate(file, 1))

    def _runs(self, texts: Iterable[tuple[int, str]]) -> Iterator[TraceRun]:
        run: TraceRun | None = None
        lines: list[TraceLine] = []
        for number, text in texts:
            if not text.strip():
                continue
            content = _parse(text)
            if content is not None and "trace" in content:
                if run is not None:
                    yield run._replace(lines=tuple(lines))
                run, lines = self._header(content, number), []
                continue
            if run is None or run.torn:
                raise TraceError(f"{self._path}:{run.torn if run else number}: not a line of a trace")
            if content is None:
                run = run._replace(torn=number)
            else:
                lines.append(self._line(content, number))
        if run is not None:
            yield run._replace(lines=tuple(lines))

    def _header(self, content: dict[str, Any], number: int) -> TraceRun:
        if content["trace"] != FORMAT or not isinstance(content.get("settings"), dict) or "node" not in content:
            raise TraceError(f"{self._path}:{number}: trace format {content['trace']!r}, expected {FORMAT}")
        after, packed = content.get("after", 0), content.get("data")
        try:
            data = None if packed is None else base64.b64decode(packed, validate=True)
        except (TypeError, ValueError) as error:
            raise TraceError(f"{self._path}:{number}: the data cannot be read: {error}") from error
        if not isinstance(after, int) or (data is None) != (after == 0):
            raise TraceError(f"{self._path}:{number}: a header after step {after!r}, without the data of that moment")
        boot = str(content.get("boot", ""))
        return TraceRun(self._path, number, str(content["node"]), content["settings"], boot, after, data, (), 0)

    def _line(self, content: dict[str, Any], number: int) -> TraceLine:
        try:
            given = unpack_input(content["bytes"], self._decoder)
            effects = tuple(content["effects"])
            return TraceLine(number, content["step"], content["now_ms"], given, effects, content["effects_hash"])
        except (KeyError, TypeError, ValueError, EncodingError) as error:
            raise TraceError(f"{self._path}:{number}: {error}") from error


def _parse(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _text(value: object) -> str:
    return base64.b64encode(encode(value)).decode()


def pack_input(given: Input) -> list[Any]:
    """The input in JSON: messages, commands and records as canonical bytes, which name their types."""
    if isinstance(given, Received):
        return ["received", given.sender, given.now_ms, _text(given.message)]
    if isinstance(given, TimerFired):
        return ["timer", given.timer.kind, given.timer.subject, given.now_ms]
    if isinstance(given, Recover):
        return ["recover", [[write.key, _text(write.value)] for write in given.records]]
    return ["command", _text(given)]


def unpack_input(packed: list[Any], decoder: Decoder) -> Input:
    """The input that `pack_input` packed.

    Raises:
        ValueError: not an input.
        EncodingError: of a type that the decoder does not know.
    """

    def value(text: str) -> Any:
        return decoder.decode(base64.b64decode(text, validate=True))

    match packed:
        case ["received", str(sender), int(now_ms), str(text)]:
            return Received(sender, value(text), now_ms)
        case ["timer", str(kind), str(subject), int(now_ms)]:
            return TimerFired(Timer(kind, subject), now_ms)
        case ["recover", list(records)]:
            return Recover(tuple(Write(key, value(text)) for key, text in records))
        case ["command", str(text)]:
            command = value(text)
            if isinstance(command, Command):
                return command
    raise ValueError(f"not an input: {str(packed)[:80]}")
