"""The site builds without a warning, and asks the network for nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\bsrc(?:set)?="(https?:)?//|<link\b[^>]*\bhref="(https?:)?//')
pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_loads_only_what_lies_beside_it(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    assert [str(page.relative_to(site)) for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []
    sheets = [sheet for sheet in site.rglob("*.css") if re.search(r"url\(['\"]?https?:", sheet.read_text("utf-8"))]
    assert sheets == []


def test_the_reference_comes_from_docstrings_and_from_help(site: Path) -> None:
    assert "coordfsm force-view" in (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "ClusterNode" in (site / "reference" / "api" / "runtime.html").read_text(encoding="utf-8")
