"""The results as a bar chart, a plain SVG file: distinct states a second on a logarithmic scale."""

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from bench.peers.summary import OUR_REFERENCE, OURS, Figures, Model, best, figures

LABELS, BARS, RIGHT = 350, 480, 90  # widths in pixels
ROW, TOP, GAP, BOTTOM = 22, 46, 44, 30  # heights in pixels
OUR_COLOUR, PEER_COLOUR = "#1f6feb", "#8c959f"


def render(results: Mapping[str, Any]) -> str:
    """A group of bars for each model, the largest first: our settings and the fastest of each other checker."""
    items = best(figures(results))
    models = list(dict.fromkeys(item.model for item in items))
    height = TOP + BOTTOM + ROW * len(items) + GAP * len(models)
    width = LABELS + BARS + RIGHT
    body = "\n".join(_body(items, models, height)) if items else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">\n'
        "<title>Distinct states a second of each model checker</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="16" y="26" font-size="16" font-weight="600">Distinct states a second (logarithmic)</text>\n'
        f"{body}\n</svg>\n"
    )


def _body(items: list[Figures], models: list[Model], height: int) -> Iterator[str]:
    rates = [item.states_per_second or 1.0 for item in items]
    low, high = math.floor(math.log10(min(rates)) - 0.01), math.ceil(math.log10(max(rates)))
    scale = BARS / (high - low)
    for power in range(low, high + 1):
        x = LABELS + (power - low) * scale
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - BOTTOM}" stroke="#d0d7de"/>'
        yield f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#57606a">{_power(power)}</text>'
    y = TOP
    for model in models:
        y += GAP
        title = f"{model}: {model.known.distinct:,} states"
        yield f'<rect x="0" y="{y - 28}" width="{LABELS + BARS}" height="22" fill="#ffffff"/>'
        yield f'<text x="16" y="{y - 12}" font-weight="600">{title}</text>'
        for item in (item for item in items if item.model == model):
            yield from _bar(item, y, low, scale)
            y += ROW


def _bar(item: Figures, y: int, low: int, scale: float) -> Iterator[str]:
    rate = item.states_per_second or 1.0
    length = (math.log10(rate) - low) * scale
    colour = OUR_COLOUR if item.tool in {OURS, OUR_REFERENCE} else PEER_COLOUR
    yield f'<text x="{LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(item.name)}</text>'
    yield f'<rect x="{LABELS}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" fill="{colour}"/>'
    shown = f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:.0f} k"
    yield f'<text x="{LABELS + length + 6:.1f}" y="{y + 15}" fill="#24292f">{shown}</text>'


def _power(power: int) -> str:
    return f"{10 ** (power - 6):,} M" if power >= 6 else f"{10 ** (power - 3):,} k" if power >= 3 else str(10**power)
