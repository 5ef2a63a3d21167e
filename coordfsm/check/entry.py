"""Exploring a model from Python: one call, with the choices of ``coordfsm verify`` under the same names."""

from collections.abc import Callable
from pathlib import Path

from coordfsm.check.exploration import engines
from coordfsm.check.exploration.engines import Engine, Options
from coordfsm.check.exploration.report import Limits, Progress, Report
from coordfsm.check.exploration.walks import Walks
from coordfsm.check.modelling.model import Model


def explore(  # noqa: PLR0913  (each is a choice of its own, given by name)
    model: Model,
    *,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_depth: int | None = None,
    engine: Engine = "auto",
    threads: int | None = None,
    symmetry: bool = False,
    por: bool = False,
    walks: Walks | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    max_memory_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    mutant: str = "",
) -> Report:
    """Explore all states of a model, or as many as the limits allow.

    Args:
        model: what to explore.
        max_states: distinct states after which the search stops; None: no limit, here and below.
        max_seconds: of wall-clock time.
        max_depth: breadth-first levels, initial states being level 1.
        engine: ``native``, ``reference``, or ``auto``: native where it is installed.
        threads: of the native engine; None: one a processor. The counts are the same for any number.
        symmetry: explore one state of each class that differ only in which of the model's `symmetric` nodes is which;
            the counts are then of classes.
        por: leave messages out that can have no effect any more (partial-order reduction); fewer states.
        walks: sample so many random walks instead; without a violation the verdict is ``incomplete``.
        checkpoint: a file in which the search is saved from time to time, and when it is cut short.
        resume: a file from which a search of the same model goes on.
        max_memory_bytes: that the native engine may add to the process, tables included, before it stops. A table that
            grows is copied, so that the peak can be about twice as high where tables take most.
        progress: called from time to time while running.
        mutant: the broken variant that `model` is, for the counterexample's heading.

    Returns:
        What was found. Ask `Report.holds`, or compare `Report.verdict`: ``holds`` only if all states were explored.

    Raises:
        ModelError: the model is inconsistent, a machine is impure, nodes are not interchangeable, or the engine cannot
            do what is asked.
        CheckpointError: the file to resume from cannot be read, or is of another search.
        FingerprintError: the model holds something that cannot be compared, so that it cannot be saved.
    """
    options = Options(
        engine=engine,
        threads=threads,
        symmetry=symmetry or None,
        por=por or None,
        checkpoint=checkpoint,
        resume=resume,
        max_memory=max_memory_bytes,
        walks=walks,
    )
    limits = Limits(max_states, max_seconds, max_depth)
    return engines.explore(model, limits, progress, mutant=mutant, options=options)
