"""What a test suite needs: random runs of a model under pytest, a suite for stores, machines broken on purpose.

Public, beside the names of `coordfsm`: import from here, not from the modules inside.
"""

from coordfsm.lazy import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    {
        "coordfsm.testing.stateful": ("ModelStateMachine", "PropertyViolatedError", "state_machine_of"),
        "coordfsm.testing.store": ("StoreConformance", "failures as store_failures"),
        "coordfsm.testing.mutants": ("substitute", "substitute_in_model", "with_rule"),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
