"""Seeded broken variants: each must be caught by the property that it breaks, or the property is not tested.

Every module here that exposes ``MUTANTS: tuple[Mutant, ...]`` contributes to the catalogue.
"""

from coordfsm.testing.mutants.mutant import Mutant, catalogue
from coordfsm.testing.mutants.substitute import substitute, substitute_in_model, with_rule, without_rules

__all__ = ["Mutant", "catalogue", "substitute", "substitute_in_model", "with_rule", "without_rules"]
