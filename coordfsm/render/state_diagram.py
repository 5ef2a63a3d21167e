"""A machine's picture as data, taken from its compiled table, and its DOT and mermaid texts.

Rules that change the state are arrows, those between the same two states stacked in one label; rules that stay
are listed inside their state, as UML does. What the machine ignores is not drawn. Rules are tried from top to
bottom; ``[else]`` marks one that is taken when no guarded rule before it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from coordfsm.kernel import Rule, TransitionTable

WRAP = 44
"""Characters after which a label's line is broken, between words."""

INK, PAPER, FRAME, FILL, HEAD, EDGE = "#1f2933", "#ffffff", "#52606d", "#f5f7fa", "#d9e2ec", "#334e68"
FONT = "Helvetica"


@dataclass(frozen=True)
class Box:
    """A state.

    Attributes:
        id: leaf state id.
        initial: whether the machine starts here.
        final: whether nothing leads out.
        lines: the rules that stay here, one line each.
    """

    id: str
    initial: bool
    final: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """A compound state: its id, and the ids of the leaves inside."""

    id: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """All rules from one state to another, one line each."""

    source: str
    target: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """A machine's picture."""

    name: str
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    arrows: tuple[Arrow, ...]


def diagram_of(table: TransitionTable) -> Diagram:
    """The picture of a compiled machine, in declared order."""
    rules = [(rule, _is_else(rule, group)) for group in table.rules.values() for rule in group]
    leaving = {rule.source for rule, _ in rules if rule.target != rule.source}
    boxes = tuple(
        Box(
            state,
            state == table.initial,
            state not in leaving,
            _lines(pair for pair in rules if pair[0].source == pair[0].target == state),
        )
        for state in table.states
    )
    arrows = tuple(
        Arrow(source, target, lines)
        for source in table.states
        for target in table.states
        if source != target and (lines := _lines(p for p in rules if (p[0].source, p[0].target) == (source, target)))
    )
    groups = tuple(_groups(table.declaration.states))
    for group in groups:
        arrows = _shared_arrows(group, arrows)
    return Diagram(table.name, boxes, groups, arrows)


def _shared_arrows(group: Group, arrows: tuple[Arrow, ...]) -> tuple[Arrow, ...]:
    """What all states of a group have in common leaves from the group as one arrow."""
    held = {(arrow.source, arrow.target): arrow.lines for arrow in arrows}
    outside = dict.fromkeys(arrow.target for arrow in arrows if arrow.target not in group.members)
    kept, shared = dict(held), []
    for target in outside:
        lines = [held.get((member, target), ()) for member in group.members]
        common = tuple(line for line in lines[0] if all(line in other for other in lines))
        if common:
            shared.append(Arrow(group.id, target, common))
            for member in group.members:
                kept[member, target] = tuple(line for line in held[member, target] if line not in common)
    return (*(Arrow(*ends, lines) for ends, lines in kept.items() if lines), *shared)


def _is_else(rule: Rule, group: tuple[Rule, ...]) -> bool:
    return not rule.guards and group[0] is not rule


def _groups(states: Iterable[Any]) -> Iterator[Group]:
    for state in states:
        if state.states:
            yield Group(state.id, tuple(child.id for child in state.states))


def _lines(rules: Iterable[tuple[Rule, bool]]) -> tuple[str, ...]:
    """One line for each guard and action, with all events that share them."""
    shared: dict[tuple[str, str], list[str]] = {}
    for rule, is_else in rules:
        condition = "else" if is_else else " and ".join(rule.guard_names)
        shared.setdefault((condition, rule.action_name), []).append(rule.event)
    return tuple(
        ", ".join(dict.fromkeys(events)) + (f" [{condition}]" if condition else "") + (f" / {action}" if action else "")
        for (condition, action), events in shared.items()
    )


def wrapped(line: str, width: int = WRAP) -> list[str]:
    """A line broken between words, and within a word that is longer; continuations are indented."""
    rows: list[str] = []
    row = ""
    parts = (word[at : at + width] for word in line.split(" ") for at in range(0, len(word) or 1, width))
    for part in parts:
        if row and len(row) + 1 + len(part) > width:
            rows.append(row)
            row = "   " + part
        else:
            row = f"{row} {part}" if row else part
    return [*rows, row]


