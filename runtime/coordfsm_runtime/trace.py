"""A trace: every input of a process with the effects it had, one JSON object a line, so that it can be stepped again.

Each line has the input readable and as canonical bytes. A kill may tear the last line, which a reader passes over; what
a turn made durable just before the kill may be missing, and shows in the records of the next run's `Recover`.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO, Union

import msgspec

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
from coordfsm_runtime.plain import to_plain

FORMAT = 1


class TraceLine(NamedTuple):
    """One input and what it did.

    Attributes:
        step: counted from 1 in each run of the process.
        now_ms: the process's monotonic clock.
        given: the input.
        effects: the effects, readable.
        effects_hash: XXH3-128 of the effects' canonical bytes, 32 hexadecimal digits.
    """

    step: int
    now_ms: int
    given: Input
    effects: tuple[dict[str, Any], ...]
    effects_hash: str


class TraceRecorder:
    """Appends to a trace file; a restarted process continues it with another header.

    Args:
        path: the file, created when missing.
        node: the process's name.
        settings: whatever is needed to build the machine's initial data again, JSON-ready.
    """

    def __init__(self, path: Path, node: str, settings: dict[str, Any]) -> None:
        self._file = path.open("ab")
        if self._file.tell() > 0:
            self._file.write(b"\n")  # a line torn by a kill ends here
        self._step = 0
        self._write({"trace": FORMAT, "node": node, "settings": settings})
        self.flush()

    def record(self, given: Input, effects: tuple[Effect, ...], now_ms: int) -> None:
        self._step += 1
        self._write(
            {
                "step": self._step,
                "now_ms": now_ms,
                "input": to_plain(given),
                "effects": [to_plain(effect) for effect in effects],
                "bytes": _pack_input(given),
                "effects_hash": hash_effects(effects),
            }
        )

    def flush(self) -> None:
        """Hand what was recorded to the operating system: it survives the process."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _write(self, content: dict[str, Any]) -> None:
        self._file.write(msgspec.json.encode(content) + b"\n")


class TraceRun(NamedTuple):
    """One run of a process, from its start to its end.

    Attributes:
        node: the process's name.
        settings: as recorded.
        lines: its inputs, in order.
    """

    node: str
    settings: dict[str, Any]
    lines: tuple[TraceLine, ...]


def read_trace(path: Path, kinds: tuple[type[Value], ...]) -> tuple[TraceRun, ...]:
    """The runs that a trace file holds.

    Args:
        path: the file.
        kinds: every type of message, command and record that may occur.

    Raises:
        TraceError: not a trace, of another format, or with a damaged line that is not the last of its run.
    """
    union: Any = Union[kinds]  # noqa: UP007  (the union of a tuple that is known only when run)
    reader = _Reader(path, Decoder(union))
    with path.open(encoding="utf-8", errors="replace") as file:
        return tuple(reader.runs(file))


def hash_effects(effects: tuple[Effect, ...]) -> str:
    return f"{fingerprint(effects):032x}"


class _Reader:
    def __init__(self, path: Path, decoder: Decoder) -> None:
        self._path = path
        self._decoder = decoder

    def runs(self, file: TextIO) -> Iterator[TraceRun]:
        header: dict[str, Any] | None = None
        lines: list[TraceLine] = []
        torn = 0
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            content = _parse(text)
            if content is not None and "trace" in content:
                if header is not None:
                    yield TraceRun(header["node"], header["settings"], tuple(lines))
                header, lines, torn = self._header(content), [], 0
                continue
            if header is None or torn:
                raise TraceError(f"{self._path}:{torn or number}: not a line of a trace")
            line = None if content is None else self._line(content, number)
            if line is None:
                torn = number
            else:
                lines.append(line)
        if header is None:
            raise TraceError(f"{self._path}: not a trace: it has no header")
        yield TraceRun(header["node"], header["settings"], tuple(lines))

    def _header(self, content: dict[str, Any]) -> dict[str, Any]:
        if content["trace"] != FORMAT or not isinstance(content.get("settings"), dict) or "node" not in content:
            raise TraceError(f"{self._path}: trace format {content['trace']!r}, expected {FORMAT}")
        return content

    def _line(self, content: dict[str, Any], number: int) -> TraceLine:
        try:
            given = _unpack_input(content["bytes"], self._decoder)
            return TraceLine(
                content["step"], content["now_ms"], given, tuple(content["effects"]), content["effects_hash"]
            )
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


def _pack_input(given: Input) -> list[Any]:
    """The input in JSON: messages, commands and records as canonical bytes, which name their types."""
    if isinstance(given, Received):
        return ["received", given.sender, given.now_ms, _text(given.message)]
    if isinstance(given, TimerFired):
        return ["timer", given.timer.kind, given.timer.subject, given.now_ms]
    if isinstance(given, Recover):
        return ["recover", [[write.key, _text(write.value)] for write in given.records]]
    return ["command", _text(given)]


def _unpack_input(packed: list[Any], decoder: Decoder) -> Input:
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
