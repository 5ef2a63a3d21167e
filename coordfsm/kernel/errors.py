"""Typed errors: each names what was wrong and what was expected.

An error raised while a machine handles an input leaves the machine's data as they were: steps are pure, so
there is nothing to roll back.
"""


class CoordfsmError(Exception):
    """Base of every error that coordfsm raises on purpose."""


class DeclarationError(CoordfsmError):
    """A machine declaration that cannot be compiled faithfully into a transition table."""


class UndeclaredEventError(CoordfsmError):
    """An input reached a machine in a state where it is neither handled nor declared ignored."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(
            f"{machine}: event {event!r} is not declared in state {state!r}; "
            "declare a transition for it, or list the pair in `ignored` with a reason"
        )
        self.machine = machine
        self.state = state
        self.event = event


class EncodingError(CoordfsmError):
    """A value has no canonical bytes, or bytes do not decode to the expected type."""


class ModelError(CoordfsmError):
    """A model given to the checker is inconsistent (unknown node, bad parameter, impure step)."""


class ParameterError(ModelError):
    """A model parameter is unknown, has the wrong type, or lies outside its range."""
