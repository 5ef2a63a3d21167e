"""Which engine explores: the native one where it is installed, the reference explorer otherwise or on request.

The native engine compiles itself once after an installation, which takes long compared with exploring a small model.
Until then the reference explorer tries first, within a bound. Both give the same answers, so who gives one does not
matter; the report names the engine.
"""

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coordfsm.check.exploration import reference
from coordfsm.check.exploration.report import NO_LIMITS, Limits, Progress, Report
from coordfsm.check.exploration.semantics import StepError
from coordfsm.check.exploration.walks import Walks, walk
from coordfsm.check.modelling.model import Model
from coordfsm.kernel import ModelError

Engine = Literal["auto", "reference", "native"]

SMALL = Limits(max_states=10_000, max_seconds=5.0)
"""What the reference explorer tries before the native engine compiles itself."""

NATIVE_ONLY = ("threads", "checkpoint", "resume", "max_memory")


@dataclass(frozen=True)
class Options:
    """How to explore. What is None is left to the engine.

    Attributes:
        engine: ``auto`` is native where it is installed.
        threads: of the native engine; None: one a processor.
        symmetry: whether to explore one state of each class of interchangeable nodes only.
        por: whether to leave messages out that can have no effect any more.
        checkpoint: a file in which the search is saved from time to time.
        resume: a file from which a search goes on.
        max_memory: bytes after which the search stops.
        walks: sample so many random walks instead of exploring exhaustively.
    """

    engine: Engine = "auto"
    threads: int | None = None
    symmetry: bool | None = None
    por: bool | None = None
    checkpoint: Path | None = None
    resume: Path | None = None
    max_memory: int | None = None
    walks: Walks | None = None


DEFAULT_OPTIONS = Options()


def explore(
    model: Model,
    limits: Limits = NO_LIMITS,
    progress: Callable[[Progress], None] | None = None,
    *,
    mutant: str = "",
    options: Options = DEFAULT_OPTIONS,
) -> Report:
    """Explore a model with the engine that the options name.

    Raises:
        ModelError: the engine is not installed, or cannot do what is asked.
    """
    if options.walks is not None:
        _refuse_native_options(options, "random walks cannot")
        return walk(model, options.walks, limits, progress, mutant=mutant)
    native = None if options.engine == "reference" else native_explorer()
    if native is None:
        if options.engine == "native":
            raise ModelError("the native engine needs numba and numpy: install coordfsm with its extra `check`")
        _refuse_native_options(options)
        return reference.explore(model, limits, progress, mutant=mutant, por=bool(options.por))
    if options.engine == "auto" and not is_compiled() and _is_plain(options, limits):
        tried = reference.explore(model, SMALL, progress, mutant=mutant, por=bool(options.por))
        if tried.verdict != "incomplete":
            return tried
    try:
        report: Report = native(model, limits, progress, mutant=mutant, **_given(native, options))
    except StepError:
        # The reference explorer expands the same levels and tells how the step that raises is reached.
        return reference.explore(model, limits, progress, mutant=mutant, por=bool(options.por))
    return report


def is_compiled() -> bool:
    """Whether the native engine, as it is now, has compiled itself on this machine before."""
    from coordfsm.check.native import is_compiled as is_ready  # noqa: PLC0415  (as in `native_explorer`)

    return is_ready()


def _is_plain(options: Options, limits: Limits) -> bool:
    """Whether the reference explorer can do what is asked, and would be told nothing of what it should do instead."""
    native_only = any(getattr(options, name) is not None for name in NATIVE_ONLY)
    return not native_only and not options.symmetry and limits == NO_LIMITS


def native_explorer() -> Callable[..., Any] | None:
    """The native engine's `explore`, or None where it is not installed."""
    try:
        from coordfsm.check.native import explore as native  # noqa: PLC0415  (numba is an extra, and slow to import)
    except ImportError:
        return None
    function: Callable[..., Any] = native
    return function


def _given(native: Callable[..., Any], options: Options) -> dict[str, Any]:
    """The options that were given, by the native engine's names for them."""
    names = ("symmetry", "por", "checkpoint", "resume", "max_memory")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    known = inspect.signature(native).parameters
    missing = [name for name, value in given.items() if name not in known and value is not False]
    if missing:
        raise ModelError(f"the native engine has no {', '.join(missing).replace('_', ' ')}")
    return {"threads": options.threads or _processors(), **{name: given[name] for name in given if name in known}}


def _processors() -> int:
    """How many this process may use; the counts are the same for any number of threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_native_options(options: Options, others: str = "the reference explorer cannot") -> None:
    asked = [name for name in NATIVE_ONLY if getattr(options, name) is not None]
    if asked:
        flags = ", ".join("--" + name.replace("_", "-") for name in asked)
        raise ModelError(f"{flags}: only the native engine can do this, {others}")
