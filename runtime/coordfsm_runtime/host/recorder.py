"""Writes a trace while a process runs, within a bound of bytes."""

import base64
import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from coordfsm.kernel import Value, encode
from coordfsm_runtime.host.driver import Line
from coordfsm_runtime.plain import to_plain
from coordfsm_runtime.traces.trace import FORMAT, hash_effects, older, pack_input

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

logger = logging.getLogger(__name__)


class TraceRecorder:
    """Appends to a trace file; a restarted process continues it with another header.

    When the file has half of the bytes allowed, it is renamed to ``FILE.1``, in place of the one there, and a new file
    starts with the data of the machines: both together stay near the bound, and both can be stepped again. When a
    trace cannot be written (a full disk), it ends there and the log says so: the process goes on.

    Args:
        path: the file, created when missing.
        node: the process's name.
        settings: whatever is needed to build the machine's initial data again, JSON-ready.
        max_bytes: of both files together; 0 for no bound.

    Raises:
        OSError: the file cannot be opened or written.
    """

    def __init__(
        self,
        path: Path,
        node: str,
        settings: dict[str, Any],
        max_bytes: int = 0,
    ) -> None:
        self._path = path
        self._header = {"trace": FORMAT, "node": node, "settings": settings, "boot": _boot()}
        self._most = max_bytes // 2
        self._data: Value | None = None  # after the last line
        self._step = 0
        self._file: BinaryIO | None = _open(path, "ab")
        self._bytes = self._file.tell()
        if self._is_full():
            self._start_file()
        if self._bytes:
            self._append(b"\n")  # a line torn by a kill ends here
        self._write(self._header)
        self._file.flush()

    def record(self, line: Line) -> None:
        self._step += 1
        self._data = line.data
        if self._file is None:
            return
        with self._giving_up():
            self._write(
                {
                    "step": self._step,
                    "now_ms": line.now_ms,
                    "input": to_plain(line.given),
                    "effects": [to_plain(effect) for effect in line.effects],
                    "bytes": pack_input(line.given),
                    "effects_hash": hash_effects(line.effects),
                }
            )

    def flush(self) -> None:
        """Hand what was recorded to the operating system: it survives the process. Between inputs only."""
        if self._file is None:
            return
        with self._giving_up():
            self._file.flush()
            if self._data is not None and self._is_full():
                snapshot = base64.b64encode(encode(self._data)).decode()
                self._start_file()
                self._write(self._header | {"after": self._step, "data": snapshot})
                self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Ends the trace, and not the process, when it cannot be written."""
        try:
            yield
        except OSError as error:
            logger.error("the trace ends here", extra={"fields": {"reason": error.strerror or str(error)}})  # noqa: TRY400
            self.close()

    def _is_full(self) -> bool:
        return 0 < self._most <= self._bytes

    def _start_file(self) -> None:
        assert self._file is not None
        self._file.close()
        self._path.replace(older(self._path))
        self._file = _open(self._path, "wb")
        self._bytes = 0

    def _write(self, content: dict[str, Any]) -> None:
        self._append(msgspec.json.encode(content) + b"\n")

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        self._file.write(line)
        self._bytes += len(line)


def _open(path: Path, mode: Literal["ab", "wb"]) -> BinaryIO:
    """A trace holds what entities hold: for its owner only."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _boot() -> str:
    with contextlib.suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return ""
