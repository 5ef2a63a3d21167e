"""When two values are the same one: equal, and alike in every part by type and bits.

Python's equality is coarser: `1`, `True` and `1.0` are equal, so are `0.0` and `-0.0`, a string and a member of an
enumeration, a tuple and a named tuple. A machine can tell them apart, so whoever counts states must, too. What does not
equal itself (`nan`) is no value at all: nobody could say whether a state was met before.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from immutables import Map

PLAIN = (str, int, bytes, bool, type(None))


def alike(one: Any, other: Any) -> bool:  # noqa: PLR0911  (one return a kind of value)
    """Whether two values are the same, by type and bits."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in PLAIN:
        return bool(one == other)
    if kind is float:
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, msgspec.Struct):
        return all(alike(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, frozenset):
        return len(one) == len(other) and all(_all_alike(one, other))
    if isinstance(one, Map):
        keys = _all_alike(frozenset(one), frozenset(other))
        return len(one) == len(other) and all(keys) and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _all_alike(some: frozenset[Any], others: frozenset[Any]) -> Iterator[bool]:
    by_value = {item: item for item in others}
    return (item in by_value and alike(item, by_value[item]) for item in some)


def unequal_part(value: Any) -> str | None:
    """Where a value holds something that does not equal itself, as ``path: value``; None if it does not."""
    return innermost(value, lambda part: part == part)  # noqa: PLR0124  (that is the question)


def innermost(value: Any, passes: Callable[[Any], bool]) -> str | None:
    """The first part without parts of its own that fails a test, as ``path: value``."""
    if type(value) in PLAIN:
        return None if passes(value) else f": {value!r}"
    found = False
    for name, part in parts_of(value):
        found = True
        inner = innermost(part, passes)
        if inner is not None:
            return f"{name}{inner}" if inner.startswith(("[", ":")) else f"{name}.{inner}"
    return None if found or passes(value) else f": {value!r}"


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a value with their names."""
    if isinstance(value, msgspec.Struct):
        yield from ((name, getattr(value, name)) for name in value.__struct_fields__)
    elif isinstance(value, Map):
        for key, part in value.items():
            yield from ((f"[key {key}]", key), (f"[{key}]", part))
    elif isinstance(value, tuple | frozenset):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
