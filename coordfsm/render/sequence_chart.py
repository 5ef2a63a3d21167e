"""A counterexample as a message sequence chart: one lifeline a node, time runs down, one box a step.

The positions are computed here and Graphviz only draws, so that SVG and PNG come out of the same text. Lengths
are in points. Lines are broken by the width that they have in the widest font, so that no viewer's font leaves a box.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain

from coordfsm.check.traces.trace import Trace, TraceStep
from coordfsm.render.dot import EDGE, FONT, FRAME, INK, PAPER, room
from coordfsm.render.metrics import width_of

COLUMN, BOX, LINE, GAP, TOP = 362, 268, 12.5, 16, 40
SIZE, STATEMENT_SIZE, HEADING_SIZE = 10, 11, 14  # of the letters in a box, and above the chart
INSIDE = BOX - 12  # of a box, between its paddings
CONTINUED = "   "
LOOP = 18  # how far a message to oneself bends out
STUB = 34  # the arrow of a message that is still in flight at the end
CHANGES = 4  # changes told in a box
LONGEST = 88  # characters of a change
COLOURS = {
    "deliver": "#eef2f7",
    "lose": "#fde8e8",
    "timeout": "#fff4d6",
    "command": "#e3f0ff",
    "crash": "#f8b4b4",
    "recover": "#d7f5dd",
    "partition": "#f8b4b4",
    "heal": "#d7f5dd",
    "copy": "#fde8e8",
    "rollback": "#f8b4b4",
    "clone": "#f8b4b4",
    "wipe": "#f8b4b4",
}
LOST = "#c81e1e"
LOOPS = "from here on the steps below repeat for ever"


@dataclass(frozen=True)
class Placed:
    """A step with the place of its box: `top` counts down from 0."""

    step: TraceStep
    column: int
    top: float
    height: float
    rows: tuple[str, ...]

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def to_dot(trace: Trace) -> str:
    """The chart as DOT with fixed positions, for ``neato -n2``."""
    placed = tuple(_place(trace))
    bottom = max((item.top + item.height for item in placed), default=TOP) + GAP
    last = len(trace.nodes) * COLUMN
    lines = [
        f'digraph "{trace.property}" {{',
        f'  graph [bgcolor="{PAPER}", pad=0.3, splines=line, outputorder=edgesfirst]',
        f'  node [shape=plain, fontname="{FONT}", fontsize={SIZE}, fontcolor="{INK}"]',
        f'  edge [fontname="{FONT}", color="{EDGE}", arrowsize=0.7, penwidth=1.2]',
        *_title(trace, last),
        *_lifelines(trace, placed, bottom),
    ]
    for number, item in enumerate(placed):
        lines += _box(trace, item, number)
        lines += _arrow(trace, placed, number)
        lines += _undelivered(trace, placed, number)
    return "\n".join([*lines, "}"]) + "\n"


def to_mermaid(trace: Trace) -> str:
    """The chart as a mermaid sequence diagram."""
    lines = ["---", f"title: {trace.property} violated in {trace.model}", "---", "sequenceDiagram"]
    lines += [f"  participant {node}" for node in trace.nodes]
    for step in trace.steps:
        lines += [f"  {line}" for line in _mermaid_step(trace, step)]
        if trace.loop == step.number:
            lines.append(f"  Note over {trace.nodes[0]},{trace.nodes[-1]}: {LOOPS}")
    return "\n".join(lines) + "\n"


def headline(step: TraceStep) -> str:
    """What happened, in a few words."""
    told = {
        "deliver": f"receives {step.event}",
        "lose": f"lost: {step.event}",
        "timeout": f"timer {step.event}",
        "command": step.event,
        "crash": "crashes",
        "recover": "starts again",
        "partition": f"partition {step.node}",
        "heal": f"partition {step.node} heals",
        "copy": "its store is copied",
        "rollback": "its store is put back",
        "clone": "its store is cloned",
        "wipe": "its store is lost",
    }[step.kind]
    return f"{told} ({step.note})" if step.note else told


def wrapped(line: str, width: float, size: float) -> list[str]:
    """A line broken between words, and within a word that is longer; continuations are indented."""
    rows: list[str] = []
    row = ""
    for word in chain.from_iterable(_pieces(word, width, size) for word in line.split(" ")):
        if row and width_of(f"{row} {word}", size) > width:
            rows.append(row)
            row = CONTINUED + word
        else:
            row = f"{row} {word}" if row else word
    return [*rows, row]


def _pieces(word: str, width: float, size: float) -> Iterator[str]:
    """A word in pieces that fit into a row, after the indentation too."""
    while width_of(CONTINUED + word, size) > width and len(word) > 1:
        fits = next(end for end in range(len(word) - 1, 0, -1) if end == 1 or _fits(word[:end], width, size))
        yield word[:fits]
        word = word[fits:]
    yield word


def _fits(piece: str, width: float, size: float) -> bool:
    return width_of(CONTINUED + piece, size) <= width


# -- layout --------------------------------------------------------------------------------------------------------


def _place(trace: Trace) -> Iterator[Placed]:
    top = float(TOP)
    for step in trace.steps:
        rows = wrapped(f"{step.number}. {headline(step)}", INSIDE, SIZE)
        changes = sorted(step.changes, key=_weight)[:CHANGES]
        rows += [row for change in changes for row in wrapped(_short(change), INSIDE, SIZE)]
        hidden = len(step.changes) - CHANGES
        rows += [f"and {hidden} more changes"] if hidden > 0 else []
        rows += [LOOPS] if trace.loop == step.number else []
        column = trace.nodes.index(step.node) if step.node in trace.nodes else 0
        height = len(rows) * LINE + 10
        yield Placed(step, column, top, height, tuple(rows))
        top += height + GAP


def _weight(change: str) -> bool:
    """Changes of a machine's state are told first, the others in their order."""
    return not change.partition(":")[0].endswith("state")


