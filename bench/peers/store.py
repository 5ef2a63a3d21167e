"""What a run writes: the raw results as JSON, and the tables and the plot made from it."""

import datetime as dt
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.peers import plot, table
from bench.peers.contender import Contender
from bench.peers.rounds import Results

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def as_json(
    results: Results, contenders: Sequence[Contender], startup: Mapping[str, float], command: str
) -> dict[str, Any]:
    """Everything needed to make the tables and the plot again."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": command,
        "machine": machine(),
        "contenders": [
            {
                "name": item.name,
                "tool": item.tool,
                "version": item.version,
                "threads": item.threads,
                "exact": item.exact,
            }
            for item in contenders
        ],
        "measurements": [asdict(item) for item in results.measurements],
        "limits": [asdict(item) for item in results.limits],
        "startup": dict(startup),
        "skips": [asdict(item) for item in results.skips],
    }


def machine() -> dict[str, Any]:
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    processor = re.search(r"^model name\s*: (.*)$", told, re.MULTILINE)
    return {
        "processor": processor[1] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


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
    page.with_suffix(".svg").write_text(plot.render(found))
