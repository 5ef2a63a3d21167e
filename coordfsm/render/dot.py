"""A state diagram as DOT text: the same bytes for the same machine.

Written for `dot` of Graphviz and for its ports alike: only HTML-like tables, clusters and plain edges. Colours are
fixed on white paper, so that a picture reads the same on a light and on a dark page. An arrow that leaves a compound
state starts at a small "in any state" box inside: an edge clipped at the cluster's border would part from its label.
Every cell is made wide enough for the widest font that a viewer may draw it with.
"""

from html import escape
from math import ceil

from coordfsm.render.metrics import width_of
from coordfsm.render.state_diagram import Arrow, Box, Diagram, Group, Label

WIDTH = 46
"""Characters after which a label is broken, between words."""

INK, PAPER, FRAME, FILL, EDGE = "#1f2933", "#ffffff", "#7b8794", "#f5f7fa", "#52606d"
COLOURS = {"event": "#1f2933", "guard": "#9a3412", "action": "#1d4ed8"}
FONT = "Helvetica"
TITLE_SIZE, NAME_SIZE, LABEL_SIZE = 18, 12, 10
POINTS = 72
"""In an inch, the unit of nodes; tables are in points."""
INDENT = "  "
"""Before each further row of a label."""


def to_dot(diagram: Diagram) -> str:
    """The DOT text of a state diagram."""
    boxes = {box.id: box for box in diagram.boxes}
    grouped = {leaf for group in diagram.groups for leaf in group.leaves}
    leaving = {arrow.source for arrow in diagram.arrows}
    title = _title(diagram)
    lines = [
        f'digraph "{diagram.name}" {{',
        f'  graph [bgcolor="{PAPER}", fontname="{FONT}", fontsize={NAME_SIZE}, fontcolor="{INK}",',
        f"    label=<{title}>, labelloc=t, labeljust=l,",
        "    nodesep=0.6, ranksep=0.65, pad=0.3, splines=spline, rankdir=TB]",
        f'  node [shape=plain, fontname="{FONT}", fontsize={NAME_SIZE}, fontcolor="{INK}"]',
        f'  edge [fontname="{FONT}", fontsize={LABEL_SIZE}, fontcolor="{INK}", color="{EDGE}", arrowsize=0.8]',
        f'  "*start*" [shape=circle, style=filled, fillcolor="{INK}", label="", width=0.18, height=0.18]',
    ]
    for group in diagram.groups:
        lines += _cluster(group, boxes, leaving, "  ")
    lines += [f"  {_box(box)}" for box in diagram.boxes if box.id not in grouped]
    lines += [f'  "*start*" -> "{box.id}"' for box in diagram.boxes if box.initial]
    lines += [f"  {_arrow(arrow)}" for arrow in diagram.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def room(text: str, size: float, *, bold: bool = False, padding: int = 0) -> str:
    """The attribute that makes a cell of a table wide enough for a text in any font."""
    return f'width="{ceil(width_of(text, size, bold=bold)) + 2 * padding}"'


def _wide(text: str, size: float, *, bold: bool = False, padding: int) -> str:
    """The attribute that makes a node wide enough for its label in any font."""
    return f"width={(width_of(text, size, bold=bold) + 2 * padding) / POINTS:.2f}"


def _title(diagram: Diagram) -> str:
    name, padding = escape(diagram.name), 3
    wide = room(diagram.name, TITLE_SIZE, bold=True, padding=padding)
    rows = f'<tr><td align="left" {wide}><b><font point-size="{TITLE_SIZE}">{name}</font></b></td></tr>'
    for line in (diagram.summary, diagram.legend):
        if line:
            wide = room(line, NAME_SIZE, padding=padding)
            rows += f'<tr><td align="left" {wide}><font color="{EDGE}">{escape(line)}</font></td></tr>'
    return f'<table border="0" cellspacing="0" cellpadding="{padding}">{rows}</table>'


def _cluster(group: Group, boxes: dict[str, Box], leaving: set[str], indent: str) -> list[str]:
    name = (
        f'<table border="0" cellspacing="0" cellpadding="0"><tr><td align="left" {room(group.id, 13, bold=True)}>'
        f"<b>{escape(group.id)}</b></td></tr></table>"
    )
    lines = [
        f'{indent}subgraph "cluster_{group.id}" {{',
        f"{indent}  label=<{name}>; labeljust=l; fontsize=13; margin=18",
        f'{indent}  style="rounded,filled"; color="{FRAME}"; fillcolor="{PAPER}"',
    ]
    if group.id in leaving:
        lines.append(
            f'{indent}  "{group.id}" [shape=box, style="rounded,dashed", color="{FRAME}", fontsize=11, '
            f'label="in any state", margin=0, {_wide("in any state", 11, padding=9)}, height=0.3]'
        )
    lines += [f"{indent}  {_box(boxes[member])}" for member in group.members]
    for inner in group.groups:
        lines += _cluster(inner, boxes, leaving, indent + "  ")
    return [*lines, f"{indent}}}"]


def _box(box: Box) -> str:
    if not box.labels:
        # A plain label is centred in whatever font; a cell of a table only in the one that Graphviz measured.
        rims = ", peripheries=2" if box.final else ""
        return (
            f'"{box.id}" [shape=box, style="rounded,filled", color="{FRAME}", fillcolor="{FILL}"{rims}, '
            f'fontname="{FONT}-Bold", label="{box.id}", margin=0, {_wide(box.id, NAME_SIZE, bold=True, padding=10)}, '
            "height=0.36]"
        )
    wide = room(box.id, NAME_SIZE, bold=True, padding=5)
    rows = f'<tr><td cellpadding="5" {wide}><b>{escape(box.id)}</b></td></tr>'
    rows += f'<hr/><tr><td><font point-size="{LABEL_SIZE}">{_stack(box.labels, FILL)}</font></td></tr>'
    table = (
        f'<table border="1" cellborder="0" cellspacing="0" cellpadding="4" style="rounded" color="{FRAME}" '
        f'bgcolor="{FILL}">{rows}</table>'
    )
    if box.final:
        table = (
            f'<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" color="{FRAME}">'
            f"<tr><td>{table}</td></tr></table>"
        )
    return f'"{box.id}" [label=<{table}>]'


def _arrow(arrow: Arrow) -> str:
    attributes = ["style=dashed"] if arrow.dashed else []
    if arrow.labels:
        # Paper behind a label keeps it readable on the border of a compound state; the rim keeps it off the lines.
        stack = _stack(arrow.labels, PAPER)
        cell = f'<table border="0" cellspacing="0" cellpadding="4"><tr><td>{stack}</td></tr></table>'
        attributes.append(f"label=<{cell}>")
    return f'"{arrow.source}" -> "{arrow.target}"' + (f" [{', '.join(attributes)}]" if attributes else "")


def _stack(labels: tuple[Label, ...], paper: str) -> str:
    cells = "".join(_cell(broken(label)) for label in labels)
    return f'<table border="0" cellspacing="0" cellpadding="2" bgcolor="{paper}">{cells}</table>'


def _cell(rows: list[list[tuple[str, str]]]) -> str:
    written = (INDENT * (number > 0) + " ".join(word for _, word in row) for number, row in enumerate(rows))
    wide = room(max(written, key=lambda row: width_of(row, LABEL_SIZE)), LABEL_SIZE, padding=2)
    drawn = (
        "&#32;" * len(INDENT) * (number > 0) + _coloured(row) + '<br align="left"/>' for number, row in enumerate(rows)
    )
    return f'<tr><td align="left" balign="left" {wide}>{"".join(drawn)}</td></tr>'


def _coloured(row: list[tuple[str, str]]) -> str:
    words = " ".join(f'<font color="{COLOURS[kind]}">{escape(word)}</font>' for kind, word in row)
    # A space between two elements is dropped by some versions: keep it inside.
    return words.replace("</font> <font", " </font><font")


def broken(label: Label, width: int = WIDTH) -> list[list[tuple[str, str]]]:
    """A label's words in rows of at most `width` characters (a longer word has its own row)."""
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0
    for kind, word in label.words():
        if rows[-1] and used + 1 + len(word) > width:
            rows.append([])
            used = 2
        rows[-1].append((kind, word))
        used += len(word) + 1
    return rows
