"""A topology too large for one message goes in parts: how it is cut, and what a reader holds of an unfinished one."""

from functools import lru_cache

from coordfsm.kernel import Value
from coordfsm.protocols.coordinator.registry import Hosting, Registry, changed_since
from coordfsm.protocols.view import ViewId

ENTRY_BYTES = 32
"""What an entry takes besides its strings, at most."""

STRING_BYTES = 3
"""What a string takes besides its characters, at most."""

_CACHED_CUTS = 16


class Partial(Value):
    """The first parts of a topology that is not whole yet. Volatile: after a crash the reader begins again.

    Attributes:
        view_id: of the topology.
        version: of the topology.
        base: the version that its entries build on; 0: none.
        parts: how many it has.
        taken: how many of them are held.
        entries: of those.
    """

    view_id: ViewId
    version: int
    base: int
    parts: int
    taken: int
    entries: tuple[Hosting, ...]


def weight(entry: Hosting) -> int:
    """No fewer bytes than an entry takes in a message."""
    return ENTRY_BYTES + sum(STRING_BYTES + len(text.encode()) for text in (entry.process, *entry.bubbles))


@lru_cache(_CACHED_CUTS)
def parts_since(registry: Registry, base: int, part_bytes: int) -> tuple[tuple[Hosting, ...], ...]:
    """What a reader of version `base` lacks, in parts; at least one, which may be empty.

    The same registry and base always give the same parts: every sending of one of them says the same.

    Args:
        registry: as published.
        base: the version that the reader holds; 0: none.
        part_bytes: no part is larger, unless it is a single entry.
    """
    parts: list[list[Hosting]] = [[]]
    size = 0
    for entry in changed_since(registry, base):
        bytes_more = weight(entry)
        if parts[-1] and size + bytes_more > part_bytes:
            parts.append([])
            size = 0
        parts[-1].append(entry)
        size += bytes_more
    return tuple(map(tuple, parts))
