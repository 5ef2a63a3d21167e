"""The native engine: the reference explorer's results at native speed."""

from coordfsm.check.native import compiling, kernel
from coordfsm.check.native.engine import explore


def is_compiled() -> bool:
    """Whether no search waits for the compiler: the largest loop was compiled for this machine before."""
    return compiling.is_compiled(kernel.expand_batch)


__all__ = ["explore", "is_compiled"]
