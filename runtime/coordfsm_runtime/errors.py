"""Typed errors of the runtime: each names what was wrong and what was expected."""

from coordfsm.kernel import CoordfsmError


class ConfigurationError(CoordfsmError):
    """A setting is missing, unknown, mistyped or out of range.

    Attributes:
        source: the file, environment variable or flag that gave the value.
        key: the setting, ``section.name``.
        value: what was given, or None when nothing was.
        expected: what would be accepted.
    """

    def __init__(self, source: str, key: str, value: object, expected: str) -> None:
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


class BusyError(CommandRefusedError):
    """Too many requests wait already. Nothing changed; ask again later."""
