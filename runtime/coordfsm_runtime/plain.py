"""Values as plain JSON-ready data, for logs, status and traces: readable, one way only."""

import base64
import json
from typing import Any

import msgspec

from coordfsm.kernel import Map, Value


def to_plain(value: Any) -> Any:
    """A `Value` as ``{"type": name, field: ...}``, a `Map` as an object, bytes as text where printable, else base64."""
    if isinstance(value, Value):
        fields = {name: to_plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, Map | dict):
        return {_key(key): to_plain(value[key]) for key in sorted(value, key=repr)}
    if isinstance(value, tuple | list | frozenset):
        items = sorted(value, key=repr) if isinstance(value, frozenset) else value
        return [to_plain(item) for item in items]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, int) and abs(value) >= 1 << 53:
        return f"{value:032x}"  # 128-bit ids: JSON readers keep only 53 bits of a number
    return value


def summarize(event: Value) -> dict[str, Any]:
    """An event as `to_plain` gives it, with sizes in place of payloads: logs are no place for entities."""
    plain: dict[str, Any] = to_plain(event)
    payload = getattr(event, "payload", None)
    if isinstance(payload, bytes):
        del plain["payload"]
        plain["bytes"] = len(payload)
    return plain


def to_line(content: dict[str, Any]) -> bytes:
    """One line of JSON with its newline."""
    return msgspec.json.encode(content) + b"\n"


def printable(text: str) -> str:
    """JSON text with all that a terminal would act on escaped: JSON itself escapes only the first 32 characters."""
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(to_plain(key))


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
    return text if text.isprintable() else "base64:" + base64.b64encode(value).decode()
