"""What a run writes: the raw results as JSON, and the tables and the plot made from it."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.baseline import plot, table
from bench.baseline.run import Results, as_json
from bench.peers.store import machine

BEGIN, END = "<!-- baseline: begin -->", "<!-- baseline: end -->"
PLOT = "baseline.svg"


def complete(results: Results, command: str, load: str) -> dict[str, Any]:
    """Everything needed to make the tables and the plot again.

    Args:
        results: what was measured.
        command: how.
        load: the machine's load average before and after.
    """
    date = dt.datetime.now(dt.UTC).date().isoformat()
    return {"date": date, "command": command, "machine": machine(), "load": load, **as_json(results)}


def write(found: Mapping[str, Any], directory: Path) -> None:
    """Write ``results.json``, ``table.md`` and ``plot.svg``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (directory / "table.md").write_text(table.render(found))
    (directory / "plot.svg").write_text(plot.render(found))


def publish(found: Mapping[str, Any], page: Path) -> None:
    """Put the tables between the markers of a documentation page, and the plot beside it.

    Raises:
        ValueError: the page lacks the markers.
    """
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page.name} lacks the lines {BEGIN!r} and {END!r}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table.render(found)}\n{END}{after}")
    (page.parent / PLOT).write_text(plot.render(found))
