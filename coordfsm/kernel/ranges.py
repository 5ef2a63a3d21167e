"""How large what enters a process may be. Checked once, where it enters; what is inside may rely on it.

The bounds lie far below what the codec holds: an epoch that is counted up, a number that is added to another, still
encodes, travels and rests.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
from immutables import Map

from coordfsm.kernel.data import Value

LARGEST_NUMBER = 1 << 48

LONGEST_TEXT = 1_024
"""Characters of an id, an address, a label, a token or a reason."""


def out_of_range(value: Any, least: int = 0, longest: int = Value.longest_list) -> str | None:
    """What in a value is too large, not printable or ill formed, and what is expected; None for a sound value.

    Args:
        value: of any kind that travels or rests.
        least: the smallest number that it may be or hold, where no `Value` inside says otherwise.
        longest: the most entries that it may have, if it is a tuple, a frozenset or a map; likewise.

    Returns:
        A clause that names the innermost field, as in ``epoch is 281474976710657, expected 0 to 281474976710656``.
    """
    kind = type(value)
    if kind is int:
        sound = least <= value <= LARGEST_NUMBER
        return None if sound else f"is {value}, expected {least} to {LARGEST_NUMBER}"
    if kind is str:
        return _wrong_text(value)
    if isinstance(value, Value):
        fields = zip(value.__struct_fields__, msgspec.structs.astuple(value), strict=True)
        return _first(fields, value.least_number, value.longest_list) or value.ill_formed()
    if kind is tuple or kind is frozenset or kind is Map:
        return _wrong_list(value, least, longest)
    return None  # bytes are bounded by the message that carries them; numbers with a fraction do not travel


def _wrong_list(value: Any, least: int, longest: int) -> str | None:
    """Its length first: what is too long is not looked at."""
    if len(value) > longest:
        return f"is a list of {len(value):,} entries, expected at most {longest:,}"
    if type(value) is Map:
        items = ((str(key)[:40], item) for pair in value.items() for key, item in ((pair[0], pair[0]), pair))
        return _first(items, least, longest)
    return _first(((f"item {place}", item) for place, item in enumerate(value)), least, longest)


def not_ascending(name: str, keys: Iterable[Any]) -> str | None:
    """What is wrong when keys do not rise from one to the next: sorted, and each once."""
    for one, other in pairwise(keys):
        if one == other:
            return f"{name} has {one!s:.80} twice, expected each once"
        if one > other:
            return f"{name} has {other!s:.80} after {one!s:.80}, expected them sorted"
    return None


def _first(parts: Any, least: int, longest: int) -> str | None:
    for name, part in parts:
        wrong = out_of_range(part, least, longest)
        if wrong is not None:
            return f"{name} {wrong}" if wrong.startswith("is ") else wrong
    return None


def _wrong_text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"is a text of {len(text):,} characters, expected at most {LONGEST_TEXT:,}"
    return None if text.isprintable() else f"is {text!a:.80}, expected printable characters"
