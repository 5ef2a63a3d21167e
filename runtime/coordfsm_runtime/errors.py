"""Typed errors of the runtime: each names what was wrong and what was expected."""

import re

from coordfsm.kernel import CoordfsmError

_KEY = re.compile(r"[A-Za-z0-9+/]{40,43}=|^[A-Za-z0-9+]{43}$")
"""A key of 32 bytes in base64, perhaps with a character lost."""


NOT_SHOWN = "(not shown)"


def _may_be_key(value: object) -> bool:
    """Whether a value, or an item of it, may be a cluster key: 32 bytes in base64, wherever it was put by mistake."""
    if isinstance(value, list | tuple):
        return any(_may_be_key(item) for item in value)
    if isinstance(value, dict):
        return any(_may_be_key(item) for pair in value.items() for item in pair)
    return _KEY.search(str(value)) is not None


class ConfigurationError(CoordfsmError):
    """A setting is missing, unknown, mistyped or out of range.

    Attributes:
        source: the file, environment variable or flag that gave the value.
        key: the setting, ``section.name``.
        value: what was given, or None when nothing was.
        expected: what would be accepted.
    """

    def __init__(self, source: str, key: str, value: object, expected: str) -> None:
        is_secret = key.startswith("security.") and key != "security.key_file"
        if value is not None and (is_secret or _may_be_key(value)):
            value = NOT_SHOWN
        source, key = (NOT_SHOWN if _may_be_key(text) else text for text in (source, key))
        given = "is missing" if value is None else f"is {value!r}"
        super().__init__(f"{source}: {key} {given}, expected {expected}")
        self.source = source
        self.key = key
        self.value = value
        self.expected = expected


class StoreError(CoordfsmError):
    """Durable state cannot be read or written; the node must not promise anything any more."""


class StoreInUseError(StoreError):
    """Another process has the store open."""


class StaleStoreError(StoreError):
    """The store is an old copy, or another process has one of the same origin; the node must not act."""


class EndpointError(CoordfsmError):
    """Text that is not ``host:port`` with a numeric host."""


class MessageTooLargeError(CoordfsmError):
    """A message over the largest size that the transport carries; nothing was sent."""


class AdminError(CoordfsmError):
    """A request to a running node failed: nobody listens, or the node refused it (the text says why)."""


class NodeStoppedError(CoordfsmError):
    """The node has stopped; it handles no more requests."""


class TraceError(CoordfsmError):
    """A recorded trace cannot be read."""


class CommandRefusedError(CoordfsmError):
    """The machines refused a command; the text gives their reason. Nothing changed."""


class UnconfirmedError(CoordfsmError):
    """What was asked is durable here and goes on, but who has to confirm it did not in time; the text says whom."""


class BusyError(CommandRefusedError):
    """Too many requests wait already. Nothing changed; ask again later."""
