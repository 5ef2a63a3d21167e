"""The stubs that type checkers read, made from what the packages find at run time.

After a change to the names of a package: ``python -m tests.public.stubs``.
"""

import ast
import inspect
from collections import defaultdict
from importlib import import_module
from pathlib import Path

LAZY = ("coordfsm", "coordfsm.testing", "coordfsm_runtime")

Places = dict[str, tuple[str, str]]
"""Public name to where it is found: module, name there."""


def stub_of(package: str) -> Path:
    file = import_module(package).__file__
    assert file is not None
    return Path(file).with_suffix(".pyi")


def found_by(package: str) -> Places:
    """What the package itself says."""
    places = inspect.getclosurevars(import_module(package).__getattr__).nonlocals["places"]
    return dict(places)


def told_by(stub: Path) -> tuple[Places, list[str]]:
    """What a stub says: the places, and its `__all__`."""
    body = ast.parse(stub.read_text(encoding="utf-8")).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    places = {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}
    listed = next(ast.literal_eval(node.value) for node in body if isinstance(node, ast.Assign))
    return places, listed


def text_of(package: str) -> str:
    """The stub as it should be; `ruff` puts it in order."""
    by_module = defaultdict(list)
    for public, (module, name) in sorted(found_by(package).items()):
        by_module[module].append(name if name == public else f"{name} as {public}")
    imports = [f"from {module} import {', '.join(names)}" for module, names in sorted(by_module.items())]
    return "\n".join(
        [*imports, "", f"__all__ = {sorted(found_by(package))!r}", "", "def __dir__() -> list[str]: ...", ""]
    )


def main() -> None:
    for package in LAZY:
        stub_of(package).write_text(text_of(package), encoding="utf-8")


if __name__ == "__main__":
    main()
