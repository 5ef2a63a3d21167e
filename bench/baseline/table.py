"""The results as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from bench.baseline.designs import COORDINATION, LIVENESS
from bench.baseline.run import SOCKETS, VIRTUAL

HEADS = {
    VIRTUAL: (
        "messages/s at rest: liveness",
        "coordination",
        "bytes/s at rest",
        "machines' CPU ms/s",
        "data, encoded bytes",
        "messages/s, crash: liveness",
        "coordination",
        "bytes/s, crash",
        "agreed after ms",
        "first to last ms",
    ),
    SOCKETS: (
        "messages/s at rest: liveness",
        "coordination",
        "bytes/s at rest",
        "CPU ms/s at rest",
        "own memory MiB",
        "messages/s, crash: liveness",
        "coordination",
        "bytes/s, crash",
        "CPU ms/s, crash",
        "agreed after ms",
        "first to last ms",
        "refused/s",
    ),
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first two columns to the left."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None) -> str:
    """Three significant digits, or a dash."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def agreed(row: Mapping[str, Any], field: str) -> float | None:
    """The median over the crashes in which the survivors agreed."""
    values = [item[field] for item in row["agreements"] if item[field] is not None]
    return median(values) if values else None


def _agreed(row: Mapping[str, Any], field: str) -> str:
    made, value = len(row["agreements"]), agreed(row, field)
    if made == 0:
        return "-"
    missed = sum(item[field] is None for item in row["agreements"])
    text = number(value) if value is not None else "never"
    return f"{text} ({missed} of {made} never)" if 0 < missed < made else text


def _pair(rates: Mapping[str, float], *, seen: bool = True) -> list[str]:
    return [number(rates.get(kind, 0.0)) if seen else "-" for kind in (LIVENESS, COORDINATION)]


def _total(rates: Mapping[str, float], *, seen: bool = True) -> str:
    return number(sum(rates.values())) if seen else "-"


def cells(row: Mapping[str, Any]) -> list[str]:
    """The cells of one row, after its name."""
    crashed = bool(row["agreements"])
    rest = [*_pair(row["messages"]), _total(row["octets"])]
    crash = [*_pair(row["crash_messages"], seen=crashed), _total(row["crash_octets"], seen=crashed)]
    times = [_agreed(row, "agreed_ms"), _agreed(row, "spread_ms")]
    if row["mode"] == VIRTUAL:
        return [*rest, _total(row["machine_cpu_ms"]), number(row["memory_bytes"]), *crash, *times]
    memory = f"{row['memory_bytes'] / 2**20:.2f}"
    return [*rest, number(row["cpu_ms"]), memory, *crash, number(row["crash_cpu_ms"]), *times, number(row["refused"])]


def _storm(row: Mapping[str, Any]) -> list[str]:
    result = row["result"]
    return [
        f"{row['design']}, {row['mode']}",
        f"{row['loss']:.0%}",
        str(result["broadcasts"]),
        f"{result['holders']} of {result['processes']}",
    ]


def render(found: Mapping[str, Any]) -> str:
    """All tables of a results file, as Markdown."""
    machine = found["machine"]
    told = (
        f"Measured on {found['date']} with `{found['command']}`: {machine['processor']}, {machine['cores']} cores, "
        f"Python {machine['python']}, load average {found['load']} the run."
    )
    parts = [told]
    for mode, head in HEADS.items():
        rows = [row for row in found["rows"] if row["mode"] == mode]
        if rows:
            body = ([f"{row['design']}, n = {row['processes']}", *cells(row)] for row in rows)
            parts += [f"### {mode.capitalize()}, a process", table(("design", *head), body)]
    if found["storms"]:
        head = ("a hundred changes in ten seconds, 8 processes", "loss", "broadcasts", "hold the last state")
        parts += ["### Storm", table(head, map(_storm, found["storms"]))]
    unsteady = [row for row in found["rows"] if not row["steady"]]
    notes = [
        *found["skips"],
        *(
            f"{row['design']}, n = {row['processes']}, {row['mode']}: no common coordinator even before a crash; the "
            "machine cannot carry it"
            for row in unsteady
        ),
    ]
    if notes:
        parts += ["### Not measured", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"
