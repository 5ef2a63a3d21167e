"""Structured logs on standard error: one JSON object a line, with the node's name in each."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

from coordfsm_runtime.plain import printable, to_line

LEVELS = ("debug", "info", "warning", "error")


class JsonFormatter(logging.Formatter):
    """A record as ``{"time", "level", "node", "event", ...}``; the fields come from the record's ``fields``."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "node": self._node,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return printable(to_line(line).decode().rstrip("\n"))


def configure_logs(node: str, level: str) -> None:
    """Send the runtime's logs to standard error, `level` (one of `LEVELS`) and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(node))
    root = logging.getLogger("coordfsm_runtime")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
