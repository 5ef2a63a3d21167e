"""How a permutation of interchangeable nodes acts on values: every string that is a node's name is replaced."""

from collections.abc import Mapping
from typing import Any

import msgspec
import xxhash

from coordfsm.kernel import Map, Value

MASK = (1 << 64) - 1


def rename(value: Any, names: Mapping[str, str]) -> Any:
    """The same value with other names for nodes. Strings that are no key of `names` stay as they are."""
    if type(value) is str:
        return names.get(value, value)
    if isinstance(value, Value):
        fields = {name: rename(getattr(value, name), names) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    if isinstance(value, Map):
        return Map({rename(key, names): rename(item, names) for key, item in value.items()})
    if isinstance(value, tuple):
        items = tuple(rename(item, names) for item in value)
        return type(value)(*items) if hasattr(value, "_fields") else items
    if isinstance(value, frozenset):
        return frozenset(rename(item, names) for item in value)
    return value


def role(value: Any, name: str, groups: Mapping[str, int]) -> int:
    """What part a node plays in a value: 64 bits that do not change when the nodes of its group are renamed.

    The name itself counts as "this one", other names only by the number of their group in `groups`, and the order of
    items not at all, so that a renaming may reorder them.
    """
    if type(value) is str:
        text = "\0this" if value == name else f"\0group {groups[value]}" if value in groups else value
        return _hashed(text)
    if isinstance(value, Value):
        parts = [role(getattr(value, field), name, groups) for field in value.__struct_fields__]
        return _mixed(type(value).__name__, parts)
    if isinstance(value, Map):
        pairs = (_mixed("pair", [role(key, name, groups), role(item, name, groups)]) for key, item in value.items())
        return _mixed("map", [sum(pairs) & MASK])
    if isinstance(value, tuple | frozenset):
        return _mixed("items", [sum(role(item, name, groups) for item in value) & MASK])
    return _hashed(f"{type(value).__name__}:{value!r}")


def _mixed(kind: str, parts: list[int]) -> int:
    return _hashed(kind + ",".join(map(str, parts)))


def _hashed(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())
