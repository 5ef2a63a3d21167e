"""The pictures of the rooms are those of the code."""

from pathlib import Path

import pytest

from tools.houses import HOUSES, edges_of, to_dot

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", HOUSES)
def test_a_house_is_drawn_as_it_stands(name):
    committed = (ROOT / "docs" / "explanation" / f"{name}.dot").read_text()
    assert committed == to_dot(name, edges_of(*HOUSES[name])), "run: python tools/houses.py"