# -- DOT -----------------------------------------------------------------------------------------------------------


def to_dot(diagram: Diagram) -> str:
    """The DOT text: the same bytes for the same machine."""
    lines = [
        f'digraph "{diagram.name}" {{',
        f'  graph [bgcolor="{PAPER}", fontname="{FONT}", fontsize=20, fontcolor="{INK}", label="{diagram.name}",',
        "    compound=true, newrank=true, labelloc=t, labeljust=l, nodesep=0.7, ranksep=0.75, pad=0.4, splines=spline,",
        "    rankdir=TB]",
        f'  node [shape=plain, fontname="{FONT}", fontsize=12, fontcolor="{INK}"]',
        f'  edge [fontname="{FONT}", fontsize=10, fontcolor="{INK}", color="{EDGE}", arrowsize=0.8]',
        f'  "*start*" [shape=circle, style=filled, fillcolor="{INK}", label="", width=0.16, height=0.16]',
    ]
    grouped = {member for group in diagram.groups for member in group.members}
    boxes = {box.id: box for box in diagram.boxes}
    for number, group in enumerate(diagram.groups):
        lines.append(f'  subgraph "cluster_{number}" {{')
        lines.append(f'    label="{group.id}"; style="rounded"; color="{FRAME}"; fontsize=14; labeljust=l; margin=24')
        lines += [f"    {_dot_box(boxes[member])}" for member in group.members]
        lines.append("  }")
    lines += [f"  {_dot_box(box)}" for box in diagram.boxes if box.id not in grouped]
    lines += [f'  "*start*" -> "{box.id}" [label=""]' for box in diagram.boxes if box.initial]
    clusters = {group.id: (f"cluster_{number}", group.members[0]) for number, group in enumerate(diagram.groups)}
    for arrow in diagram.arrows:
        cluster, source = clusters.get(arrow.source, ("", arrow.source))
        tail = f', ltail="{cluster}"' if cluster else ""
        lines.append(f'  "{source}" -> "{arrow.target}" [label={_dot_label(arrow.lines)}{tail}]')
    return "\n".join([*lines, "}"]) + "\n"


def _dot_box(box: Box) -> str:
    border = 3 if box.final else 1
    rows = [f'<tr><td bgcolor="{HEAD}" cellpadding="6"><b>{escape(box.id)}</b></td></tr>']
    if box.lines:
        text = "".join(_html_rows(line) for line in box.lines)
        rows.append(f'<tr><td align="left" balign="left" cellpadding="6"><font point-size="10">{text}</font></td></tr>')
    table = (
        f'<table border="{border}" cellborder="0" cellspacing="0" style="rounded" color="{FRAME}" bgcolor="{FILL}">'
        f"{''.join(rows)}</table>"
    )
    return f'"{box.id}" [label=<{table}>]'


def _dot_label(lines: tuple[str, ...]) -> str:
    text = "".join(_html_rows(line) for line in lines)
    return f'<<table border="0" cellpadding="3"><tr><td align="left" balign="left">{text}</td></tr></table>>'


def _html_rows(line: str) -> str:
    rows = [escape(row).replace("   ", "&#160;&#160;&#160;") for row in wrapped(line)]
    return "".join(f'{row}<br align="left"/>' for row in rows)


# -- mermaid -------------------------------------------------------------------------------------------------------


def to_mermaid(diagram: Diagram) -> str:
    """The mermaid text (stateDiagram-v2)."""
    lines = ["---", f"title: {diagram.name}", "---", "stateDiagram-v2"]
    for group in diagram.groups:
        lines.append(f"  state {group.id} {{")
        lines += [f"    state {member}" for member in group.members]
        lines.append("  }")
    lines += [f"  [*] --> {box.id}" for box in diagram.boxes if box.initial]
    for arrow in diagram.arrows:
        lines.append(f"  {arrow.source} --> {arrow.target} : {'<br/>'.join(_mermaid(line) for line in arrow.lines)}")
    for box in diagram.boxes:
        if box.lines:
            lines.append(f"  note right of {box.id}")
            lines += [f"    {_mermaid(line)}" for line in box.lines]
            lines.append("  end note")
    return "\n".join(lines) + "\n"


def _mermaid(line: str) -> str:
    # A colon or semicolon would end the label.
    return line.replace(":", " ").replace(";", ",")
