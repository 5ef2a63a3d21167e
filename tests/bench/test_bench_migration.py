"""The bench of migrations: what it makes of two processes' counts, and how it shows them."""

from xml.etree import ElementTree as ET

import pytest

from bench.migration.report import plot, table
from bench.migration.shares import Shares
from bench.migration.trial import Case, summarized


def said(*latencies, cpu_s, records, **shares):
    counts = {"records_written": records, "commits": 10, "messages_sent": 8, "datagrams_sent": 4, "bytes_sent": 400}
    return {
        "latencies_ms": list(latencies),
        "decided_ms": [latency / 2 for latency in latencies],
        "outcomes": {},
        "shares_s": shares,
        "counts": counts,
        "cpu_s": cpu_s,
        "waited_s": cpu_s / 3,
        "memory_bytes": 1 << 20,
    }


def trial(**shares):
    before = [said(cpu_s=1.0, records=0, **dict.fromkeys(shares, 0.0)) for _ in range(2)]
    after = [said(1.0, 2.0, 3.0, cpu_s=1.3, records=15, **shares), said(4.0, 5.0, 6.0, cpu_s=1.3, records=15, **shares)]
    found = summarized(Case(10, 100), before, after, 2.0)
    return found | {"limit_per_second": 2.0, "limit_ms": 500.0}


def test_a_window_is_the_difference_between_its_ends_over_both_processes():
    found = trial()
    assert found["migrations"] == 6
    assert found["per_second"] == 3.0
    assert found["latency_ms"]["p50"] == 3.5
    assert found["decided_ms"] == 1.75
    assert found["cpu_us_per_process"] == pytest.approx(0.6 / 2 / 6 * 1e6)
    assert found["starved"] == pytest.approx(0.05)
    assert found["per_migration"]["records_written"] == 5.0


def test_tables_and_plot_show_every_trial():
    found = {
        "date": "2026-01-01",
        "command": "python -m bench.migration",
        "machine": {"processor": "P", "cores": 2, "kernel": "6", "python": "3"},
        "load": [0.0, 1.0],
        "trials": [trial(), trial(machine=0.3, fsync=1.0)],
    }
    shown = table(found)
    assert "| 10 | 100 B | 3 | 1.8 | 3.5 |" in shown
    assert "| 10 | 100 B | 3 | 50 % | 100 % | 0 % | 0 % | 0 % | 0 % |" in shown
    drawn = ET.fromstring(plot(found))
    assert any(text.text == "100 B, 10 concurrent" for text in drawn.iter("{http://www.w3.org/2000/svg}text"))


def test_a_call_within_another_counts_for_the_inner_part_only():
    shares = Shares(enabled=False)
    inner = shares._timed(lambda: sum(range(200_000)), "inner")
    outer = shares._timed(inner, "outer")
    outer()
    assert shares.seconds["inner"] > shares.seconds["outer"] >= 0
