"""Draws the rooms of the checker and of the runtime, and who imports whom, from the imports themselves.

python tools/houses.py [DIR]        writes DIR/checker.dot, DIR/runtime.dot, and .svg where Graphviz is installed
"""

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOUSES = {
    "checker": ("coordfsm", ROOT / "coordfsm"),
    "runtime": ("coordfsm_runtime", ROOT / "runtime/coordfsm_runtime"),
}
ALONE = {"coordfsm.check", "coordfsm.protocols"}
"""Packages whose folders are shown as rooms of their own."""


def room_of(module: str) -> str:
    """The room in which a module stands, as it is labelled."""
    parts = module.split(".")
    depth = 3 if ".".join(parts[:2]) in ALONE else 2
    return ".".join(parts[1:depth]) or parts[0]


def edges_of(package: str, folder: Path) -> Counter[tuple[str, str]]:
    """How many imports lead from one room to another."""
    known = {f"{package}.{'.'.join(file.relative_to(folder).with_suffix('').parts)}" for file in folder.rglob("*.py")}
    found: Counter[tuple[str, str]] = Counter()
    for file in folder.rglob("*.py"):
        module = f"{package}.{'.'.join(file.relative_to(folder).with_suffix('').parts)}"
        if file.name == "__init__.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
                target = node.module or ""
                inside = {f"{target}.{alias.name}" for alias in node.names} & known
                for name in inside or {target}:
                    if room_of(name) != room_of(module):
                        found[room_of(module), room_of(name)] += 1
    return found


def to_dot(name: str, edges: Counter[tuple[str, str]]) -> str:
    """The house as a graph; the widest lines are the most used."""
    lines = [
        f"digraph {name} {{",
        "  rankdir=TB; nodesep=0.3; ranksep=0.6;",
        '  node [shape=box fontname="Helvetica"];',
    ]
    for (source, target), count in sorted(edges.items()):
        lines.append(
            f'  "{source}" -> "{target}" [penwidth={min(4.0, 0.6 + count / 12):.1f} tooltip="{count} imports"];'
        )
    return "\n".join([*lines, "}", ""])


def main() -> None:
    """Draw both."""
    from coordfsm.render.picture import backend, draw  # noqa: PLC0415  (an extra)

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "explanation"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, place) in HOUSES.items():
        text = to_dot(name, edges_of(package, place))
        (folder / f"{name}.dot").write_text(text)
        if backend() is not None:
            (folder / f"{name}.svg").write_bytes(draw(text, "svg"))


if __name__ == "__main__":
    main()
