"""What a mutant is: a known flaw, put into a real machine, and the property that must catch it."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coordfsm.check.modelling.model import Model
from coordfsm.check.modelling.registry import find
from coordfsm.kernel import ModelError
from coordfsm.testing.mutants.substitute import Edit, check_shape, substitute, substitute_in_model


@dataclass(frozen=True)
class Mutant:
    """A seeded broken variant.

    The broken model is built in this order: the model with `parameters`; then `functions`, then `edit`, in the
    table of `machine`; then `transform`. At least one of the three must be given.

    Attributes:
        name: lower case with hyphens, unique (``commit-not-durable``).
        machine: class name of the machine's declaration that is broken.
        property: id of the property that must be violated. Only this one is looked for.
        flaw: what the variant does wrong, one sentence.
        source: where the flaw was seen: ``Luciferase``, ``Delos``, ``Rapid``; ``own`` otherwise.
        model: name of the model that shows it.
        parameters: of the model; the smallest that show the flaw.
        functions: name of a guard or action of the machine to its replacement, of the same shape.
        edit: any other change of the machine's table (`with_rule`, a table compiled from another declaration).
        transform: any change of the whole model, for what no table holds.
    """

    name: str
    machine: str
    property: str
    flaw: str
    source: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    edit: Edit | None = None
    transform: Callable[[Model], Model] | None = None

    def __post_init__(self) -> None:
        """Check the shapes of the replacements.

        Raises:
            DeclarationError: one takes another number of arguments than a guard or action does.
        """
        for name, function in self.functions.items():
            check_shape(name, function)

    def build(self) -> Model:
        """The broken model, with the expected property alone.

        Raises:
            ModelError: the mutant changes nothing, or its model does not have the property.
            DeclarationError: it names a machine, function, state or event that does not exist.
        """
        if not self.functions and self.edit is None and self.transform is None:
            raise ModelError(f"mutant {self.name} changes nothing")
        return replace(self.break_model(self.real()), properties=(self.expected(),), deadlock=False)

    def real(self) -> Model:
        """The model with the real machines and all its properties."""
        return find(self.model).build(self.parameters)

    def expected(self) -> Any:
        """The property that must be violated.

        Raises:
            ModelError: the model does not have it.
        """
        properties = {item.id: item for item in self.real().properties}
        if self.property not in properties:
            known = ", ".join(properties)
            raise ModelError(
                f"mutant {self.name}: model {self.model} has no property {self.property!r}; it has {known}"
            )
        return properties[self.property]

    def break_model(self, model: Model) -> Model:
        """Any model that runs the machine, with the flaw."""
        if self.functions:
            model = substitute_in_model(model, self.machine, lambda table: substitute(table, self.functions))
        if self.edit is not None:
            model = substitute_in_model(model, self.machine, self.edit)
        return model if self.transform is None else self.transform(model)


def catalogue() -> tuple[Mutant, ...]:
    """Every mutant, by machine and name.

    Raises:
        ModelError: two have the same name.
    """
    package = __name__.rpartition(".")[0]
    names = sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    mutants = [mutant for module in modules for mutant in getattr(module, "MUTANTS", ())]
    seen: set[str] = set()
    for mutant in mutants:
        if mutant.name in seen:
            raise ModelError(f"two mutants are called {mutant.name}")
        seen.add(mutant.name)
    return tuple(sorted(mutants, key=lambda mutant: (mutant.machine, mutant.name)))