def _short(change: str) -> str:
    return change if len(change) <= LONGEST else change[: LONGEST - 1] + "…"


def _title(trace: Trace, width: int) -> Iterator[str]:
    model = trace.model + (f", mutant {trace.mutant}" if trace.mutant else "")
    heading = f"{trace.property} violated in {model}"
    rows = [row.strip() for row in wrapped(trace.statement, max(420, width - COLUMN + BOX), STATEMENT_SIZE)]
    widest = max(rows, key=lambda row: width_of(row, STATEMENT_SIZE))
    cells = f'<td {room(heading, HEADING_SIZE, bold=True)}><font point-size="{HEADING_SIZE}"><b>{escape(heading)}</b>'
    cells += f"</font></td></tr><tr><td {room(widest, STATEMENT_SIZE)}>"
    cells += "<br/>".join(f'<font point-size="{STATEMENT_SIZE}">{escape(row)}</font>' for row in rows)
    text = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1"><tr>{cells}</td></tr></table>'
    position = f"{width / 2 - COLUMN / 2:g},{TOP + 22 + 7 * len(rows)}"
    yield f'  "*title*" [pos="{position}", label=<{text}>]'


def _lifelines(trace: Trace, placed: tuple[Placed, ...], bottom: float) -> Iterator[str]:
    for column, node in enumerate(trace.nodes):
        x = column * COLUMN
        wide = room(node, SIZE, bold=True, padding=6)
        yield (
            f'  "{node}" [pos="{x},{TOP - 20}", label=<<table border="1" cellborder="0" cellpadding="6" style="rounded"'
            f' color="{FRAME}" bgcolor="#d9e2ec"><tr><td {wide}><b>{escape(node)}</b></td></tr></table>>]'
        )
        down, start = False, 0.0
        mine = [item for item in placed if item.step.node == node and item.step.kind != "lose"]
        for item in mine:
            falls = item.step.kind == "crash" or "crashed" in item.step.note
            if falls or item.step.kind == "recover":
                yield from _segment(f"{node}|{item.step.number}", x, start, item.middle, down=down)
                down, start = falls, item.middle
        yield from _segment(f"{node}|end", x, start, bottom, down=down)


def _segment(name: str, x: float, start: float, end: float, *, down: bool) -> Iterator[str]:
    style = f'style=dotted, color="{LOST}"' if down else f'color="{FRAME}"'
    yield f'  "{name}|a" [pos="{x},{-start:g}", shape=point, width=0.01, style=invis]'
    yield f'  "{name}|b" [pos="{x},{-end:g}", shape=point, width=0.01, style=invis]'
    yield f'  "{name}|a" -> "{name}|b" [arrowhead=none, {style}]'


def _box(trace: Trace, item: Placed, number: int) -> Iterator[str]:
    # What happens to the network, and not at one node, spans all of them.
    everywhere = item.step.node not in trace.nodes
    x = (len(trace.nodes) - 1) * COLUMN / 2 if everywhere else item.column * COLUMN
    width = (len(trace.nodes) - 1) * COLUMN + BOX if everywhere else BOX
    rows = "".join(f'{escape(row).replace(CONTINUED, "&#32;&#32;")}<br align="left"/>' for row in item.rows)
    table = (
        f'<table border="1" cellborder="0" cellspacing="0" cellpadding="4" style="rounded" color="{FRAME}"'
        f' bgcolor="{COLOURS[item.step.kind]}" fixedsize="true" width="{width:g}" height="{item.height:g}">'
        f'<tr><td align="left" balign="left">{rows}</td></tr></table>'
    )
    yield f'  "step{number}" [pos="{x:g},{-item.middle:g}", label=<{table}>]'


