# mypy: ignore-errors
# llvmlite is not typed.
"""Machine instructions that numba does not expose: count trailing zeros, prefetch, compare-and-swap."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    made = context.make_array(kind)(context, builder, value=array)
    return builder.gep(made.data, [index])


@intrinsic
def trailing_zeros(_typing: Any, word: Any) -> Any:
    """The number of the lowest set bit of an unsigned 64-bit word, as unsigned; 64 for zero."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(word), generate


@intrinsic
def prefetch(_typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of ``array[index]`` without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        byte = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # Arguments: for reading, moderate locality, data cache.
        builder.call(function, [byte, number(0), number(2), number(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def claim(_typing: Any, array: Any, index: Any, word: Any) -> Any:
    """Atomically write `word` where ``array[index]`` is 0; give what was there before (0: the write was done)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        zero = ir.Constant(ir.IntType(64), 0)
        pair = builder.cmpxchg(pointer, zero, arguments[2], "acq_rel", "acquire")
        return builder.extract_value(pair, 0)

    return types.uint64(array, index, word), generate
