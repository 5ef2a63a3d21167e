"""The counters in Prometheus' text format (version 0.0.4)."""

from collections.abc import Mapping

from coordfsm_runtime.counters import LATENCY_BOUNDS_MS, Counters, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "coordfsm_"

COUNTERS = {
    "datagrams_sent": ("", "Datagrams sent."),
    "datagrams_received": ("", "Datagrams received, those dropped included."),
    "bytes_sent": ("", "Bytes of datagrams sent."),
    "bytes_received": ("", "Bytes of datagrams received."),
    "datagrams_dropped": ("reason", "Datagrams received and not taken."),
    "refusals_sent": ("reason", "Strangers told why they are not heard."),
    "refusals_received": ("reason", "Refusals heard: this node's label or key is not that of the cluster it asks."),
    "messages_sent": ("message", "Messages sent, by type."),
    "messages_received": ("message", "Messages received, by type."),
    "messages_given_up": ("", "Messages of several datagrams that stayed unfinished."),
    "send_failed": ("reason", "Datagrams or messages that could not be sent."),
    "receive_failed": ("reason", "Errors of the socket while reading."),
    "inputs": ("kind", "Inputs that the machines handled."),
    "inputs_failed": ("kind", "Inputs at which the machines failed; the state was unchanged."),
    "records_written": ("", "Durable records written."),
    "events": ("event", "Events that the machines told."),
    "judgements": ("judgement", "Members that this node accused, condemned, or took its accusation of back."),
    "migrations": ("outcome", "Migrations asked of this node, by outcome."),
}
"""Name to the name of its label ('' for none) and its help; other names are shown with the label ``label``."""

HISTOGRAMS = {
    "turn": "Time that one turn of the event loop spent in the machines and the store.",
    "commit": "Time to make the records of one turn durable.",
    "probe": "Time from a probe to its answer.",
    "migration": "Time from a request to migrate to its outcome.",
}


def exposition(counters: Counters, gauges: Mapping[str, tuple[float, str]]) -> str:
    """The text of ``/metrics``.

    Args:
        counters: of the node.
        gauges: name to (value, help).
    """
    lines: list[str] = []
    for name in sorted({name for name, _ in counters.counts} | set(COUNTERS)):
        label, text = COUNTERS.get(name, ("label", "Count."))
        full = f"{PREFIX}{name}_total"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} counter"]
        counts = counters.of(name) or ({} if label else {"": 0})
        lines += [f"{full}{_labels(label, value)} {count}" for value, count in counts.items()]
    for name in sorted({*counters.histograms, *HISTOGRAMS}):
        text = HISTOGRAMS.get(name, "Duration.")
        lines += _histogram(f"{PREFIX}{name}_seconds", text, counters.histograms.get(name, Histogram()))
    for name, (value, text) in sorted(gauges.items()):
        full = PREFIX + name
        lines += [f"# HELP {full} {text}", f"# TYPE {full} gauge", f"{full} {value:g}"]
    return "\n".join(lines) + "\n"


def _histogram(name: str, text: str, histogram: Histogram) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    total = 0
    for bound, count in zip((*LATENCY_BOUNDS_MS, None), histogram.buckets, strict=True):
        total += count
        edge = "+Inf" if bound is None else f"{bound / 1000:g}"
        lines.append(f'{name}_bucket{{le="{edge}"}} {total}')
    return [*lines, f"{name}_sum {histogram.sum_ms / 1000:g}", f"{name}_count {histogram.count}"]


def _labels(label: str, value: str) -> str:
    if not label or not value:
        return ""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{{label}="{escaped}"}}'
