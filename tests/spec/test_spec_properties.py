"""The catalogue of properties and the code say the same."""

import re
from pathlib import Path

import pytest

from tests.spec.properties import DOCUMENT, documented, known_properties, refreshed

PROPERTIES, WITNESSES = known_properties()
SECTIONS = documented(DOCUMENT.read_text())


def test_every_property_of_a_model_is_in_the_catalogue_and_the_other_way_round():
    elsewhere = {name for name, section in SECTIONS.items() if "- Tests:" in section or "- Not explored:" in section}
    assert set(SECTIONS) - elsewhere == set(PROPERTIES)


@pytest.mark.parametrize("identifier", SECTIONS)
def test_a_section_is_complete(identifier):
    section = SECTIONS[identifier]
    assert re.search(r"^- Why: .+", section, re.MULTILINE)
    assert re.search(r"^- Fault model: .+", section, re.MULTILINE)
    for path in re.findall(r"^- Tests: (.+)$", section, re.MULTILINE):
        assert identifier in (Path(__file__).parents[2] / path).read_text()


@pytest.mark.parametrize("identifier", PROPERTIES)
def test_every_property_has_a_flaw_that_it_catches(identifier):
    """A property that nothing can break is not tested."""
    assert PROPERTIES[identifier].mutants


def test_what_is_generated_is_up_to_date():
    text = DOCUMENT.read_text()
    assert refreshed(text) == text, "run `python -m tests.spec.refresh`"
