"""From stored results to figures, tables and the plot; the published page is what the stored results say."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.peers import __main__ as command
from bench.peers import plot, store, table
from bench.peers.summary import Limit, Model, figures, limits, ratios, shares
from bench.peers.workload import TWOPHASE

ROOT = Path(__file__).parent.parent.parent
STORED = ROOT / "bench" / "peers" / "results" / "results.json"
SEVEN = TWOPHASE.known(7)
PAGE = ROOT / "docs" / "explanation" / "performance.md"


def contender(name: str, tool: str, threads: int = 1) -> dict[str, Any]:
    return {"name": name, "tool": tool, "version": "1", "threads": threads, "exact": True}


def measurement(name: str, size: int, seconds: float, number: int = 1) -> dict[str, Any]:
    return {
        "contender": name,
        "workload": "twophase",
        "size": size,
        "round": number,
        "start_seconds": 1.0,
        "start_cpu_seconds": 0.5,
        "start_bytes": 10**7,
        "seconds": seconds + 1.0,
        "cpu_seconds": seconds / 2 + 0.5,
        "peak_bytes": 10**7 + 32 * TWOPHASE.known(size).distinct,
        "own_seconds": None,
        "build_seconds": 0.0,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    return {
        "date": "2026-01-01",
        "machine": {"processor": "P", "cores": 2, "memory_bytes": 2**34, "kernel": "6", "python": "3.11"},
        "contenders": [contender("we", "coordfsm"), contender("A deep", "a"), contender("A wide & slow", "a")],
        "measurements": [
            *(measurement("we", 7, seconds, number) for number, seconds in enumerate((1.0, 2.0, 9.0), 1)),
            measurement("A deep", 7, 10.0),
            measurement("A wide & slow", 7, 20.0),
            measurement("A deep", 3, 0.001),
        ],
        "limits": [
            {
                "workload": "twophase",
                "size": 7,
                "round": 1,
                "threads": 1,
                "table_bytes": 8,
                "rates": {"plain": 1e6, "batched": 2e6},
                "cpu_rates": {"plain": 1e6, "batched": 4e6},
            }
        ],
        "startup": {"help_seconds": 0.1},
        "skips": [{"name": "tlc", "reason": "give the path\nsecond line"}],
    }


def test_figures_are_medians_with_the_start_subtracted(results: dict[str, Any]) -> None:
    ours = figures(results)[0]

    assert (ours.name, ours.rounds, ours.seconds) == ("we", 3, 2.0)
    assert ours.states_per_second == SEVEN.distinct / 2
    assert ours.transitions_per_second == SEVEN.inside / 2
    assert ours.bytes_per_state == 32
    assert [item.states_per_second for item in figures(results) if item.model.size == 3] == [None]


def test_ratios_are_against_the_fastest_setting_of_a_checker(results: dict[str, Any]) -> None:
    (ratio,) = ratios(figures(results))

    assert (ratio.model, ratio.ours, ratio.peer) == (Model("twophase", 7), "we", "A deep")
    assert ratio.times == pytest.approx(5.0)
    assert ratio.cpu_times == pytest.approx(5.0)


def test_the_share_of_the_limit_is_of_the_faster_loop(results: dict[str, Any]) -> None:
    (found,) = shares(results)

    assert limits(results) == {(Model("twophase", 7), 1): Limit(2e6, 4e6)}
    assert found.ours.name == "we"
    assert found.share == pytest.approx(SEVEN.inside / 2 / 2e6)
    assert found.cpu_share == pytest.approx(SEVEN.inside / 1 / 4e6)


def test_the_tables_name_everything(results: dict[str, Any]) -> None:
    text = table.render(results)

    assert "### Two-phase commit, 7 resource managers: 296,448 states, 2,744,706 transitions" in text
    assert "| we | 148 k | 1.37 M | 2.00 | 400% | 1.00 |" in text
    assert "| Two-phase commit, 7 resource managers | we | A deep | 5.0 | 5.0 |" in text
    assert "| Two-phase commit, 7 resource managers | 1 | 2.00 M | 1.37 M | 69% | 69% |" in text
    assert "found the known counts: Two-phase commit, 3 resource managers." in text
    assert "- tlc: give the path\n" in text


def test_the_plot_is_well_formed_and_shows_the_fastest_setting_of_each(results: dict[str, Any]) -> None:
    root = ET.fromstring(plot.render(results))

    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"we", "A deep", "148 k"} <= set(texts)
    assert "A wide & slow" not in texts
    ET.fromstring(plot.render({**results, "measurements": []}))


def test_results_are_rendered_again_and_published(
    results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{store.BEGIN}\nold\n{store.END}\n\nAfter.\n")
    (tmp_path / "results.json").write_text(json.dumps(results))

    code = command.main(["--render", "--out", str(tmp_path), "--publish", str(page)])

    assert code == 0
    assert capsys.readouterr().out == table.render(results) == (tmp_path / "table.md").read_text()
    assert page.read_text() == f"# Title\n\n{store.BEGIN}\n\n{table.render(results)}\n{store.END}\n\nAfter.\n"
    assert page.with_suffix(".svg").read_text() == plot.render(results)


def test_a_page_without_markers_is_left_alone(results: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n")

    with pytest.raises(ValueError, match="lacks the lines"):
        store.publish(results, page)

    assert page.read_text() == "# Title\n"


def test_wrong_options_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["--rms", "11"])

    assert caught.value.code == 2
    assert "--rms takes 1, 2, 3" in capsys.readouterr().err
    assert command.main(["--render", "--out", str(tmp_path)]) == 2


def test_the_published_page_is_what_the_stored_results_say() -> None:
    found = json.loads(STORED.read_text())

    assert f"{store.BEGIN}\n\n{table.render(found)}\n{store.END}" in PAGE.read_text()
    assert PAGE.with_suffix(".svg").read_text() == plot.render(found)
    assert (STORED.parent / "table.md").read_text() == table.render(found)
