"""What a model is, in digests: so that a saved search goes on with the very model that it is of, or not at all.

Covered, part by part: each node, each property, network, faults, budgets, boundary, symmetric groups. For every
function met: its code, constants, defaults, what it closes over, and each global and attribute of a module that it
names, on and on; for every class its members, for every object its attributes, for every module met that is not
installed its source. Besides: the source of this library, and the versions of Python and of the packages that the
functions come from.

Not covered: what a machine reads while it runs (files, the environment), which no machine may do.
"""

import dataclasses
import hashlib
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

import coordfsm
from coordfsm.check.modelling.model import Model
from coordfsm.kernel import CoordfsmError, Map
from coordfsm.kernel.composition import Composition
from coordfsm.kernel.table import TransitionTable

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
DERIVED = {"declaration", "_routes"}
"""What a machine was compiled from, and what follows from the rest in no fixed order."""
LIBRARY = Path(coordfsm.__file__).parent
INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


class FingerprintError(CoordfsmError):
    """A model holds something of which nobody can tell whether it is the same in another process."""


def fingerprint_of(model: Model) -> dict[str, str]:
    """A digest of every part of a model, by the part's name.

    Raises:
        FingerprintError: naming the part, and what in it cannot be compared.
    """
    parts: dict[str, Any] = {f"node {node.name}": node for node in model.nodes}
    parts |= {f"property {item.id}": item for item in model.properties}
    rest = [field.name for field in dataclasses.fields(model) if field.name not in {"nodes", "properties"}]
    parts |= {name: getattr(model, name) for name in rest}
    parts["order"] = (tuple(node.name for node in model.nodes), tuple(item.id for item in model.properties))
    reader = _Reader()
    told = {name: reader.digest(part, name) for name, part in parts.items()}
    told |= {f"source {name}": digest for name, digest in sorted(reader.sources.items())}
    return {**told, "library": _source_digest(*sorted(LIBRARY.rglob("*.py"))), "python": sys.version}


