"""The trials as a Markdown table and as an SVG picture."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any, NamedTuple

Found = Mapping[str, Any]


class Figures(NamedTuple):
    """The median of one contender's trials at one size, over all rounds.

    Attributes:
        name: of the contender.
        size: members.
        values: by key of `MEASURES`.
        kills: how many kills the detection times come from.
    """

    name: str
    size: int
    values: dict[str, float]
    kills: int


class Measure(NamedTuple):
    """One thing compared.

    Attributes:
        title: above its panel.
        head: above its column.
        read: all its values in one trial.
        shown: a value as text.
    """

    title: str
    head: str
    read: Callable[[Found], Sequence[float]]
    shown: Callable[[float], str]


MEASURES: Mapping[str, Measure] = {
    "every": Measure(
        "A killed member is out of every view, seconds",
        "out of every view, s",
        lambda trial: trial["every_seconds"],
        "{:.1f}".format,
    ),
    "slowest": Measure("", "slowest, s", lambda trial: trial["every_seconds"], "{:.1f}".format),
    "first": Measure("", "out of the first view, s", lambda trial: trial["first_seconds"], "{:.1f}".format),
    "bytes": Measure(
        "Traffic at rest, bytes a second a member",
        "bytes/s a member",
        lambda trial: [trial["bytes_per_second"]],
        "{:,.0f}".format,
    ),
    "packets": Measure("", "packets/s a member", lambda trial: [trial["packets_per_second"]], "{:.1f}".format),
    "cpu": Measure(
        "Processor at rest, per cent of a core a member",
        "% of a core a member",
        lambda trial: [trial["cpu_percent"]],
        "{:.2f}".format,
    ),
    "memory": Measure(
        "Memory a member, MiB (shared pages by share)",
        "MiB a member",
        lambda trial: [trial["own_bytes"] / 2**20],
        "{:.0f}".format,
    ),
    "resident": Measure("", "MiB resident", lambda trial: [trial["resident_bytes"] / 2**20], "{:.0f}".format),
    "form": Measure("Time to form, seconds", "form, s", lambda trial: [trial["form_seconds"]], "{:.1f}".format),
    "join": Measure("", "form, all listening, s", lambda trial: [trial["join_seconds"]], "{:.1f}".format),
}
PANELS = tuple(key for key, measure in MEASURES.items() if measure.title)


def figures(found: Found) -> list[Figures]:
    """By size, then in the order of the contenders."""
    result = []
    for size in sorted({trial["size"] for trial in found["trials"]}):
        for contender in found["contenders"]:
            trials = [t for t in found["trials"] if (t["contender"], t["size"]) == (contender["key"], size)]
            if trials:
                summary = {key: max if key == "slowest" else median for key in MEASURES}
                values = {
                    key: summary[key]([value for trial in trials for value in measure.read(trial)])
                    for key, measure in MEASURES.items()
                }
                kills = sum(len(trial["every_seconds"]) for trial in trials)
                result.append(Figures(contender["name"], size, values, kills))
    return result


def table(found: Found) -> str:
    """Everything, one row a contender and size."""
    machine = found["machine"]
    versions = ", ".join(dict.fromkeys(contender["version"] for contender in found["contenders"]))
    head = ["members", "contender", *(measure.head for measure in MEASURES.values()), "kills"]
    rows = [
        [
            str(item.size),
            item.name,
            *(measure.shown(item.values[key]) for key, measure in MEASURES.items()),
            str(item.kills),
        ]
        for item in figures(found)
    ]
    lines = [head, ["---:", "---", *["---:"] * (len(head) - 2)], *rows]
    notes = [f"- {skip['name']}: {skip['reason']}" for skip in found["skips"]]
    about = (
        f"Measured on {found['date']}: {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}. {versions}. Rounds: {found['rounds']}. Load of the machine meanwhile: "
        f"{found['load'][0]:.1f} to {found['load'][1]:.1f}. Command: `{found['command']}`."
    )
    return "\n".join(
        [
            about,
            "",
            *("| " + " | ".join(line) + " |" for line in lines),
            *(["", "Not measured:", "", *notes] if notes else []),
            "",
        ]
    )


LABELS, BARS, RIGHT = 200, 220, 70
ROW, HEAD, GAP = 17, 34, 10
COLOURS = ("#1f6feb", "#8c959f", "#afb8c1")


def plot(found: Found) -> str:
    """A panel a measure, two panels a line; shorter bars are better everywhere."""
    items = figures(found)
    names = [contender["name"] for contender in found["contenders"]]
    width = 2 * (LABELS + BARS + RIGHT)
    panel = HEAD + ROW * len(items) + GAP * (len({item.size for item in items}) + 1)
    height = 60 + panel * -(-len(PANELS) // 2)
    body: list[str] = []
    for place, key in enumerate(PANELS):
        x, y = (place % 2) * width // 2, 50 + (place // 2) * panel
        body += _panel(MEASURES[key], key, items, names, x, y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">\n'
        "<title>Our nodes beside Serf agents: shorter bars are better</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        '<text x="16" y="28" font-size="16" font-weight="600">Beside Serf, on loopback (shorter is better)</text>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(measure: Measure, key: str, items: list[Figures], names: list[str], x: int, y: int) -> Iterator[str]:
    yield f'<text x="{x + 16}" y="{y + 18}" font-weight="600">{escape(measure.title)}</text>'
    most = max((item.values[key] for item in items), default=0.0) or 1.0
    row, size = y + HEAD, 0
    for item in items:
        if item.size != size:
            row, size = row + (GAP if size else 0), item.size
        value = item.values[key]
        length = max(1.0, BARS * value / most)
        label = f"{item.size} members: {item.name}"
        colour = COLOURS[names.index(item.name) % len(COLOURS)]
        yield f'<text x="{x + LABELS - 6}" y="{row + 12}" text-anchor="end" fill="#24292f">{escape(label)}</text>'
        yield f'<rect x="{x + LABELS}" y="{row + 2}" width="{length:.1f}" height="{ROW - 4}" fill="{colour}"/>'
        shown = measure.shown(value)
        yield f'<text x="{x + LABELS + length + 5:.1f}" y="{row + 12}" fill="#24292f">{shown}</text>'
        row += ROW
