"""What `coordfsm render` does."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from coordfsm.check.registry import closest
from coordfsm.check.trace import Trace, TraceFileError
from coordfsm.cli.exits import Exit
from coordfsm.cli.render import FORMATS
from coordfsm.kernel import ParameterError
from coordfsm.render import sequence_chart
from coordfsm.render.catalogue import ENDINGS, TEXTS, Drawable, drawables
from coordfsm.render.picture import RenderError, draw


def run(arguments: argparse.Namespace) -> int:
    """List, check or draw, as the arguments say."""
    formats = _formats(arguments.format)
    if arguments.trace is not None:
        return _write(_chart(arguments.trace, formats), arguments)
    chosen = _chosen(arguments.machines)
    if arguments.list:
        return _list(chosen, as_json=arguments.json)
    if arguments.check:
        return _check(chosen, arguments.output, as_json=arguments.json)
    return _write(_diagrams(chosen, formats), arguments)


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(word.strip() for word in text.split(",") if word.strip())
    valid = f"the formats are: {', '.join(FORMATS)}"
    for word in formats:
        if word not in FORMATS:
            raise ParameterError(
                f"unknown format {word!r}{closest(word, FORMATS)}; the formats are: {', '.join(FORMATS)}"
            )
    if not formats:
        raise ParameterError(f"no format given; the formats are: {', '.join(FORMATS)}")
    return formats


def _chosen(names: list[str]) -> tuple[Drawable, ...]:
    known = {item.name.lower(): item for item in drawables()}
    for name in names:
        if name.lower() not in known:
            valid = ", ".join(item.name for item in known.values())
            raise ParameterError(f"unknown machine {name!r}{closest(name.lower(), known)}; the machines are: {valid}")
    return tuple(known[name.lower()] for name in names) or tuple(known.values())


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
            print(
                f"{item.name:<{width}}  {len(item.table.states):>2} states {len(item.table.rule_names):>4} rules  {item.summary}"
            )
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
        elif form == "dot":
            yield name, sequence_chart.to_dot(trace).encode()
        else:
            yield name, draw(sequence_chart.to_dot(trace), form, placed=True)


def _write(pictures: Iterator[tuple[str, bytes]], arguments: argparse.Namespace) -> int:
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
