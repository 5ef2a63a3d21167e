"""The trials as Markdown tables and as an SVG picture."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]

PARTS = {"machine": "machines", "store": "SQLite", "codec": "codec", "seal": "seal"}
"""Parts of the processor time, and their columns; what is left is the event loop, the driver and the bench."""


def size(payload_bytes: int) -> str:
    return f"{payload_bytes // 1000} KB" if payload_bytes >= 1000 else f"{payload_bytes} B"


def table(found: Found) -> str:
    """All figures: rates and latencies, the price of a migration, and where the time went."""
    machine = found["machine"]
    about = (
        f"Measured on {found['date']}: {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}. Load of the machine meanwhile: {found['load'][0]:.1f} to {found['load'][1]:.1f}. "
        f"Command: `{found['command']}`."
    )
    trials = [trial for trial in found["trials"] if not trial["shares_s"]]
    profiled = [trial for trial in found["trials"] if trial["shares_s"]]
    parts = [about, "", "### Rates and latencies", "", *_lines(_RATES, trials)]
    parts += ["", "### The price of a migration", "", *_lines(_PRICES, trials)]
    if profiled:
        parts += ["", "### Where the time goes", "", *_lines(_SHARES, profiled)]
    return "\n".join([*parts, ""])


def _lines(columns: Mapping[str, Any], trials: Sequence[Found]) -> list[str]:
    head = ["concurrent", "payload", *columns]
    rows = [
        [f"{trial['concurrent']:,}", size(trial["payload_bytes"]), *(shown(trial) for shown in columns.values())]
        for trial in trials
    ]
    return ["| " + " | ".join(line) + " |" for line in [head, ["---:"] * len(head), *rows]]


_RATES: Mapping[str, Any] = {
    "migrations/s": lambda trial: f"{trial['per_second']:,.0f}",
    "decided, p50 ms": lambda trial: f"{trial['decided_ms']:,.1f}",
    "p50 ms": lambda trial: f"{trial['latency_ms']['p50']:,.1f}",
    "p95 ms": lambda trial: f"{trial['latency_ms']['p95']:,.1f}",
    "p99 ms": lambda trial: f"{trial['latency_ms']['p99']:,.1f}",
    "commits one at a time/s": lambda trial: f"{trial['limit_per_second']:,.0f}",
    "one commit, p50 ms": lambda trial: f"{trial['limit_ms']:,.2f}",
    "times the one-at-a-time rate": lambda trial: f"{trial['per_second'] / trial['limit_per_second']:,.1f}",
    "cores used, both": lambda trial: f"{trial['cpu_cores']:.2f}",
    "ready without a core": lambda trial: f"{100 * trial['starved']:.0f} %",
}

_PRICES: Mapping[str, Any] = {
    "CPU µs a process": lambda trial: f"{trial['cpu_us_per_process']:,.0f}",
    "a core a process would carry, migrations/s": lambda trial: f"{1e6 / trial['cpu_us_per_process']:,.0f}",
    "commits": lambda trial: f"{trial['per_migration']['commits']:.3f}",
    "records": lambda trial: f"{trial['per_migration']['records_written']:.1f}",
    "messages": lambda trial: f"{trial['per_migration']['messages_sent']:.1f}",
    "datagrams": lambda trial: f"{trial['per_migration']['datagrams_sent']:.2f}",
    "bytes": lambda trial: f"{trial['per_migration']['bytes_sent']:,.0f}",
    "peak MiB": lambda trial: f"{trial['memory_bytes'] / 2**20:.0f}",
}


def _share(part: str) -> Any:
    return lambda trial: f"{100 * trial['shares_s'].get(part, 0.0) / trial['cpu_s']:.0f} %"


def _rest(trial: Found) -> str:
    return f"{100 * (1 - sum(trial['shares_s'].get(part, 0.0) for part in PARTS) / trial['cpu_s']):.0f} %"


_SHARES: Mapping[str, Any] = {
    "migrations/s": lambda trial: f"{trial['per_second']:,.0f}",
    "waiting for fsync, of the wall clock": (
        lambda trial: f"{100 * trial['shares_s'].get('fsync', 0.0) / (2 * trial['seconds']):.0f} %"
    ),
    **{f"{name}, of the CPU": _share(part) for part, name in PARTS.items()},
    "asyncio, driver, sockets, bench": _rest,
}

LABELS, BARS, RIGHT = 210, 460, 110
ROW, TOP, GAP = 20, 60, 12
FIGURE = 45  # width in pixels
COLOUR, LIMIT = "#1f6feb", "#cf222e"


def plot(found: Found) -> str:
    """Migrations a second on a logarithmic scale; a mark shows the rate of commits one at a time."""
    trials = [trial for trial in found["trials"] if not trial["shares_s"]]
    payloads = sorted({trial["payload_bytes"] for trial in trials})
    height = TOP + ROW * len(trials) + GAP * len(payloads) + 50
    width = LABELS + BARS + RIGHT
    body = "\n".join(_bars(trials, height)) if trials else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">\n'
        "<title>Durable migrations a second between two processes</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        '<text x="16" y="24" font-size="16" font-weight="600">Durable migrations a second (logarithmic)</text>\n'
        f'<text x="16" y="44" fill="{LIMIT}">red: fsynced SQLite commits one at a time, in the same run</text>\n'
        f"{body}\n</svg>\n"
    )


def _bars(trials: Sequence[Found], height: int) -> Iterator[str]:
    values = [value for trial in trials for value in (trial["per_second"], trial["limit_per_second"])]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    scale = BARS / max(1, high - low)

    def place(value: float) -> float:
        return LABELS + (math.log10(value) - low) * scale

    for power in range(low, high + 1):
        x = place(10**power)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - 30}" stroke="#d0d7de"/>'
        yield f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle" fill="#57606a">{10**power:,}</text>'
    y, payload = TOP, 0
    for trial in sorted(trials, key=lambda trial: (trial["payload_bytes"], trial["concurrent"])):
        if trial["payload_bytes"] != payload:
            payload, y = trial["payload_bytes"], y + GAP
        end, limit = place(trial["per_second"]), place(trial["limit_per_second"])
        label = f"{size(payload)}, {trial['concurrent']:,} concurrent"
        yield f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end" fill="#24292f">{label}</text>'
        yield f'<rect x="{LABELS}" y="{y + 3}" width="{end - LABELS:.1f}" height="{ROW - 6}" fill="{COLOUR}"/>'
        mark = f'x="{limit - 1.5:.1f}" y="{y + 1}" width="3" height="{ROW - 2}"'
        yield f'<rect {mark} fill="{LIMIT}"/>'
        # Beside its bar, unless the mark is in the way.
        beside = end if limit < end or limit > end + FIGURE else limit
        yield f'<text x="{beside + 6:.1f}" y="{y + 14}" fill="#24292f">{trial["per_second"]:,.0f}</text>'
        y += ROW
