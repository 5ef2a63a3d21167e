"""Canonical bytes: equal values have equal bytes, in every process and on every run.

Messages travel and records rest in this form; fingerprints and the checker's interning are built on it. The
built-in ``hash()`` is never persisted or compared across processes: it is seeded.
"""

from typing import Any, TypeVar

import msgspec
import xxhash
from immutables import Map

from coordfsm.kernel.errors import EncodingError

T = TypeVar("T")


def _encode_special(value: Any) -> Any:
    if isinstance(value, Map):
        return sorted(value.items())
    raise NotImplementedError(f"{type(value).__name__} has no canonical encoding")


def _decode_special(kind: Any, value: Any) -> Any:
    if getattr(kind, "__origin__", None) is Map:
        pair: Any = tuple[kind.__args__]
        return Map(msgspec.convert(value, list[pair], dec_hook=_decode_special))
    raise NotImplementedError(f"{kind} has no canonical decoding")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_special, order="deterministic")


def encode(value: object) -> bytes:
    """Canonical MessagePack bytes of a value.

    Raises:
        EncodingError: the value holds something without a canonical form.
    """
    try:
        try:
            return _encoder.encode(value)
        except TypeError as error:
            if "not supported between" not in str(error):
                raise
        return _encoder.encode(_with_ordered_sets(value))
    except (TypeError, NotImplementedError, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise EncodingError(f"cannot encode {type(value).__name__}: {error}") from error


def _with_ordered_sets(value: Any) -> Any:
    """The value with every set as a sequence. Values have no order among themselves: their bytes give one."""
    if isinstance(value, frozenset):
        try:
            return sorted(value)
        except TypeError:
            return sorted(map(_with_ordered_sets, value), key=_encoder.encode)
    if isinstance(value, msgspec.Struct):
        return (type(value).__name__, *(_with_ordered_sets(getattr(value, name)) for name in value.__struct_fields__))
    if isinstance(value, Map):
        return [(key, _with_ordered_sets(item)) for key, item in sorted(value.items())]
    if isinstance(value, tuple | list):
        return [_with_ordered_sets(item) for item in value]
    return value


class Decoder:
    """Decodes canonical bytes to one type (often a union of tagged messages), strictly."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind, dec_hook=_decode_special)

    def decode(self, data: bytes) -> Any:
        """The value that `data` encodes.

        Raises:
            EncodingError: truncated, malformed, of an unknown tag, or with fields of the wrong type.
        """
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, msgspec.ValidationError, NotImplementedError, UnicodeDecodeError) as error:
            raise EncodingError(f"cannot decode: {error}") from error
        except (RecursionError, ValueError, TypeError) as error:
            raise EncodingError(f"cannot decode: {type(error).__name__}: {error}") from error


def fingerprint(value: object, seed: int = 0) -> int:
    """128-bit XXH3 of the canonical bytes. Not cryptographic: for identity and placement, never for trust."""
    return xxhash.xxh3_128_intdigest(encode(value), seed=seed)
