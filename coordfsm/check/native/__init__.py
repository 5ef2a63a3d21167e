"""The native engine: the reference explorer's results at native speed."""

from coordfsm.check.native.engine import explore

__all__ = ["explore"]
