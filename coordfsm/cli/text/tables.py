"""Tables of results: one line of figures an entry, and under it what was explored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordfsm.cli.text.terminal import Line, Span, paragraph

VERDICT_STYLES = {"holds": "green", "violated": "bold red", "incomplete": "yellow", "error": "bold red"}


@dataclass(frozen=True)
class Row:
    """An entry of a table.

    Attributes:
        cells: the figures, as text, one a column.
        details: lines under them, broken to fit.
        style: of the last cell.
    """

    cells: tuple[str, ...]
    details: tuple[str, ...] = ()
    style: str = ""


def table(titles: Sequence[str], rows: Sequence[Row], *, left: int = 1) -> list[Line]:
    """The lines of a table.

    Args:
        titles: the column's heads.
        rows: the entries.
        left: how many columns, from the first on, and always the last, are aligned to the left.
    """
    columns = list(zip(titles, *(row.cells for row in rows), strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    last = len(titles) - 1

    def aligned(cells: Sequence[str]) -> list[str]:
        return [
            cell.ljust(size) if number < left or number == last else cell.rjust(size)
            for number, (cell, size) in enumerate(zip(cells, widths, strict=True))
        ]

    lines: list[Line] = [(Span("  ".join(aligned(titles)), "bold"),)]
    for row in rows:
        *figures, end = aligned(row.cells)
        lines.append((Span("  ".join(figures) + "  "), Span(end, row.style)))
        for detail in row.details:
            lines.extend(paragraph(detail, indent=2, style="dim", hanging=2))
    return lines


def parameters_text(parameters: dict[str, Any]) -> str:
    """Parameters as a user would write them."""
    return " ".join(f"{name}={value_text(value)}" for name, value in parameters.items())


def value_text(value: Any) -> str:
    """A parameter's value as a user would write it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
