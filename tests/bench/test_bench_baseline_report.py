"""From what was measured to tables and the plot; one small cluster of real processes."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.baseline import __main__ as command
from bench.baseline import plot, sockets, store, table
from bench.baseline.designs import DESIGNS
from bench.baseline.figures import Agreement, agreement

ROOT = Path(__file__).parent.parent.parent
STORED = ROOT / "bench" / "baseline" / "results" / "results.json"
PAGE = ROOT / "docs" / "explanation" / "performance.md"


def test_agreement_counts_from_the_first_final_word_to_the_last():
    events = [(9.0, "b", "c"), (5.0, "a", "b"), (7.0, "a", "c"), (8.0, "a", "c")]
    assert agreement(events, ["a", "b"], "d") == Agreement(9.0, 2.0)


@pytest.mark.parametrize(
    "events", [[], [(1.0, "a", "c")], [(1.0, "a", "c"), (1.0, "b", "a")], [(1.0, "a", "d"), (1.0, "b", "d")]]
)
def test_who_names_nobody_another_or_the_dead_does_not_agree(events):
    assert agreement(events, ["a", "b"], "d") == Agreement(None, None)


def test_a_small_run_writes_tables_plot_and_json(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{store.BEGIN}\nold\n{store.END}\nafter\n")
    small = ["--virtual", "3", "--sockets", "--seeds", "1", "--rest", "1", "--window", "4", "--no-storm"]
    assert command.main([*small, "--out", str(tmp_path), "--publish", str(page)]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "table.md").read_text()
    assert page.read_text() == f"before\n{store.BEGIN}\n\n{printed}\n{store.END}\nafter\n"
    assert {row["design"] for row in json.loads((tmp_path / "results.json").read_text())["rows"]} == set(DESIGNS)
    ET.fromstring((tmp_path / store.PLOT).read_text())
    assert command.main(["--render", "--json", "--out", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["skips"] == []


@pytest.mark.parametrize("words", [["--virtual", "1"], ["--virtual", "--sockets"], ["--seeds", "0"], ["--rest", "0"]])
def test_a_plan_that_measures_nothing_is_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("text")
    with pytest.raises(ValueError, match="lacks the lines"):
        store.publish(json.loads(STORED.read_text()), page)
    assert page.read_text() == "text"


def test_the_published_section_is_what_the_stored_results_say():
    found = json.loads(STORED.read_text())
    text = PAGE.read_text()
    assert table.render(found) in text
    assert (PAGE.parent / store.PLOT).read_text() == plot.render(found)
    assert f"]({store.PLOT})" in text


@pytest.mark.parametrize("name", DESIGNS)
def test_two_real_processes_of_each_design_name_one_coordinator(name):
    with sockets.Processes(DESIGNS[name](), 2) as cluster:
        for _ in range(100):
            _, samples = cluster.load(0.1)
            leaders = {sample.named[-1][1] if sample.named else "" for sample in samples.values()}
            if len(leaders) == 1 and "" not in leaders:
                break
        assert len(leaders) == 1
        assert leaders <= set(cluster.everyone)
        assert all(sample.refused == 0 and sample.private_bytes > 0 for sample in samples.values())
        # What was sent was sealed and weighed; coordination alone is silent once it is at rest.
        assert all(sample.octets > 0 or not sample.messages for sample in samples.values())
