"""``python -m tests.spec.refresh``: bring the generated parts of ``spec/PROPERTIES.md`` up to date."""

from tests.spec.properties import DOCUMENT, refreshed

if __name__ == "__main__":
    DOCUMENT.write_text(refreshed(DOCUMENT.read_text()))
