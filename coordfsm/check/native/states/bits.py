# mypy: ignore-errors
# llvmlite is not typed.
"""Machine instructions that numba does not expose: trailing zeros, prefetch, compare-and-swap, eight at once."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    made = context.make_array(kind)(context, builder, value=array)
    return builder.gep(made.data, [index])


class _SingleLoad(ir.LoadInstr):
    """A load that is carried out exactly once.

    Where other threads write, a compiler that reads memory once for each comparison would take a slot for taken in
    one of them and for free in the other, and a state would get in twice.
    """

    def descr(self, buf: list[str]) -> None:
        told: list[str] = []
        super().descr(told)
        buf.append(told[0].replace("load ", "load volatile ", 1))


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


@intrinsic
def match_bucket(_typing: Any, array: Any, index: Any, mask: Any, word: Any) -> Any:
    """Compare ``array[index:index + 8] & mask`` with a word, all eight at once.

    `index` is a multiple of 8 and the array begins at a multiple of 64 bytes: one cache line is read.

    Returns: bit k is set where ``array[index + k] & mask == word``, bit 8 + k where ``array[index + k]`` is 0.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held, number = arguments[:2]
        eight = ir.VectorType(ir.IntType(64), 8)
        pointer = builder.bitcast(_pointer(context, builder, signature.args[0], held, number), eight.as_pointer())
        bucket = _SingleLoad(builder.block, pointer, "bucket")
        bucket.align = 64
        builder._insert(bucket)  # noqa: SLF001  (llvmlite builds no volatile load itself)

        def eight_times(value: Any) -> Any:
            first = builder.insert_element(ir.Constant(eight, ir.Undefined), value, ir.IntType(32)(0))
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
            return builder.shuffle_vector(first, ir.Constant(eight, ir.Undefined), everywhere)

        def bits(vector: Any) -> Any:
            return builder.zext(builder.bitcast(vector, ir.IntType(8)), ir.IntType(64))

        same = builder.icmp_unsigned("==", builder.and_(bucket, eight_times(arguments[2])), eight_times(arguments[3]))
        free = builder.icmp_unsigned("==", bucket, ir.Constant(eight, [0] * 8))
        return builder.or_(bits(same), builder.shl(bits(free), ir.IntType(64)(8)))

    return types.uint64(array, index, mask, word), generate
