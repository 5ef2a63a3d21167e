"""The committed pictures are those of the code. Texts are compared: layouts differ between Graphviz versions."""

from pathlib import Path

from coordfsm.cli.reports.pictures import stale_files
from coordfsm.render.catalogue import KINDS, drawables

DIAGRAMS = Path(__file__).parents[2] / "diagrams"


def test_the_committed_diagrams_are_those_of_the_live_declarations():
    stale = list(stale_files(drawables(), DIAGRAMS))
    assert not stale, f"run: coordfsm render --format svg,dot,mermaid ({', '.join(stale)})"


def test_every_text_has_its_picture():
    for item in drawables():
        for kind in KINDS:
            assert (DIAGRAMS / f"{item.name}{kind}.svg").read_text().count("<svg") == 1
