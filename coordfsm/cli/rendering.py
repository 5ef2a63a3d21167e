"""What `coordfsm render` does."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from coordfsm.check.registry import closest
from coordfsm.check.trace import Trace, TraceFileError, story
from coordfsm.cli.exits import Exit
from coordfsm.cli.render import FORMATS
from coordfsm.kernel import ParameterError
from coordfsm.render import sequence_chart
from coordfsm.render.catalogue import ENDINGS, TEXTS, Drawable, drawables, drawables_in
from coordfsm.render.picture import MISSING, RenderError, backend, draw

TRACE_FORMATS = (*FORMATS, "text")
PAINTED = frozenset({"svg", "png"})


def run(arguments: argparse.Namespace) -> int:
    """List, check or draw, as the arguments say."""
    asked = _formats(arguments.format, TRACE_FORMATS if arguments.trace is not None else FORMATS)
    if arguments.trace is not None:
        return _write(_chart(arguments.trace, _possible(asked)), arguments, asked)
    chosen = _chosen(arguments.machines)
    if arguments.list:
        return _list(chosen, as_json=arguments.json)
    if arguments.check:
        return _check(chosen, arguments.output, as_json=arguments.json)
    return _write(_diagrams(chosen, _possible(asked)), arguments, asked)


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


def _diagrams(chosen: tuple[Drawable, ...], formats: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for item in chosen:
        for form in formats:
            name = f"{item.name}.{ENDINGS[form]}"
            text = TEXTS[form](item.table) if form in TEXTS else None
            yield name, draw(TEXTS["dot"](item.table), form) if text is None else text.encode()


def _chart(path: Path, formats: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    try:
        trace = Trace.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TraceFileError(f"{path}: {error}") from error
    for form in formats:
        name = f"{path.stem}.{ENDINGS[form]}"
        if form == "mermaid":
            yield name, sequence_chart.to_mermaid(trace).encode()
        elif form == "text":
            yield name, story(trace).encode()
        elif form == "dot":
            yield name, sequence_chart.to_dot(trace).encode()
        else:
            yield name, draw(sequence_chart.to_dot(trace), form, placed=True)


def _write(pictures: Iterator[tuple[str, bytes]], arguments: argparse.Namespace, asked: tuple[str, ...]) -> int:
    written: list[str] = []
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        for name, content in pictures:
            path = arguments.output / name
            path.write_bytes(content)
            written.append(str(path))
            if not arguments.json:
                print(path)
    except OSError as error:
        raise RenderError(f"cannot write to {arguments.output}: {error}") from error
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
        for form, text in TEXTS.items():
            name = f"{item.name}.{ENDINGS[form]}"
            path = folder / name
            if not path.is_file() or path.read_text(encoding="utf-8") != text(item.table):
                yield name
