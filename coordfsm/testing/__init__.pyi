from coordfsm.testing.mutants import substitute, substitute_in_model, with_rule
from coordfsm.testing.stateful import ModelStateMachine, PropertyViolatedError, state_machine_of
from coordfsm.testing.store import StoreConformance
from coordfsm.testing.store import failures as store_failures

__all__ = [
    "ModelStateMachine",
    "PropertyViolatedError",
    "StoreConformance",
    "state_machine_of",
    "store_failures",
    "substitute",
    "substitute_in_model",
    "with_rule",
]

def __dir__() -> list[str]: ...
