"""What there is to draw: every machine of a process, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from coordfsm.kernel import TransitionTable
from coordfsm.protocols.node import MACHINES
from coordfsm.render.state_diagram import diagram_of, to_dot, to_mermaid

TEXTS: dict[str, Callable[[TransitionTable], str]] = {
    "dot": lambda table: to_dot(diagram_of(table)),
    "mermaid": lambda table: to_mermaid(diagram_of(table)),
}
"""The formats that are text, and so can be compared: layouts differ between versions of Graphviz, texts do not."""

ENDINGS = {"dot": "dot", "mermaid": "mmd", "svg": "svg", "png": "png"}


@dataclass(frozen=True)
class Drawable:
    """A machine that can be drawn.

    Attributes:
        name: class name of its declaration.
        table: compiled.
        summary: first line of the declaration's docstring.
    """

    name: str
    table: TransitionTable
    summary: str


def drawables() -> tuple[Drawable, ...]:
    """Every machine of a process, in the order in which they take an input."""
    return tuple(Drawable(name, table, _summary(table)) for name, table in MACHINES.items())


def _summary(table: TransitionTable) -> str:
    lines = (table.declaration.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""
