"""The trials as Markdown tables and as an SVG picture."""

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]
PARTS = {
    "machine": "machines",
    "store": "store, without waiting",
    "codec": "encode and decode",
    "seal": "seal and open",
    "fsync": "waiting for the disk (a thread's)",
}
JAVA = (105, 596)
"""Migrations a second and node published for the Java system, without a durable log."""


def table(found: Found) -> str:
    """Rates and latencies, then where the time goes."""
    machine = found["machine"]
    about = (
        f"Measured on {found['date']}: {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}. Load of the machine before: {found['load']:.1f}. Command: `{found['command']}`."
    )
    head = (
        "under way, payload",
        "migrations/s",
        "p50, ms",
        "p95, ms",
        "p99, ms",
        "one at a time, commits/s",
        "ratio",
        "processor, µs a migration",
        "processors",
    )
    rows = [_row(trial) for trial in found["trials"]]
    lines = [about, "", *_lines(head, rows)]
    shares = [trial for trial in found["trials"] if trial["shares"]]
    if shares:
        part_head = ("under way, payload", *PARTS.values())
        part_rows = [(_name(trial), *(f"{trial['shares'].get(part, 0):.0%}" for part in PARTS)) for trial in shares]
        lines += ["", "Share of a node's time, measured in a run of its own:", "", *_lines(part_head, part_rows)]
    if found["skips"]:
        lines += ["", "Not measured: " + "; ".join(found["skips"]) + "."]
    return "\n".join([*lines, ""])


def _lines(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    for line in (head, ("---", *["---:"] * (len(head) - 1)), *rows):
        yield "| " + " | ".join(line) + " |"


def _row(trial: Found) -> tuple[str, ...]:
    latency = trial["latency_ms"]
    return (
        _name(trial),
        f"{trial['migrations_s']:,.0f}",
        *(f"{latency[share]:.1f}" if latency else "-" for share in ("0.5", "0.95", "0.99")),
        f"{trial['raw_commits_s']:,.0f}",
        f"{trial['migrations_s'] / trial['raw_commits_s']:.1f}",
        f"{trial['cpu_us_per_migration']:,.0f}",
        f"{trial['processors']:.2f}",
    )


def _name(trial: Found) -> str:
    size = trial["payload_bytes"]
    shown = f"{size // 1000} KB" if size >= 1000 else f"{size} B"
    return f"{trial['concurrent']:,}, {shown}"


LABELS, BARS, RIGHT, ROW, TOP = 150, 460, 110, 24, 50


def plot(found: Found) -> str:
    """A pair of bars a setting: migrations a second, and commits one at a time as the disk allows them."""
    trials = [trial for trial in found["trials"] if not trial["shares"]] or found["trials"]
    most = max((max(trial["migrations_s"], trial["raw_commits_s"]) for trial in trials), default=1.0) or 1.0
    width, height = LABELS + BARS + RIGHT, TOP + ROW * 2 * len(trials) + 20
    body = "\n".join(line for place, trial in enumerate(trials) for line in _bars(trial, place, most))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">\n'
        "<title>Durable migrations a second between two processes</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        '<text x="16" y="24" font-size="16" font-weight="600">Durable migrations a second, two processes</text>\n'
        '<text x="16" y="42" fill="#57606a">grey: transactions a second of SQLite alone, one at a time</text>\n'
        f"{body}\n</svg>\n"
    )


def _bars(trial: Found, place: int, most: float) -> Iterator[str]:
    y = TOP + place * 2 * ROW
    yield f'<text x="{LABELS - 8}" y="{y + 24}" text-anchor="end">{_name(trial)}</text>'
    for line, (key, colour) in enumerate((("migrations_s", "#1f6feb"), ("raw_commits_s", "#8c959f"))):
        length = max(1.0, BARS * trial[key] / most)
        top = y + 4 + line * (ROW - 6)
        yield f'<rect x="{LABELS}" y="{top}" width="{length:.1f}" height="{ROW - 8}" fill="{colour}"/>'
        yield f'<text x="{LABELS + length + 6:.1f}" y="{top + 12}" fill="#24292f">{trial[key]:,.0f}</text>'
