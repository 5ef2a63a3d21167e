"""Text for people: styled on a terminal, plain everywhere else, and a progress line on stderr."""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TextIO

PLAIN_WIDTH = 100
REFRESH_SECONDS = 0.2


class Span(NamedTuple):
    """A piece of a line with a style that rich understands."""

    text: str
    style: str = ""


Line = Sequence[Span]


def is_terminal(stream: TextIO) -> bool:
    """Whether a person reads this stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns that a line may take."""
    return shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if is_terminal(sys.stdout) else PLAIN_WIDTH


def write_lines(lines: Iterable[Line]) -> None:
    """Print lines to stdout."""
    if not is_terminal(sys.stdout):
        for line in lines:
            print("".join(span.text for span in line).rstrip())
        return
    from rich.console import Console  # noqa: PLC0415  (only on a terminal)
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*(Text(span.text, style=span.style) for span in line)))


def paragraph(text: str, indent: int = 0, style: str = "", hanging: int = 0) -> list[Line]:
    """Text broken into lines that fit; a text without a break in it stays whole."""
    lines = textwrap.wrap(
        text,
        max(width() - 1, 40),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [(Span(line, style),) for line in lines]


def shown(text: str) -> str:
    """Text that comes from elsewhere, on one line, with all that a terminal would act on escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ProgressLine:
    """One line on stderr that is rewritten while something runs; silent unless stderr is a terminal."""

    def __init__(self) -> None:
        self._shown = is_terminal(sys.stderr)
        self._last = 0.0
        self._dirty = False

    def show(self, text: str) -> None:
        """Replace the line, unless it was replaced a moment ago."""
        now = time.monotonic()
        if self._shown and now - self._last >= REFRESH_SECONDS:
            self._last, self._dirty = now, True
            limit = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns - 1
            print(f"\r\x1b[K{text[:limit]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave no trace of the line."""
        if self._dirty:
            self._dirty, self._last = False, 0.0
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
