"""The catalogue of models: by name, with their parameters, and those explored when nobody says which.

Models ship in `coordfsm.check.models` (see there for what a file exposes). A user's own model is named by its
file: ``path/to/model.py`` or ``path/to/model.py:builder``.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from coordfsm.check import models
from coordfsm.check.modelling.blame import blamed_on
from coordfsm.check.modelling.model import Model
from coordfsm.check.modelling.parameters import Parameter, parameters_of
from coordfsm.check.modelling.spelling import closest
from coordfsm.check.modelling.user_files import Siblings, run_as_module
from coordfsm.kernel import ModelError, ParameterError

ParameterSet = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue.

    Attributes:
        name: as given to ``coordfsm verify``.
        builder: makes the model; every parameter has a default.
        parameters: what the builder takes.
        summary: one sentence.
        defaults: the sets of parameters explored when no model is named.
        fuzz: the sets of parameters fuzzed when no model is named.
        path: the user's file that declares it; None for a model that ships.
        siblings: what the builder may import from beside that file.
    """

    name: str
    builder: Callable[..., Model]
    parameters: tuple[Parameter, ...]
    summary: str
    defaults: tuple[ParameterSet, ...] = ({},)
    fuzz: tuple[ParameterSet, ...] = ()
    path: Path | None = None
    siblings: Siblings | None = None

    def build(self, given: ParameterSet | None = None) -> Model:
        """The model with these parameters and the defaults of the others.

        Raises:
            ParameterError: a parameter is unknown, of the wrong type or out of range.
            ModelError: what was built is no model, or a user's builder raised.
        """
        checked = {name: self._checked(name, value) for name, value in (given or {}).items()}
        importable = nullcontext() if self.siblings is None else self.siblings.importable()
        with blamed_on(self.path, "its builder fails"), importable:
            model: object = self.builder(**checked)
        if not isinstance(model, Model):
            raise ModelError(f"{self.name}: the builder returned {type(model).__name__}, expected a Model")
        return model

    def _checked(self, name: str, value: Any) -> Any:
        settable = {item.name for item in self.parameters}
        if name not in settable and name in inspect.signature(self.builder).parameters:
            return value  # of a type that only code can give
        return self.parameter(name).check(value)

    def complete(self, given: ParameterSet) -> dict[str, Any]:
        """These parameters and the defaults of the others, in the builder's order."""
        return {item.name: given.get(item.name, item.default) for item in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """One parameter by name.

        Raises:
            ParameterError: there is none of this name.
        """
        for item in self.parameters:
            if item.name == name:
                return item
        known = [item.name for item in self.parameters]
        valid = f"its parameters are: {', '.join(known)}" if known else "it has no parameters"
        raise ParameterError(f"model {self.name} has no parameter {name!r}{closest(name, known)}; {valid}")

    def parse(self, assignments: Iterable[str]) -> dict[str, Any]:
        """Parameters as a user writes them, ``name=value``.

        Raises:
            ParameterError: malformed, twice the same, unknown, of the wrong type or out of range.
        """
        parsed: dict[str, Any] = {}
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            name = name.strip()
            if not equals or not name:
                raise ParameterError(f"{assignment!r} is not of the form name=value")
            if name in parsed:
                raise ParameterError(f"parameter {name} is given twice")
            parsed[name] = self.parameter(name).parse(text)
        return parsed


def catalogue() -> tuple[Entry, ...]:
    """Every model that ships, by name."""
    modules = (_shipped(name) for name in _module_names())
    return tuple(sorted((entry for module in modules for entry in _entries(module)), key=lambda entry: entry.name))


def find(name: str) -> Entry:
    """A model by its name, or by the file that declares it.

    Raises:
        ModelError: unknown name, or a file that cannot be read as a model.
    """
    path, _, builder = name.partition(":")
    if path.endswith(".py"):
        return _from_file(Path(path), builder)
    if name in _module_names():
        for entry in _entries(_shipped(name)):
            if entry.name == name:
                return entry
    known = {entry.name: entry for entry in catalogue()}
    if name not in known:
        raise ModelError(f"unknown model {name!r}{closest(name, known)}; the models are: {', '.join(known)}")
    return known[name]


def _module_names() -> tuple[str, ...]:
    return tuple(sorted(info.name for info in pkgutil.iter_modules(models.__path__) if not info.name.startswith("_")))


def _shipped(name: str) -> ModuleType:
    return importlib.import_module(f"{models.__name__}.{name}")


def _entries(module: ModuleType) -> tuple[Entry, ...]:
    builders = dict(getattr(module, "MODELS", {}))
    if not builders and hasattr(module, "build"):
        builders = {module.__name__.rpartition(".")[2]: module.build}
    defaults = _parameter_sets(module, builders, "DEFAULTS", ({},))
    fuzz = _parameter_sets(module, builders, "FUZZ", ())
    return tuple(
        Entry(name, builder, parameters_of(builder), _summary(builder), defaults[name], fuzz[name])
        for name, builder in builders.items()
    )


def _parameter_sets(
    module: ModuleType,
    builders: Mapping[str, Callable[..., Model]],
    attribute: str,
    absent: tuple[ParameterSet, ...],
) -> dict[str, tuple[ParameterSet, ...]]:
    declared: Mapping[str, tuple[ParameterSet, ...]] = getattr(module, attribute, {})
    unknown = sorted(set(declared) - set(builders))
    if unknown:
        raise ModelError(f"{module.__name__}: {attribute} names {', '.join(unknown)}, which it does not build")
    return {name: tuple(declared.get(name, absent)) for name in builders}


def _summary(builder: Callable[..., Model]) -> str:
    lines = (builder.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def _from_file(path: Path, builder: str) -> Entry:
    """The model that a user's file declares."""
    if not path.is_file():
        raise ModelError(f"no such model file: {path}")
    siblings = Siblings(path)
    module = run_as_module(path, siblings)
    if builder and not callable(getattr(module, builder, None)):
        raise ModelError(f"{path} declares no function {builder!r}")
    if builder:
        function: Callable[..., Model] = getattr(module, builder)
        return Entry(
            f"{path}:{builder}", function, parameters_of(function), _summary(function), path=path, siblings=siblings
        )
    entries = _entries(module)
    if len(entries) != 1:
        found = ", ".join(entry.name for entry in entries) or "none"
        raise ModelError(
            f"{path} must declare `build` or one entry in `MODELS` (found: {found}); or name {path}:builder"
        )
    return replace(entries[0], name=str(path), path=path, siblings=siblings)
