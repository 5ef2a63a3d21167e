"""Names of a package that are loaded when somebody asks for them: importing the package itself costs next to nothing.

What each name is, type checkers and editors read in the package's ``__init__.pyi``; a test compares the two.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, Iterable[str]]) -> tuple[Callable[[str], Any], list[str]]:
    """The ``__getattr__`` and the ``__all__`` of a package.

    Args:
        package: its name.
        homes: module to the names that are found there, each as an ``import`` statement would give it: ``name``, or
            ``name as public_name``. The name of a submodule is found in the package itself, once it is imported.
    """
    places: dict[str, tuple[str, str]] = {}
    for module, names in homes.items():
        for name in names:
            original, _, public = name.partition(" as ")
            places[public or original] = (module, original)

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, original = places[name]
        found = (
            import_module(f"{package}.{original}") if module == package else getattr(import_module(module), original)
        )
        # The next time it is found without asking here.
        vars(import_module(package))[name] = found
        return found

    return find, sorted(places)
