"""From DOT to SVG and PNG: a `dot` on the PATH, else the wheel graphviz-pure, else a clear refusal."""

import os
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import graphviz
from graphviz.backend import dot_command

from coordfsm.kernel import CoordfsmError

MISSING = (
    "no Graphviz to draw svg and png with: install the wheel graphviz-pure or the program dot "
    "(or name it in COORDFSM_DOT); the formats dot and mermaid need neither"
)


class RenderError(CoordfsmError):
    """A picture could not be drawn; the DOT and mermaid texts can."""


def backend() -> str | None:
    """The program that lays out graphs, or None. ``COORDFSM_DOT`` names one explicitly."""
    beside = Path(sys.executable).parent / "graphviz-pure"
    candidates = (
        os.environ.get("COORDFSM_DOT"),
        shutil.which("dot"),
        shutil.which("graphviz-pure"),
        str(beside) if beside.exists() else None,
    )
    return next((candidate for candidate in candidates if candidate), None)


def draw(dot: str, form: str, *, placed: bool = False) -> bytes:
    """Lay out a DOT text.

    Args:
        dot: the text.
        form: ``svg`` or ``png``.
        placed: the text fixes the positions itself.

    Raises:
        RenderError: there is no backend, or it failed.
    """
    program = backend()
    if program is None:
        raise RenderError(MISSING)
    # The package runs the program of this name; it has no other way to be told.
    dot_command.DOT_BINARY = Path(program)
    try:
        picture: bytes = graphviz.pipe(
            "neato" if placed else "dot", form, dot.encode(), neato_no_op=2 if placed else None, quiet=True
        )
    except graphviz.ExecutableNotFound as error:
        raise RenderError(f"{program} failed: it cannot be run") from error
    except (subprocess.CalledProcessError, OSError) as error:
        raise RenderError(f"{program} failed: {_reason(error)}") from error
    if not picture:
        raise RenderError(f"{program} failed: no output")
    return flowing(picture.decode()).encode() if form == "svg" else picture


WORDS = re.compile(r'<text xml:space="preserve" text-anchor="start" x="([^"]*)" y="([^"]*)"([^>]*)>(.*)</text>\n')
FILL = re.compile(r' fill="([^"]*)"')


def flowing(svg: str) -> str:
    """An SVG in which the words of one row follow each other, whatever font they are drawn with.

    Graphviz gives each change of colour in a row a place of its own, by the widths of the font that it measured. In
    another font the words would lie on each other, or stand apart.
    """
    lines = svg.splitlines(keepends=True)
    rows = groupby(lines, key=_row_of)
    return "".join(line for row, found in rows for line in ((_joined(list(found)),) if row else found))


def _row_of(line: str) -> tuple[str, str] | None:
    """Where a row of words is and how it is written, without its colour."""
    words = WORDS.fullmatch(line)
    return (words[2], FILL.sub("", words[3])) if words else None


def _joined(lines: list[str]) -> str:
    if len(lines) == 1:
        return lines[0]
    found = [words for line in lines if (words := WORDS.fullmatch(line))]
    y, style = _row_of(lines[0]) or ("", "")
    parts = "".join(f"<tspan{(FILL.search(words[3]) or [''])[0]}>{words[4]}</tspan>" for words in found)
    return f'<text xml:space="preserve" text-anchor="start" x="{found[0][1]}" y="{y}"{style}>{parts}</text>\n'


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    lines = said.decode(errors="replace").strip().splitlines() if said else []
    return lines[-1] if lines else str(error)
