"""What may be an id of an entity or a bubble: one rule, so that what one part accepts no other part chokes on."""

IDENTIFIER_LIMIT = 64
"""Characters of an id."""

EXPECTED = f"1 to {IDENTIFIER_LIMIT} printable characters without spaces"


def is_identifier(text: str) -> bool:
    """Whether a text can be an id: no control characters, which would reach terminals and logs, and not too long."""
    return 0 < len(text) <= IDENTIFIER_LIMIT and text.isprintable() and " " not in text
