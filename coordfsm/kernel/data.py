"""Frozen, typed, hashable data: the only kind of value that machines hold, receive and emit.

Two rules:

1. A `Value` of one type never equals a `Value` of another, even with equal fields (named tuples would, and
   would merge states that differ).
2. Everything inside a `Value` is immutable and hashable: other values, numbers, strings, bytes, tuples,
   frozensets and `Map`. Never a list, dict or set.
"""

from typing import ClassVar, dataclass_transform

import msgspec
from immutables import Map


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """Base of all machine data, messages, commands and records.

    Subclasses inherit: frozen (and so hashable), encoded as an array that starts with the class name, and
    not tracked by the garbage collector (values are acyclic by construction).

    Attributes:
        least_number: no number of the value is smaller; -1 where that stands for "none".
        longest_list: no tuple, frozenset or map among its fields has more entries.
    """

    least_number: ClassVar[int] = 0
    longest_list: ClassVar[int] = 4_096

    def ill_formed(self) -> str | None:
        """What is wrong in how the fields stand to each other, and what is expected; None for a sound value.

        Asked where a value enters a process (`ranges`): what is inside may rely on it.
        """
        return None


__all__ = ["Map", "Value"]
