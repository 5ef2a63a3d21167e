"""A value of any `Value` type, from its annotations: enough to send it, store it, or name its event."""

import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from coordfsm.kernel import Map, Value


def example_of(kind: Any) -> Any:
    """Some value of the type, fields without defaults filled in from their types."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return example_of(arguments[0])
    if origin is tuple:
        return (example_of(arguments[0]),) if arguments[-1] is Ellipsis else tuple(example_of(a) for a in arguments)
    if origin is frozenset:
        return frozenset({example_of(arguments[0])})
    if origin is Map:
        return Map({example_of(arguments[0]): example_of(arguments[1])})
    if isinstance(kind, type) and issubclass(kind, Value):
        hints = get_type_hints(kind)
        return kind(**{field.name: example_of(hints[field.name]) for field in msgspec.structs.fields(kind)})
    return {str: "text", int: 1, bool: True, bytes: b"bytes", float: 1.0, type(None): None}[kind]
