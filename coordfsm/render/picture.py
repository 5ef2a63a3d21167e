"""From DOT to SVG and PNG: a `dot` on the PATH, else the wheel graphviz-pure, else a clear refusal."""

import os
import shutil
import subprocess
import sys
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
    return picture


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    lines = said.decode(errors="replace").strip().splitlines() if said else []
    return lines[-1] if lines else str(error)
