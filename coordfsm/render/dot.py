"""A state diagram as DOT text: the same bytes for the same machine.

Written for `dot` of Graphviz and for its ports alike: only HTML-like tables, clusters and plain edges. Colours are
fixed on white paper, so that a picture reads the same on a light and on a dark page. An arrow that leaves a compound
state starts at a small "in any state" box inside: an edge clipped at the cluster's border would part from its label.
"""

from html import escape

from coordfsm.render.state_diagram import Arrow, Box, Diagram, Group, Label

WIDTH = 46
"""Characters after which a label is broken, between words."""

INK, PAPER, FRAME, FILL, EDGE = "#1f2933", "#ffffff", "#7b8794", "#f5f7fa", "#52606d"
COLOURS = {"event": "#1f2933", "guard": "#9a3412", "action": "#1d4ed8"}
FONT = "Helvetica"


def to_dot(diagram: Diagram) -> str:
    """The DOT text of a state diagram."""
    boxes = {box.id: box for box in diagram.boxes}
    grouped = {leaf for group in diagram.groups for leaf in group.leaves}
    leaving = {arrow.source for arrow in diagram.arrows}
    title = f'<tr><td align="left"><b><font point-size="18">{escape(diagram.name)}</font></b></td></tr>'
    if diagram.summary:
        title += f'<tr><td align="left"><font color="{EDGE}">{escape(diagram.summary)}</font></td></tr>'
    title = f'<table border="0" cellspacing="0" cellpadding="3">{title}</table>'
    lines = [
        f'digraph "{diagram.name}" {{',
        f'  graph [bgcolor="{PAPER}", fontname="{FONT}", fontsize=12, fontcolor="{INK}", label=<{title}>, labelloc=t,',
        "    labeljust=l, nodesep=0.6, ranksep=0.65, pad=0.3, splines=spline, rankdir=TB]",
        f'  node [shape=plain, fontname="{FONT}", fontsize=12, fontcolor="{INK}"]',
        f'  edge [fontname="{FONT}", fontsize=10, fontcolor="{INK}", color="{EDGE}", arrowsize=0.8]',
        f'  "*start*" [shape=circle, style=filled, fillcolor="{INK}", label="", width=0.18, height=0.18]',
    ]
    for group in diagram.groups:
        lines += _cluster(group, boxes, leaving, "  ")
    lines += [f"  {_box(box)}" for box in diagram.boxes if box.id not in grouped]
    lines += [f'  "*start*" -> "{box.id}"' for box in diagram.boxes if box.initial]
    lines += [f"  {_arrow(arrow)}" for arrow in diagram.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _cluster(group: Group, boxes: dict[str, Box], leaving: set[str], indent: str) -> list[str]:
    lines = [
        f'{indent}subgraph "cluster_{group.id}" {{',
        f"{indent}  label=<<b>{escape(group.id)}</b>>; labeljust=l; fontsize=13; margin=18",
        f'{indent}  style="rounded,filled"; color="{FRAME}"; fillcolor="{PAPER}"',
    ]
    if group.id in leaving:
        lines.append(
            f'{indent}  "{group.id}" [shape=box, style="rounded,dashed", color="{FRAME}", fontsize=11, '
            f'label="in any state", margin="0.12,0.06", height=0.3]'
        )
    lines += [f"{indent}  {_box(boxes[member])}" for member in group.members]
    for inner in group.groups:
        lines += _cluster(inner, boxes, leaving, indent + "  ")
    return [*lines, f"{indent}}}"]


def _box(box: Box) -> str:
    rows = f'<tr><td cellpadding="5"><b>{escape(box.id)}</b></td></tr>'
    if box.labels:
        rows += f'<hr/><tr><td><font point-size="10">{_stack(box.labels, FILL)}</font></td></tr>'
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
    # Paper behind a label keeps it readable on the border of a compound state; the rim keeps it off the lines.
    label = f'<table border="0" cellspacing="0" cellpadding="4"><tr><td>{_stack(arrow.labels, PAPER)}</td></tr></table>'
    return f'"{arrow.source}" -> "{arrow.target}" [label=<{label}>]'


def _stack(labels: tuple[Label, ...], paper: str) -> str:
    cells = "".join(f'<tr><td align="left" balign="left">{_rows(label)}</td></tr>' for label in labels)
    return f'<table border="0" cellspacing="0" cellpadding="2" bgcolor="{paper}">{cells}</table>'


def _rows(label: Label) -> str:
    return "".join(
        "&#32;&#32;" * (number > 0) + _coloured(row) + '<br align="left"/>' for number, row in enumerate(broken(label))
    )


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
