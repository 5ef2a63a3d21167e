"""From DOT to SVG and PNG: a `dot` on the PATH, else the wheel graphviz-pure, else a clear refusal."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from coordfsm.kernel import CoordfsmError

SECONDS = 120
"""A layout that takes longer is given up."""

MISSING = (
    "no Graphviz to draw svg and png with: install the wheel graphviz-pure or the program dot "
    "(or name it in COORDFSM_DOT); the formats dot and mermaid need neither"
)


class RenderError(CoordfsmError):
    """A picture could not be drawn; the DOT and mermaid texts can."""


def backend() -> list[str] | None:
    """The command that lays out graphs, or None. ``COORDFSM_DOT`` names one explicitly."""
    chosen = os.environ.get("COORDFSM_DOT")
    if chosen:
        return [chosen]
    beside = Path(sys.executable).parent / "graphviz-pure"
    for candidate in (shutil.which("dot"), shutil.which("graphviz-pure"), str(beside) if beside.exists() else None):
        if candidate:
            return [candidate]
    return None


def draw(dot: str, form: str, *, placed: bool = False) -> bytes:
    """Lay out a DOT text.

    Args:
        dot: the text.
        form: ``svg`` or ``png``.
        placed: the text fixes the positions itself.

    Raises:
        RenderError: there is no backend, or it failed.
    """
    command = backend()
    if command is None:
        raise RenderError(MISSING)
    options = ["-Kneato", "-n2"] if placed else ["-Kdot"]
    try:
        done = subprocess.run(  # noqa: S603  (the command is found above, the text goes through a pipe)
            [*command, *options, f"-T{form}"], input=dot.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RenderError(f"{command[0]} failed: {error}") from error
    if done.returncode or not done.stdout:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise RenderError(f"{command[0]} failed: {reason[-1] if reason else 'no output'}")
    return done.stdout
