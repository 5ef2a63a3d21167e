"""How large what enters a process may be. Checked once, where it enters; what is inside may rely on it.

The bounds lie far below what the codec holds: an epoch that is counted up, a number that is added to another, still
encodes, travels and rests.
"""

from typing import Any

import msgspec
from immutables import Map

LEAST_NUMBER = -1
"""Below every count: what stands for "none" (the ballot before the first)."""

LARGEST_NUMBER = 1 << 48

LONGEST_TEXT = 1_024
"""Characters of an id, an address, a label, a token or a reason."""


def out_of_range(value: Any) -> str | None:
    """What in a value is too large, or not printable, and what is expected; None for a sound value.

    Returns:
        A clause that names the innermost field, as in ``epoch is 281474976710657, expected -1 to 281474976710656``.
    """
    kind = type(value)
    if kind is int:
        sound = LEAST_NUMBER <= value <= LARGEST_NUMBER
        return None if sound else f"is {value}, expected {LEAST_NUMBER} to {LARGEST_NUMBER}"
    if kind is str:
        return _wrong_text(value)
    if isinstance(value, msgspec.Struct):
        return _first(zip(value.__struct_fields__, msgspec.structs.astuple(value), strict=True))
    if kind is Map:
        return _first((str(key)[:40], item) for pair in value.items() for key, item in ((pair[0], pair[0]), pair))
    if kind is tuple or kind is frozenset:
        return _first((f"item {place}", item) for place, item in enumerate(value))
    return None  # bytes are bounded by the message that carries them; numbers with a fraction do not travel


def _first(parts: Any) -> str | None:
    for name, part in parts:
        wrong = out_of_range(part)
        if wrong is not None:
            return f"{name} {wrong}" if wrong.startswith("is ") else wrong
    return None


def _wrong_text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"is a text of {len(text):,} characters, expected at most {LONGEST_TEXT:,}"
    return None if text.isprintable() else f"is {text!a:.80}, expected printable characters"
