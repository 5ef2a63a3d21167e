# mypy: allow-untyped-calls
"""How the loops of the native engine are compiled, and where compiled code is kept.

A compiled function holds the constants and functions that it names, those of other files too. So compiled code is kept
by a digest of all files of the native engine, in a directory of its own beside numba's other files: whatever changes in
any of them, all is compiled anew. numba alone would look at the file of the function only, and go on with what another
file said before.
"""

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import FunctionCache, IndexDataCacheFile

SOURCES = Path(__file__).parent
KEPT = 3
"""Directories of compiled code that stay, the newest: going back and forth between two versions compiles nothing."""
PREFIX = "native-"
LOOSE = ("*.nbi", "*.nbc")
"""Compiled code as numba would keep it by itself."""


def digest_of(sources: Path) -> str:
    """A digest of all Python files in a directory and those below it, and of what compiles them."""
    digest = hashlib.blake2b(digest_size=10)
    digest.update(f"{numba.__version__} {llvmlite.__version__} {np.__version__}".encode())
    for path in sorted(sources.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(sources).as_posix()} {len(content)} ".encode() + content)
    return digest.hexdigest()


DIGEST = digest_of(SOURCES)


class SourcesCache(FunctionCache):
    """Keeps the compiled code of one function under the digest of the sources."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.shelf = Path(self._cache_path)
        self.place = self.shelf / f"{PREFIX}{DIGEST}"
        self._cache_path = str(self.place)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, DIGEST)

    @property
    def is_filled(self) -> bool:
        """Whether the function was compiled before, for some types of arguments."""
        return any(self.place.glob(f"{self._impl.filename_base}.nbi"))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code from an earlier process; None where there is none, or none that can be read."""
        with suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code. Where that cannot be, the next process compiles again."""
        with suppress(OSError):
            if not self.place.is_dir():
                self.place.mkdir(parents=True, exist_ok=True)
                remove_old(self.shelf)
            super().save_overload(sig, data)


def remove_old(shelf: Path) -> None:
    """Remove the compiled code of older sources, all but the newest, and what numba kept by itself."""
    kept: list[tuple[float, Path]] = []
    for place in shelf.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process removes, too
            kept.append((place.stat().st_mtime, place))
    for _, place in sorted(kept, reverse=True)[KEPT:]:
        shutil.rmtree(place, ignore_errors=True)
    for pattern in LOOSE:
        for path in shelf.glob(pattern):
            path.unlink(missing_ok=True)


def _decorator(**options: Any) -> Any:
    def compile_on_demand(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        dispatcher._cache = SourcesCache(function)  # noqa: SLF001  (numba has no public way to say where)
        return dispatcher

    return compile_on_demand


def is_compiled(function: Any) -> bool:
    """Whether calling a compiled function needs no compiling: it was, here or by an earlier process."""
    cache: SourcesCache = function._cache  # noqa: SLF001  (as above)
    return bool(function.signatures) or cache.is_filled


compiled: Any = _decorator(nogil=True, _nrt=False)
"""No reference is counted in the loops: the caller holds all arrays for the length of a call."""
inlined: Any = _decorator(_nrt=False, forceinline=True)
allocating: Any = _decorator(nogil=True)
"""For a function that makes arrays of its own."""
