"""`coordfsm audit`: what really happened in a cluster, from its stores and traces."""

import argparse
from pathlib import Path
from typing import Any

from coordfsm.cli.connection import print_json, print_table
from coordfsm.cli.exits import CommandError, Exit

NAME = "audit"
HELP = "check stores and traces of stopped nodes: entities, views, decisions"
EPILOG = """\
Give the directories of all nodes of a cluster, or one directory that holds them, or single files: *.db are stores,
all others are traces. Every trace is stepped through the machines again and must have the recorded effects; all
together are checked against the properties. An entity that several stores have, or that none has though a trace
put it into service, is a violation. The stores must not be in use; they are not changed. A trace that grew beyond its
bound is in two files: name the newer one, or the directory.
exit codes: 0 clean, 1 a property does not hold, 2 a file cannot be read
"""

STORE = "node.db"
TRACE = "trace.jsonl"

SHOWN = 20


class NothingToAuditError(CommandError):
    """No store and no trace at the given paths."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="directories, stores or traces")
    parser.add_argument("--no-replay", action="store_true", help="do not step the machines again")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    stores, traces = _find(arguments.paths)
    result = _audit(stores, traces, replay=not arguments.no_replay)
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return Exit.OK if result["clean"] else Exit.COUNTEREXAMPLE


def _find(paths: list[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Stores by node and traces at the paths.

    Raises:
        NothingToAuditError: there is neither, or a path does not exist.
    """
    stores: dict[str, Path] = {}
    traces: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NothingToAuditError(f"{path}: no such file or directory")
        if path.is_file():
            files = [path]
        else:
            files = [file for name in (STORE, TRACE) for file in sorted((*path.glob(name), *path.glob(f"*/{name}")))]
        for file in files:
            if file.suffix == ".db":
                stores[file.absolute().parent.name if file.name == STORE else file.stem] = file
            else:
                traces.append(file)
    # The file before it is read with each trace.
    traces = [trace for trace in traces if trace.with_suffix("") not in traces or trace.suffix != ".1"]
    if not stores and not traces:
        raise NothingToAuditError(f"no store ({STORE}) and no trace ({TRACE}) at {', '.join(map(str, paths))}")
    return stores, traces


def _audit(stores: dict[str, Path], traces: list[Path], *, replay: bool) -> dict[str, Any]:
    from coordfsm_runtime.traces.audit import CHECKED, audit_traces  # noqa: PLC0415  (heavy)
    from coordfsm_runtime.traces.ownership import audit_stores  # noqa: PLC0415  (heavy)

    result: dict[str, Any] = {"stores": sorted(stores), "traces": [str(trace) for trace in traces], "findings": []}
    if traces:
        found = audit_traces(traces, replay=replay)
        result |= {"inputs": found.inputs, "runs": found.runs, "views": found.views, "checked": CHECKED}
        result |= {"torn": list(found.torn), "beginning_lost": [str(path) for path in found.cut]}
        result["findings"] += [{"property": finding.property, "text": finding.text} for finding in found.findings]
    if stores:
        # Only the stores of all processes together can tell that an entity is nowhere.
        expected = found.entities if traces and found.nodes <= stores.keys() else frozenset()
        owned = audit_stores(stores, expected)
        result["findings"] += [{"property": "X2", "text": f"{entity} is lost"} for entity in owned.lost]
        result["entities"] = {entity: list(nodes) for entity, nodes in owned.entities.items()}
        result["per_node"] = owned.per_node()
        result["in_doubt"] = list(owned.in_doubt)
        for entity in owned.duplicated:
            text = f"{entity} is at {' and '.join(owned.entities[entity])}"
            result["findings"].append({"property": "X1", "text": text})
    result["clean"] = not result["findings"]
    return result


def _print(result: dict[str, Any]) -> None:
    if result["traces"]:
        counts = f"{result['runs']} runs, {result['inputs']:,} inputs, {result['views']} views"
        print(f"traces    {len(result['traces'])}: {counts}")
        print(f"checked   {', '.join(result['checked'])}")
        for place in result["torn"]:
            print(f"torn      {place}: cut short by a kill and passed over")
        for path in result["beginning_lost"]:
            print(f"partial   {path}: its beginning is gone; whether an entity is lost, stores alone cannot tell")
    if result["stores"]:
        counts = ", ".join(f"{count} {node}" for node, count in result["per_node"].items()) or "none"
        print(f"entities  {len(result['entities'])}: {counts}")
        print(f"in doubt  {', '.join(result['in_doubt']) or 'none'}")
    if result["findings"]:
        shown = [(finding["property"], finding["text"]) for finding in result["findings"][:SHOWN]]
        print_table(("property", "found"), shown)
        if len(result["findings"]) > SHOWN:
            print(f"and {len(result['findings']) - SHOWN} more; --json has all")
    print("clean" if result["clean"] else "NOT clean")
