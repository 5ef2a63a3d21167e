"""No text of a picture lies on another or leaves its box, with whichever common font a viewer draws it."""

from pathlib import Path

import pytest
from render.svg_texts import overlapping, protruding

from coordfsm.render.metrics import FONTS

DIAGRAMS = sorted((Path(__file__).parents[2] / "diagrams").glob("*.svg"))


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("picture", DIAGRAMS, ids=lambda path: path.stem)
def test_no_text_of_a_committed_diagram_overlaps(picture: Path, font: str) -> None:
    svg = picture.read_text(encoding="utf-8")
    assert overlapping(svg, font) == []
    assert protruding(svg, font) == []
