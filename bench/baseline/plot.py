"""The results as line charts, a plain SVG file: one panel a question, both axes logarithmic."""

import math
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from bench.baseline.run import SOCKETS, VIRTUAL
from bench.baseline.table import agreed, number

WIDTH, HEIGHT = 430, 300  # of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 62, 44, 44  # within a panel
HEADER = 62
COLOURS = {"coordfsm": "#1f6feb", "coordination alone": "#1a7f37", "heartbeats + bully": "#bc4c00"}

Rows = list[Mapping[str, Any]]


class Panel(NamedTuple):
    """One question.

    Attributes:
        title: with the unit.
        mode: whose rows.
        value: of a row; None where it has none.
    """

    title: str
    mode: str
    value: Callable[[Mapping[str, Any]], float | None]


def _mebibytes(row: Mapping[str, Any]) -> float:
    found: float = row["memory_bytes"] / 2**20
    return found


PANELS = (
    Panel("Messages a second at rest, a process", VIRTUAL, lambda row: sum(row["messages"].values())),
    Panel("CPU ms a second at rest, a whole process", SOCKETS, lambda row: row["cpu_ms"]),
    Panel("Memory of its own, MiB a process", SOCKETS, _mebibytes),
    Panel("Coordinator crash: all agree after ms", VIRTUAL, lambda row: agreed(row, "agreed_ms")),
)


def render(found: Mapping[str, Any]) -> str:
    """Two by two panels and a legend."""
    panels = [(panel, rows) for panel in PANELS if (rows := [r for r in found["rows"] if r["mode"] == panel.mode])]
    lines = max(1, -(-len(panels) // 2))
    width, height = 2 * WIDTH, HEADER + lines * HEIGHT
    body = "\n".join(_document(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">\n'
        "<title>coordfsm beside heartbeats and bully election</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _document(panels: list[tuple[Panel, Rows]]) -> Iterator[str]:
    yield '<text x="16" y="26" font-size="16" font-weight="600">Coordination by view, beside the replaced design</text>'
    for place, (design, colour) in enumerate(COLOURS.items()):
        x = 16 + place * 180
        yield f'<line x1="{x}" y1="46" x2="{x + 26}" y2="46" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 32}" y="50" fill="#24292f">{escape(design)}</text>'
    for place, (panel, rows) in enumerate(panels):
        x, y = place % 2 * WIDTH, HEADER + place // 2 * HEIGHT
        yield f'<g transform="translate({x} {y})">'
        yield from _panel(panel, rows)
        yield "</g>"


class Axis(NamedTuple):
    """A logarithmic axis from `low` to `high`, on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return self.start + share * (self.end - self.start)


def _panel(panel: Panel, rows: Rows) -> Iterator[str]:
    points = [(row["design"], row["processes"], value) for row in rows if (value := panel.value(row)) is not None]
    yield f'<text x="{LEFT}" y="24" font-size="13" font-weight="600">{escape(panel.title)}</text>'
    positive = [value for _, _, value in points if value > 0]
    if not positive:
        return
    sizes = sorted({size for _, size, _ in points})
    across = Axis(min(sizes) / 1.25, max(sizes) * 1.25, LEFT, WIDTH - RIGHT)
    floor = any(value == 0 for _, _, value in points)
    low, high = _bounds(min(positive), max(positive))
    up = Axis(low / 3 if floor else low, high, HEIGHT - BOTTOM, TOP)
    for size in sizes:
        x = across.place(size)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#eaeef2"/>'
        label = f"n = {size}" if size == sizes[0] else str(size)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="#57606a">{label}</text>'
    for value in (*((0.0,) if floor else ()), *_ticks(low, high)):
        y = up.place(value or up.low)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#d0d7de"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#57606a">{number(value)}</text>'
    yield from _lines(points, across, up)


def _lines(points: list[tuple[str, int, float]], across: Axis, up: Axis) -> Iterator[str]:
    ends: list[tuple[float, str, str]] = []
    for design, colour in COLOURS.items():
        own = sorted((size, value) for name, size, value in points if name == design)
        if not own:
            continue
        places = [(across.place(size), up.place(value or up.low)) for size, value in own]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        ends.append((places[-1][1], colour, number(own[-1][1])))
    x, free = across.place(max(size for _, size, _ in points)) + 8, 0.0
    for y, colour, text in sorted(ends):
        free = max(y, free)
        yield f'<text x="{x:.1f}" y="{free + 4:.1f}" fill="{colour}" font-weight="600">{text}</text>'
        free += 14


def _bounds(low: float, high: float) -> tuple[float, float]:
    """The range of an axis: whole powers of ten, or halves of them where the values lie close together."""
    if high / low < 8:
        return low / 1.3, high * 1.3
    return 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))


def _ticks(low: float, high: float) -> list[float]:
    steps: tuple[float, ...] = (1, 2, 5) if high / low < 100 else (1,)
    if high / low < 8:
        steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]
