"""What `coordfsm render` does."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from coordfsm.check.spelling import closest
from coordfsm.check.trace import Trace, TraceFileError
from coordfsm.cli.exits import Exit
from coordfsm.cli.render import FORMATS
from coordfsm.kernel import ParameterError
from coordfsm.render.catalogue import ENDINGS, FULL, KINDS, OVERVIEW, TEXTS, Drawable, drawables, drawables_in
from coordfsm.render.drawing import chart, state_diagram
from coordfsm.render.picture import MISSING, RenderError, backend

TRACE_FORMATS = (*FORMATS, "text")
PAINTED = frozenset({"svg", "png"})
DIAGRAMS = Path("diagrams")

Picture = tuple[Path, bytes]
"""Where it goes, and its content."""


def run(arguments: argparse.Namespace) -> int:
    """List, check or draw, as the arguments say."""
    traces = [Path(name) for name in arguments.machines if name.endswith(".json")]
    names = [name for name in arguments.machines if not name.endswith(".json")]
    if arguments.trace is not None:
        traces.append(arguments.trace)
    asked = _formats(arguments.format, TRACE_FORMATS if traces else FORMATS)
    if traces:
        if names or arguments.list or arguments.check:
            raise ParameterError(
                "draw counterexamples and machines in two commands; --list and --check are of machines"
            )
        return _write(chain(*(_chart(path, _possible(asked), arguments.output) for path in traces)), arguments, asked)
    chosen = _chosen(names)
    folder = arguments.output or DIAGRAMS
    if arguments.list:
        return _list(chosen, as_json=arguments.json)
    if arguments.check:
        return _check(chosen, folder, as_json=arguments.json)
    kinds = (OVERVIEW,) if arguments.overview else (FULL,) if arguments.full else tuple(KINDS)
    return _write(_diagrams(chosen, kinds, _possible(asked), folder), arguments, asked)


def _formats(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    valid = f"the formats are: {', '.join(known)}"
    for word in formats:
        if word not in known:
            raise ParameterError(f"unknown format {word!r}{closest(word, known)}; {valid}")
    if not formats:
        raise ParameterError(f"no format given; {valid}")
    return formats


def _possible(formats: tuple[str, ...]) -> tuple[str, ...]:
    """What can be drawn here: without Graphviz, the texts from which pictures can be made elsewhere."""
    if backend() is not None or not PAINTED.intersection(formats):
        return formats
    return tuple(dict.fromkeys((*(form for form in formats if form not in PAINTED), "dot", "mermaid")))


def _chosen(names: list[str]) -> tuple[Drawable, ...]:
    known = {item.name.lower(): item for item in drawables()}
    chosen: list[Drawable] = []
    for name in names:
        if name.endswith(".py"):
            chosen += drawables_in(Path(name))
        elif name.lower() in known:
            chosen.append(known[name.lower()])
        else:
            valid = ", ".join(item.name for item in known.values())
            raise ParameterError(
                f"unknown machine {name!r}{closest(name.lower(), known)}; "
                f"the machines are: {valid}; or a Python file that declares some"
            )
    return tuple(chosen) or tuple(known.values())


def _list(chosen: tuple[Drawable, ...], *, as_json: bool) -> int:
    rows = [
        {
            "machine": item.name,
            "states": list(item.table.states),
            "rules": len(item.table.rule_names),
            "summary": item.summary,
        }
        for item in chosen
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        width = max(len(item.name) for item in chosen)
        for item in chosen:
            counts = f"{len(item.table.states):>2} states {len(item.table.rule_names):>4} rules"
            print(f"{item.name:<{width}}  {counts}  {item.summary}".rstrip())
    return Exit.OK


def _diagrams(
    chosen: tuple[Drawable, ...], kinds: tuple[str, ...], formats: tuple[str, ...], folder: Path
) -> Iterator[Picture]:
    for item in chosen:
        for kind in kinds:
            for form in formats:
                yield folder / f"{item.name}{kind}.{ENDINGS[form]}", state_diagram(item.table, kind, form)


def _chart(path: Path, formats: tuple[str, ...], folder: Path | None) -> Iterator[Picture]:
    try:
        trace = Trace.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TraceFileError(f"{path}: {error}") from error
    for form in formats:
        yield (folder or path.parent) / f"{path.stem}.{ENDINGS[form]}", chart(trace, form)


def _write(pictures: Iterator[Picture], arguments: argparse.Namespace, asked: tuple[str, ...]) -> int:
    written: list[str] = []
    for path, content in pictures:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise RenderError(f"cannot write {path}: {error}") from error
        written.append(str(path))
        if not arguments.json:
            print(path)
    if arguments.json:
        print(json.dumps(written, indent=1))
    if backend() is None and PAINTED.intersection(asked):
        print(f"coordfsm: {MISSING}", file=sys.stderr)
        return Exit.USAGE
    return Exit.OK


def _check(chosen: tuple[Drawable, ...], folder: Path, *, as_json: bool) -> int:
    stale = list(stale_files(chosen, folder))
    if as_json:
        print(json.dumps(stale, indent=1))
    for name in stale:
        print(f"stale: {folder / name}; run: coordfsm render --format svg,dot,mermaid", file=sys.stderr)
    return Exit.COUNTEREXAMPLE if stale else Exit.OK


def stale_files(chosen: tuple[Drawable, ...], folder: Path) -> Iterator[str]:
    """The text files of a folder that are missing or differ from what the code draws."""
    for item in chosen:
        for kind, diagram_of in KINDS.items():
            diagram = diagram_of(item.table)
            for form, text in TEXTS.items():
                name = f"{item.name}{kind}.{ENDINGS[form]}"
                path = folder / name
                if not path.is_file() or path.read_text(encoding="utf-8") != text(diagram):
                    yield name
