"""What there is to draw: every machine of a process, by name, and the machines that a user's file declares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coordfsm.check.modelling.user_files import Siblings, run_as_module
from coordfsm.kernel import CoordfsmError, Machine, ModelError, TransitionTable, compile_machine
from coordfsm.protocols.node import MACHINES
from coordfsm.render.dot import to_dot
from coordfsm.render.mermaid import to_mermaid
from coordfsm.render.overview import overview_of
from coordfsm.render.state_diagram import Diagram, diagram_of

TEXTS: dict[str, Callable[[Diagram], str]] = {"dot": to_dot, "mermaid": to_mermaid}
"""The formats that are text, and so can be compared: layouts differ between versions of Graphviz, texts do not."""

KINDS: dict[str, Callable[[TransitionTable], Diagram]] = {"": diagram_of, "-overview": overview_of}
"""What is drawn of each machine, by what the name of its file ends with: the full diagram, and the overview."""
FULL, OVERVIEW = KINDS

ENDINGS = {"dot": "dot", "mermaid": "mmd", "svg": "svg", "png": "png", "text": "txt"}


class MachineFileError(CoordfsmError):
    """A file named by the user cannot be loaded, or declares no machine."""


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
    return tuple(_drawable(table) for table in MACHINES.values())


def drawables_in(path: Path) -> tuple[Drawable, ...]:
    """The machines that a Python file declares, in their order. The file is executed.

    Raises:
        MachineFileError: no such file, an error while it ran, or no machine in it.
        DeclarationError: a machine that does not compile.
    """
    if path.suffix != ".py" or not path.is_file():
        raise MachineFileError(f"{path} is not a Python file")
    try:
        module = run_as_module(path, Siblings(path))
    except ModelError as error:
        if isinstance(error.__cause__, CoordfsmError):
            raise error.__cause__ from None
        raise MachineFileError(str(error)) from error
    found = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Machine) and kind.__module__ == module.__name__
    ]
    if not found:
        raise MachineFileError(f"{path} declares no machine (a subclass of coordfsm.Machine)")
    return tuple(_drawable(compile_machine(kind)) for kind in found)


def _drawable(table: TransitionTable) -> Drawable:
    lines = (table.declaration.__doc__ or "").strip().splitlines()
    return Drawable(table.name, table, lines[0].strip() if lines else "")