def differences_of(saved: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """The parts that are not the same in two fingerprints, by name."""
    return [name for name in dict.fromkeys((*saved, *found)) if saved.get(name) != found.get(name)]


def _source_digest(*paths: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()


class _Reader:
    """Reads objects into tokens, each object once; tokens name other objects by the order in which they are met."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self._contents: dict[int, tuple[Any, list[Any]]] = {}

    def digest(self, root: Any, told: str) -> str:
        """The digest of all that can be reached from an object."""
        digest, numbers, waiting = hashlib.blake2b(digest_size=16), {}, deque([root])
        numbers[id(root)] = 0
        while waiting:
            for token in self._content(waiting.popleft(), told):
                if isinstance(token, _Reference):
                    if id(token.to) not in numbers:
                        numbers[id(token.to)] = len(numbers)
                        waiting.append(token.to)
                    digest.update(f"@{numbers[id(token.to)]};".encode())
                else:
                    digest.update(f"{len(token)}:{token};".encode())
        return digest.hexdigest()

    def _content(self, value: Any, told: str) -> list[Any]:
        known = self._contents.get(id(value))
        if known is None:
            known = self._contents[id(value)] = (value, list(self._tokens(value, told)))
        return known[1]

    def _tokens(self, value: Any, told: str) -> Iterator[Any]:  # noqa: C901, PLR0912  (a branch a kind of object)
        kind = type(value)
        yield kind.__module__ + "." + kind.__qualname__
        if kind in PLAIN:
            yield repr(value)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(value, types.CodeType):
            yield from self._code(value)
        elif isinstance(value, types.MethodType):
            yield from map(_Reference, (value.__func__, value.__self__))
        elif isinstance(value, types.ModuleType):
            self._note(value.__name__)
            yield value.__name__
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, Enum):
            yield from (value.name, _Reference(kind), _Reference(value.value))
        elif isinstance(value, TransitionTable | Composition):
            named = {name: item for name, item in vars(value).items() if name not in DERIVED}
            yield _Reference(named)
        elif isinstance(value, frozenset | set):
            yield from sorted(self.digest(item, told) for item in value)
        elif isinstance(value, dict | Map | types.MappingProxyType):
            pairs = list(value.items())
            if not isinstance(value, dict):
                pairs.sort(key=lambda pair: self.digest(pair[0], told))
            yield from (_Reference(part) for pair in pairs for part in pair)
        elif isinstance(value, tuple | list):
            yield from (_Reference(kind), *map(_Reference, value))
        elif isinstance(value, msgspec.Struct):
            yield _Reference(kind)
            yield from (_Reference(getattr(value, name)) for name in value.__struct_fields__)
        else:
            yield from self._object(value, told)

    def _function(self, value: types.FunctionType) -> Iterator[Any]:
        self._note_function(value)
        yield from (value.__qualname__, _Reference(value.__code__), _Reference(value.__defaults__))
        yield _Reference(value.__kwdefaults__)
        for cell in value.__closure__ or ():
            try:
                yield _Reference(cell.cell_contents)
            except ValueError:
                yield "an empty cell"
        if hasattr(value, "__wrapped__"):
            yield _Reference(value.__wrapped__)
        if not _is_installed_file(value.__code__.co_filename):
            yield from self._named(value)

    def _named(self, value: types.FunctionType) -> Iterator[Any]:
        """The globals that a function's code names, and the attributes of modules among them."""
        names = sorted(_names_in(value.__code__))
        for name in names:
            if name not in value.__globals__:
                continue
            found = value.__globals__[name]
            yield from (name, _Reference(found))
            if isinstance(found, types.ModuleType) and not _is_installed(found.__name__):
                for attribute in names:
                    if attribute in vars(found):
                        yield from (attribute, _Reference(vars(found)[attribute]))

    def _code(self, value: types.CodeType) -> Iterator[Any]:
        yield from (value.co_name, value.co_code.hex(), repr(value.co_names), repr(value.co_varnames))
        yield from (repr(value.co_freevars), str(value.co_flags), value.co_exceptiontable.hex())
        yield _Reference(value.co_consts)

    def _class(self, value: type) -> Iterator[Any]:
        self._note(value.__module__)
        yield value.__module__ + "." + value.__qualname__
        if _is_installed(value.__module__) and _found_by_name(value) is value:
            return
        yield from map(_Reference, value.__bases__)
        kept = (types.FunctionType, property, classmethod, staticmethod, tuple, frozenset, *PLAIN)
        for name, item in sorted(vars(value).items()):
            if isinstance(item, kept) and name not in {"__doc__", "__firstlineno__", "__dict__", "__weakref__"}:
                yield from (name, _Reference(item))

    def _object(self, value: Any, told: str) -> Iterator[Any]:
        if isinstance(value, property | classmethod | staticmethod):
            parts = (value.fget, value.fset) if isinstance(value, property) else (value.__func__,)
            yield from map(_Reference, parts)
            return
        if isinstance(value, types.BuiltinFunctionType | types.WrapperDescriptorType | types.MethodDescriptorType):
            yield value.__qualname__
            owner = getattr(value, "__self__", None)
            if owner is not None and not isinstance(owner, types.ModuleType):
                yield _Reference(owner)
            return
        if type(value).__module__.startswith("msgspec") and type(value).__name__ in {"Encoder", "Decoder"}:
            settings = ("type", "strict", "dec_hook", "enc_hook", "order", "decimal_format", "uuid_format")
            yield from (_Reference(getattr(value, name, None)) for name in settings)
            return
        if hasattr(value, "__wrapped__"):  # a cache around a function
            yield _Reference(value.__wrapped__)
            return
        yield _Reference(type(value))
        methods = {getattr(type(value), name) is getattr(object, name) for name in ("__reduce_ex__", "__reduce__")}
        if methods == {True} and hasattr(value, "__dict__"):
            yield _Reference(vars(value))
            return
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:
            raise FingerprintError(
                f"{told} holds a {type(value).__name__}, of which nobody can tell whether it is the same another time; "
                "a search of this model cannot be saved"
            ) from error
        yield reduced if isinstance(reduced, str) else _Reference(tuple(map(_listed, reduced)))

    def _note_function(self, value: types.FunctionType) -> None:
        """Take down the source of a function: its module may be a file that is in no list of modules."""
        path = Path(value.__code__.co_filename)
        if not _is_installed_file(str(path)) and path.is_file() and not path.is_relative_to(LIBRARY):
            self.sources.setdefault(path.name, _source_digest(path))
            for item in tuple(value.__globals__.values()):
                self._note(item.__name__ if isinstance(item, types.ModuleType) else getattr(item, "__module__", None))
        else:
            self._note(value.__module__)

    def _note(self, name: Any) -> None:
        """Take down the source of a module, and of those that it imports, unless they are installed."""
        module = sys.modules.get(name) if isinstance(name, str) else None
        path = getattr(module, "__file__", None)
        if not isinstance(name, str) or module is None or path is None or name in self.sources:
            return
        if _is_installed(name):
            top = sys.modules.get(name.partition(".")[0])
            version = getattr(top, "__version__", None)
            if version is not None:
                self.sources[name.partition(".")[0]] = str(version)
            return
        if Path(path).suffix != ".py" or Path(path).is_relative_to(LIBRARY):
            return
        self.sources[name] = _source_digest(Path(path))
        for item in tuple(vars(module).values()):
            self._note(item.__name__ if isinstance(item, types.ModuleType) else getattr(item, "__module__", None))


class _Reference:
    """A token that stands for another object."""

    def __init__(self, to: Any) -> None:
        self.to = to


def _names_in(code: types.CodeType) -> set[str]:
    """All names that a function's code uses, and those of the functions within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_in(constant)
    return names


def _is_installed(name: str | None) -> bool:
    """Whether a module is Python's own or a package's."""
    path = getattr(sys.modules.get(name or ""), "__file__", None)
    return name in sys.builtin_module_names if path is None else _is_installed_file(str(path))


def _is_installed_file(path: str) -> bool:
    return path.startswith(("<frozen", *INSTALLED)) and not Path(path).is_relative_to(LIBRARY)


def _found_by_name(value: type) -> Any:
    """What stands under a class's name in the module that it names: another thing, where two files share a name."""
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found


def _listed(part: Any) -> Any:
    """A part of what `__reduce_ex__` gives; items come from iterators."""
    return tuple(part) if isinstance(part, Iterator) else part


__all__ = ["FingerprintError", "differences_of", "fingerprint_of"]
