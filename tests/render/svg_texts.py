"""The texts of an SVG that Graphviz painted, as rectangles, for whichever font a viewer draws them with."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from coordfsm.render.metrics import width_in

SVG = "{http://www.w3.org/2000/svg}"
ASCENT, DESCENT = 0.75, 0.22
"""Of letters, as parts of the font size; accents and line gaps may touch."""


@dataclass(frozen=True)
class Rectangle:
    text: str
    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: "Rectangle") -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.1 and down > 0.1

    def holds(self, other: "Rectangle", slack: float = 1.0) -> bool:
        return self.left - slack <= other.left and other.right <= self.right + slack


def texts_of(element: ET.Element, font: str) -> list[Rectangle]:
    return [_rectangle(text, font) for text in element.iter(f"{SVG}text")]


def overlapping(svg: str, font: str) -> list[tuple[str, str]]:
    """The pairs of texts that lie on each other when they are drawn with this font."""
    texts = texts_of(ET.fromstring(svg), font)
    return [(one.text, other.text) for one, other in combinations(texts, 2) if one.meets(other)]


def protruding(svg: str, font: str) -> list[str]:
    """The texts that reach out of the box that they stand in, or out of the picture."""
    root = ET.fromstring(svg)
    nodes = [group for group in root.iter(f"{SVG}g") if group.get("class") in {"node", "cluster"}]
    framed = [(_frame(node), texts_of(node, font)) for node in nodes if texts_of(node, font)]
    canvas = _frame(next(group for group in root.iter(f"{SVG}g") if group.get("class") == "graph"))
    framed.append((canvas, texts_of(root, font)))
    return [text.text for frame, texts in framed for text in texts if frame and not frame.holds(text)]


def _rectangle(text: ET.Element, font: str) -> Rectangle:
    words = "".join(text.itertext())
    size, x, y = float(text.get("font-size", "0")), float(text.get("x", "0")), float(text.get("y", "0"))
    width = width_in(font, words.rstrip(), size, bold=text.get("font-weight") == "bold")
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    return Rectangle(words, left, left + width, y - ASCENT * size, y + DESCENT * size)


def _frame(group: ET.Element) -> Rectangle | None:
    """What the outlines directly inside a group enclose; a curve lies within its control points."""
    xs, ys = [], []
    for outline in group:
        if outline.tag in {f"{SVG}polygon", f"{SVG}path"}:
            numbers = list(_numbers(outline.get("points") or outline.get("d") or ""))
            xs += numbers[::2]
            ys += numbers[1::2]
    return Rectangle("", min(xs), max(xs), min(ys), max(ys)) if xs else None


def _numbers(text: str) -> Iterator[float]:
    return (float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text))
