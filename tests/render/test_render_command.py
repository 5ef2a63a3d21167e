"""`coordfsm render` as a user meets it."""

import json

import pytest

from coordfsm.check.traces.trace import Trace, TraceStep
from coordfsm.cli.main import main
from coordfsm.cli.reports import pictures as rendering
from coordfsm.render import picture

STEP = TraceStep(1, "command", "a", "Go", "", "", ("state: idle -> busy",), (), "")
TRACE = Trace("m", {}, "P", "It holds.", ("a", "b"), (STEP,))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "found.json"
    path.write_text(TRACE.dumps())
    return path


def test_one_machine_in_every_format(tmp_path, capsys):
    assert main(["render", "migration", "--format", "svg,png,dot,mermaid", "--output", str(tmp_path)]) == 0
    endings = ("svg", "png", "dot", "mmd")
    names = [f"{name}.{ending}" for name in ("Migration", "Migration-overview") for ending in endings]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize(("asked", "name"), [("--overview", "Service-overview"), ("--full", "Service")])
def test_only_the_overview_or_only_the_full_diagram(asked, name, tmp_path):
    assert main(["render", "Service", asked, "--format", "dot", "--output", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.dot"]


def test_a_counterexample_is_drawn_beside_its_file(saved, capsys):
    assert main(["render", str(saved), "--format", "svg,text,mermaid", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written == [str(saved.with_suffix(ending)) for ending in (".svg", ".txt", ".mmd")]
    assert "1. Go" in saved.with_suffix(".svg").read_text()


def test_stale_text_is_found(tmp_path, capsys):
    assert main(["render", "Service", "--format", "dot,mermaid", "--output", str(tmp_path)]) == 0
    assert main(["render", "Service", "--check", "--output", str(tmp_path)]) == 0
    for name in ("Service.mmd", "Service-overview.dot"):
        (tmp_path / name).write_text("something else")
    assert main(["render", "Service", "--check", "--output", str(tmp_path)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in told] == [
        f"stale: {tmp_path / 'Service.mmd'}",
        f"stale: {tmp_path / 'Service-overview.dot'}",
    ]


def test_without_graphviz_the_texts_are_written_and_the_user_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(picture, "backend", lambda: None)
    monkeypatch.setattr(rendering, "backend", lambda: None)
    assert main(["render", "Service", "--full", "--output", str(tmp_path)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Service.dot", "Service.mmd"]
    assert capsys.readouterr().err.count("graphviz-pure") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["Migraton"], "did you mean"),
        (["--format", "pdf"], "the formats are: svg, png, dot, mermaid"),
        (["--format", ","], "no format given"),
        (["nowhere.py"], "nowhere.py"),
        (["nowhere.json"], "nowhere.json"),
        (["--trace", "nowhere.json", "--list"], "two commands"),
    ],
)
def test_mistakes_are_named(given, told, capsys):
    assert main(["render", *given]) == 2
    assert told in capsys.readouterr().err


def test_a_file_without_machines_and_one_that_fails(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("x = 1\n")
    assert main(["render", str(path)]) == 2
    assert "declares no machine" in capsys.readouterr().err
    path.write_text("1 / 0\n")
    assert main(["render", str(path)]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err
