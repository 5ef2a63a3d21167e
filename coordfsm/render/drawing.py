"""A machine or a counterexample as the content of a file, in one call."""

from typing import Literal

from coordfsm.check.trace import Trace, story
from coordfsm.kernel import Machine, ParameterError, TransitionTable, compile_machine
from coordfsm.render import sequence_chart
from coordfsm.render.catalogue import FULL, KINDS, OVERVIEW, TEXTS
from coordfsm.render.picture import draw as painted

Form = Literal["svg", "png", "dot", "mermaid", "text"]


def draw(what: type[Machine] | TransitionTable | Trace, form: Form = "svg", *, overview: bool = False) -> bytes:
    """The state diagram of a machine, or the sequence chart of a counterexample.

    Args:
        what: a machine's declaration, compiled or not, or `Report.counterexample`.
        form: ``svg``, ``png``, ``dot`` or ``mermaid``; of a counterexample also ``text``, the story.
        overview: of a machine: only the transitions that change its state.

    Returns:
        The content of a file; texts are in UTF-8.

    Raises:
        ParameterError: a machine has no ``text``.
        DeclarationError: the machine does not compile.
        RenderError: ``svg`` and ``png`` need Graphviz, and there is none, or it failed.
    """
    if isinstance(what, Trace):
        return chart(what, form)
    if form == "text":
        raise ParameterError("a machine cannot be drawn as text; the formats are: svg, png, dot, mermaid")
    table = what if isinstance(what, TransitionTable) else compile_machine(what)
    return state_diagram(table, OVERVIEW if overview else FULL, form)


def state_diagram(table: TransitionTable, kind: str, form: str) -> bytes:
    """A compiled machine in a format other than ``text``; `kind` is one of `KINDS`.

    Raises:
        RenderError: as of `draw`.
    """
    diagram = KINDS[kind](table)
    return TEXTS[form](diagram).encode() if form in TEXTS else painted(TEXTS["dot"](diagram), form)


def chart(trace: Trace, form: str) -> bytes:
    """A counterexample in any format.

    Raises:
        RenderError: as of `draw`.
    """
    if form == "text":
        return story(trace).encode()
    if form == "mermaid":
        return sequence_chart.to_mermaid(trace).encode()
    dot = sequence_chart.to_dot(trace)
    return dot.encode() if form == "dot" else painted(dot, form, placed=True)
