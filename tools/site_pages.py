"""Pages of the documentation site that are made, and links that lead out of `docs/`.

A hook of MkDocs. The start page is the README; the pages of commands come from their own `--help`, the diagrams and
examples from their folders. Links in the sources are those of the repository, and are rewritten to the site's.
"""

import argparse
import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from coordfsm.cli.main import build_parser

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?\)")
PLACES = {"README.md": "index.md", "diagrams": "diagrams/index.md", "docs/decisions": "decisions/README.md"}
"""Paths of the repository whose pages have other names."""
DECISION = re.compile(r"^# (?:(\d{4}) )?(.+)$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    pages = {
        "index.md": _read("README.md"),
        "spec/PROPERTIES.md": _read("spec/PROPERTIES.md"),
        "CONTRIBUTING.md": _read("CONTRIBUTING.md"),
        "reference/commands.md": commands(),
        "diagrams/index.md": diagrams(),
        "examples/index.md": examples(),
    }
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    for picture in sorted((ROOT / "diagrams").glob("*.svg")):
        files.append(File.generated(config, f"diagrams/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  (a hook)
    """Lead the links of the repository to pages of the site, and list the decisions."""
    uri = page.file.src_uri
    if uri == "decisions/README.md":
        markdown += decisions()
    source = {"index.md": "README.md"}.get(uri, uri)
    if (ROOT / "docs" / uri).exists():
        source = f"docs/{uri}"

    def lead(link: re.Match[str]) -> str:
        target = link[2]
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        place = _place(posixpath.normpath(posixpath.join(posixpath.dirname(source), target)))
        return f"{link[1]}{posixpath.relpath(place, posixpath.dirname(uri) or '.')}{link[3] or ''})"

    return LINK.sub(lead, markdown)


def _place(path: str) -> str:
    if path in PLACES:
        return PLACES[path]
    if path == "examples" or path.startswith("examples/"):
        return "examples/index.md"
    return path.removeprefix("docs/")


def commands() -> str:
    """What each command says of itself with `--help`."""
    os.environ["COLUMNS"] = "80"
    choices = next(part for part in build_parser()._actions if isinstance(part, argparse._SubParsersAction)).choices  # noqa: SLF001  (argparse has no other way)
    helps = (
        f"## coordfsm {name}\n\n```text\n{parser.format_help().rstrip()}\n```\n" for name, parser in choices.items()
    )
    return "# Commands and options\n\nWhat each command prints with `--help`.\n\n" + "\n".join(helps)


def diagrams() -> str:
    """Every machine: its overview, and a link to the full diagram."""
    names = sorted(path.stem for path in (ROOT / "diagrams").glob("*.svg") if not path.stem.endswith("-overview"))
    shown = (
        f"## {name}\n\n![Overview of {name}]({name}-overview.svg)\n\n[Full diagram of {name}]({name}.svg)\n"
        for name in names
    )
    return "# Diagrams of the machines\n\nDrawn from the declarations that run. How to read them: " + (
        "[draw machines](../docs/how-to/render.md).\n\n" + "\n".join(shown)
    )


def examples() -> str:
    """Every example in full."""
    paths = sorted(
        path for path in (ROOT / "examples").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    shown = (
        f"## {path.relative_to(ROOT / 'examples')}\n\n```{'python' if path.suffix == '.py' else 'text'}\n"
        f"{path.read_text(encoding='utf-8').rstrip()}\n```\n"
        for path in paths
    )
    return "# Examples\n\n" + "\n".join(shown)


def decisions() -> str:
    """The list of decision pages, by number and title."""
    rows = []
    for path in sorted((ROOT / "docs" / "decisions").glob("0*.md")):
        title = DECISION.search(path.read_text(encoding="utf-8"))
        rows.append(f"- [{path.name[:4]} {title[2] if title else path.stem}]({path.name})")
    return "\n" + "\n".join(rows) + "\n"


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
