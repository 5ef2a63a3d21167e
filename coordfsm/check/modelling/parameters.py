"""Parameters of a model: read from the signature of its builder, with ranges and help beside the type.

A builder is a function of keyword parameters that all have defaults, and returns a `Model`::

    def build(
        rms: Annotated[int, Parameter("resource managers", minimum=1, maximum=9)] = 3,
        network: Annotated[str, Parameter("how messages travel", choices=("set", "multiset"))] = "set",
        loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = 1,
        crash: Annotated[bool, Parameter("whether a process may crash")] = False,
    ) -> Model: ...

The types are ``int``, ``bool``, ``str`` and ``int | None``. A plain ``rms: int = 3`` works too, without range and help.
A parameter of any other type (another machine, say) is for code: the command line does not show it.
"""

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from coordfsm.kernel import ModelError, ParameterError

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
NONE_WORDS = frozenset({"none", "unlimited"})


@dataclass(frozen=True)
class Parameter:
    """What a parameter may be.

    Attributes:
        help: what it means, in a few words.
        minimum: the smallest value of a number; None: no bound.
        maximum: the largest value of a number; None: no bound.
        choices: the values of a string; empty: any.
        name: filled in from the signature.
        kind: ``int``, ``bool``, ``str``; filled in from the annotation.
        optional: whether None is a value; filled in from the annotation.
        default: filled in from the signature.
    """

    help: str = ""
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    name: str = ""
    kind: str = "int"
    optional: bool = False
    default: Any = None

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "str":
            return f"one of {', '.join(self.choices)}" if self.choices else "a text"
        none = ", or none" if self.optional else ""
        if self.minimum is not None and self.maximum is not None:
            return f"a whole number from {self.minimum} to {self.maximum}{none}"
        if self.minimum is not None:
            return f"a whole number of at least {self.minimum}{none}"
        if self.maximum is not None:
            return f"a whole number of at most {self.maximum}{none}"
        return f"a whole number{none}"

    def parse(self, text: str) -> Any:
        """The value that a user wrote.

        Raises:
            ParameterError: it is of the wrong type or out of range.
        """
        value = self._read(text.strip())
        if not self._allows(value):
            raise ParameterError(f"parameter {self.name}: {text!r} is not {self.expected}")
        return value

    def check(self, value: Any) -> Any:
        """The value itself, if it is allowed.

        Raises:
            ParameterError: it is of the wrong type or out of range.
        """
        if not self._allows(value):
            raise ParameterError(f"parameter {self.name}: {value!r} is not {self.expected}")
        return value

    def _read(self, text: str) -> Any:
        """The value that the text stands for; the text itself if it stands for none."""
        word = text.lower()
        if self.optional and word in NONE_WORDS:
            return None
        if self.kind == "bool" and word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
        if self.kind == "int":
            try:
                return int(text)
            except ValueError:
                return text
        return text

    def _allows(self, value: Any) -> bool:
        if value is None:
            return self.optional
        if type(value).__name__ != self.kind:  # a bool is an int, but not here
            return False
        if self.kind == "str":
            return not self.choices or value in self.choices
        if self.kind == "int":
            above = self.minimum is None or value >= self.minimum
            return above and (self.maximum is None or value <= self.maximum)
        return True

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready object, for ``coordfsm verify --list --json``."""
        return {
            "name": self.name,
            "type": self.kind,
            "optional": self.optional,
            "default": self.default,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": list(self.choices),
            "help": self.help,
        }


def parameters_of(builder: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters of a model's builder that a user can set, in order.

    Raises:
        ModelError: a parameter has no default.
    """
    hints = get_type_hints(builder, include_extras=True)
    found = (_parameter(builder, item, hints.get(item.name)) for item in inspect.signature(builder).parameters.values())
    return tuple(item for item in found if item is not None)


def _parameter(builder: Callable[..., Any], item: inspect.Parameter, hint: Any) -> Parameter | None:
    if item.default is inspect.Parameter.empty:
        raise ModelError(f"{builder.__module__}.{builder.__name__}: parameter {item.name} needs a default")
    known = Parameter()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        known = next((extra for extra in extras if isinstance(extra, Parameter)), known)
    optional = False
    if get_origin(hint) in {Union, types.UnionType}:
        members = [member for member in get_args(hint) if member is not type(None)]
        optional, hint = len(members) < len(get_args(hint)), members[0] if len(members) == 1 else None
    if hint not in (int, bool, str):
        return None
    return replace(known, name=item.name, kind=hint.__name__, optional=optional, default=item.default)
