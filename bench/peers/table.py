"""The results as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.peers.summary import Figures, figures, ratios, shares

MEBIBYTE = 2**20


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rate(per_second: float | None) -> str:
    if per_second is None:
        return "too short"
    return f"{per_second / 1e6:.2f} M" if per_second >= 1e6 else f"{per_second / 1e3:.0f} k"


def _row(item: Figures) -> list[str]:
    return [
        item.name,
        _rate(item.states_per_second),
        _rate(item.transitions_per_second),
        "too short" if item.seconds is None else f"{item.seconds:.2f}",
        f"{item.spread:.0%}" if item.rounds > 1 else "-",
        "too short" if item.seconds is None else f"{item.cpu_seconds:.2f}",
        f"{item.peak_bytes / MEBIBYTE:.0f}",
        f"{item.bytes_per_state:.0f}",
        f"{item.start_seconds:.2f}",
        f"{item.build_seconds:.1f}" if item.build_seconds else "-",
        f"{item.process_seconds:.2f}",
        "yes" if item.exact else "no",
        str(item.rounds),
    ]


HEAD = [
    "checker",
    "distinct states/s",
    "transitions/s",
    "seconds",
    "spread",
    "CPU seconds",
    "peak MiB",
    "bytes a state",
    "start-up s",
    "build s",
    "process s",
    "exact",
    "rounds",
]


def render(results: Mapping[str, Any]) -> str:
    """All tables of a results file, as Markdown."""
    items = figures(results)
    parts = [_machine(results)]
    timed = {item.model for item in items if item.states_per_second}
    short = sorted({item.model for item in items} - timed)
    for model in sorted(timed, reverse=True):
        title = f"### {model}: {model.known.distinct:,} states, {model.known.inside:,} transitions"
        parts += [title, _table(HEAD, [_row(item) for item in items if item.model == model])]
    if short:
        names = "; ".join(str(model) for model in short)
        parts.append(f"Too small to be timed, but every checker found the known counts: {names}.")
    parts += [*_ratios(items), *_limit(results), *_startup(results), *_skips(results)]
    return "\n\n".join(parts) + "\n"


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    versions = dict.fromkeys(f"{item['tool'].split(',')[0]} {item['version']}" for item in results["contenders"])
    return (
        f"Measured on {results['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, Linux {machine['kernel']}, Python {machine['python']}. "
        f"Versions: {', '.join(versions)}."
    )


def _ratios(items: Sequence[Figures]) -> list[str]:
    rows = [
        [str(item.model), item.ours, item.peer, f"{item.times:.1f}", f"{item.cpu_times:.1f}"] for item in ratios(items)
    ]
    if not rows:
        return []
    return [
        "### Ratios of distinct states a second",
        _table(["model", "ours", "the peer's fastest setting", "times", "times by processor time"], rows),
    ]


def _limit(results: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            str(item.ours.model),
            str(item.ours.threads),
            _rate(item.limit.rate),
            _rate(item.ours.transitions_per_second),
            f"{item.share:.0%}",
            f"{item.cpu_share:.0%}",
        ]
        for item in shares(results)
    ]
    head = ["model", "threads", "random insertions/s", "our transitions/s", "share", "share by processor time"]
    return ["### Share of the physical limit", _table(head, rows)] if rows else []


def _startup(results: Mapping[str, Any]) -> list[str]:
    names = {
        "help_seconds": "`coordfsm --help`",
        "first_state_seconds": "from cold start to the end of the smallest model",
        "first_state_uncached_seconds": "the same, with no compiled code cached",
    }
    rows = [[text, f"{results['startup'][key]:.2f}"] for key, text in names.items() if key in results["startup"]]
    return ["### Start-up", _table(["what", "seconds"], rows)] if rows else []


def _skips(results: Mapping[str, Any]) -> list[str]:
    if not results["skips"]:
        return []
    lines = [f"- {item['name']}: {item['reason'].splitlines()[0]}" for item in results["skips"]]
    return ["### Not measured", "\n".join(lines)]