def _arrow(trace: Trace, placed: tuple[Placed, ...], number: int) -> Iterator[str]:
    item = placed[number]
    if not item.step.sender or item.step.sender not in trace.nodes:
        return
    sender = trace.nodes.index(item.step.sender)
    origin = _origin(item, placed[:number])
    if sender == item.column:
        yield from _loop(number, item, origin)
        return
    side = 1 if sender < item.column else -1
    start_x, start_y = sender * COLUMN + side * BOX / 2, -(origin.middle if origin else 0.0)
    end_x, end_y = item.column * COLUMN - side * BOX / 2, -item.middle
    if origin is None:
        start_x = sender * COLUMN
    style = f', style=dashed, color="{LOST}", arrowhead=tee' if item.step.kind == "lose" else ""
    yield f'  "from{number}" [pos="{start_x:g},{start_y:g}", shape=point, width=0.01, style=invis]'
    yield f'  "to{number}" [pos="{end_x:g},{end_y:g}", shape=point, width=0.01, style=invis]'
    yield f'  "from{number}" -> "to{number}" [tooltip="{item.step.number}"{style}]'


def _loop(number: int, item: Placed, origin: Placed | None) -> Iterator[str]:
    """A message to oneself, beside the boxes of its node."""
    start = -(origin.middle if origin else 0.0)
    edge = item.column * COLUMN + BOX / 2
    corners = ((edge, start), (edge + LOOP, start), (edge + LOOP, -item.middle), (edge, -item.middle))
    names = ("from", "out", "in", "to")
    for name, (x, y) in zip(names, corners, strict=True):
        yield f'  "{name}{number}" [pos="{x:g},{y:g}", shape=point, width=0.01, style=invis]'
    lost = f', style=dashed, color="{LOST}"' if item.step.kind == "lose" else ""
    yield f'  "from{number}" -> "out{number}" [arrowhead=none{lost}]'
    yield f'  "out{number}" -> "in{number}" [arrowhead=none{lost}]'
    yield f'  "in{number}" -> "to{number}" [arrowhead={"tee" if lost else "normal"}{lost}]'


def _undelivered(trace: Trace, placed: tuple[Placed, ...], number: int) -> Iterator[str]:
    """Stubs of the messages that no later step receives or loses: they are still in flight at the end."""
    item = placed[number]
    for position, sent in enumerate(item.step.sent):
        taken = any(
            later.step.sender == item.step.node
            and (later.step.node, later.step.event) == (sent.receiver, sent.message)
            and _origin(later, placed[:index]) is item
            for index, later in enumerate(placed)
        )
        if taken or sent.receiver not in trace.nodes or sent.receiver == item.step.node:
            continue
        side = 1 if trace.nodes.index(sent.receiver) > item.column else -1
        x = item.column * COLUMN + side * BOX / 2
        y = -(item.top + item.height * (position + 1) / (len(item.step.sent) + 1))
        name = f"flying{number}.{position}"
        tip = escape(f"to {sent.receiver}: {sent.message}", quote=True)
        yield f'  "{name}|a" [pos="{x:g},{y:g}", shape=point, width=0.01, style=invis]'
        yield f'  "{name}|b" [pos="{x + side * STUB:g},{y:g}", shape=point, width=0.01, style=invis]'
        yield f'  "{name}|a" -> "{name}|b" [style=dashed, arrowhead=open, tooltip="{tip}"]'


def _origin(item: Placed, before: tuple[Placed, ...]) -> Placed | None:
    """The latest step that sent what this one receives; None: sent before the first step."""
    for earlier in reversed(before):
        if earlier.step.node == item.step.sender and any(
            sent.receiver == item.step.node and sent.message == item.step.event for sent in earlier.step.sent
        ):
            return earlier
    return None


def _mermaid_step(trace: Trace, step: TraceStep) -> Iterator[str]:
    text = _plain(f"{step.number}. {headline(step)}")
    if step.kind == "deliver" and step.sender in trace.nodes:
        yield f"{step.sender}->>{step.node}: {_plain(f'{step.number}. {step.event}')}"
        if step.note:
            yield f"Note over {step.node}: {_plain(step.note)}"
    elif step.kind == "lose" and step.sender in trace.nodes:
        yield f"{step.sender}-x{step.node}: {text}"
    elif step.node in trace.nodes:
        yield f"Note over {step.node}: {text}"
    else:
        yield f"Note over {','.join(dict.fromkeys((trace.nodes[0], trace.nodes[-1])))}: {text}"
    changes = sorted(step.changes, key=_weight)[:CHANGES]
    if changes and step.node in trace.nodes:
        told = [_plain(_short(change)) for change in changes]
        told += [f"and {len(step.changes) - CHANGES} more changes"] if len(step.changes) > CHANGES else []
        yield f"Note over {step.node}: {'<br/>'.join(told)}"


def _plain(text: str) -> str:
    """Without what mermaid would read as the end of a statement or the start of an entity."""
    return text.replace(";", ",").replace("#", "")
