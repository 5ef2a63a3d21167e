"""The entry point: explore a model natively and report as the reference explorer does."""

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from coordfsm.check.exploration.reduction import Reduction, watching
from coordfsm.check.exploration.reference import DEADLOCK, ERROR, told_depth
from coordfsm.check.exploration.report import NO_LIMITS, Limits, Progress, PropertyResult, Report, Verdict, overall
from coordfsm.check.exploration.semantics import System
from coordfsm.check.modelling.fingerprint import fingerprint_of
from coordfsm.check.modelling.model import Model, Property
from coordfsm.check.native.search import Search
from coordfsm.check.native.states.checkpoint import load, save
from coordfsm.check.native.states.resident import Resident, TooLargeError
from coordfsm.check.native.states.symmetry import Symmetry
from coordfsm.check.native.steps.tables import MOST_BUDGETS, Tables
from coordfsm.check.native.verdicts.liveness import check_executions
from coordfsm.check.traces.trace import Trace, build_trace
from coordfsm.kernel import ModelError

SHARE_OF_MEMORY = 0.8  # of the machine's memory, unless the caller says otherwise
RARELY = (100_000, 50, 100)  # objects made between two looks for garbage, and how few of these go through older ones


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look for garbage rarely: nearly all that a search makes it keeps, and each look goes through much of it."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@rare_collection()
def explore(  # noqa: PLR0913  (the choices of a search)
    model: Model,
    limits: Limits = NO_LIMITS,
    progress: Callable[[Progress], None] | None = None,
    *,
    mutant: str = "",
    threads: int = 1,
    symmetry: bool = False,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    max_memory: int | None = None,
    por: bool = False,
) -> Report:
    """Explore every reachable state of a model, or stop at the first violation or limit.

    Args:
        model: what to explore.
        limits: when to stop early; the verdict is then ``incomplete``.
        progress: called from time to time while running.
        mutant: the name of the broken variant that `model` was built with, for the counterexample.
        threads: how many threads expand states; the counts are the same for any number.
        symmetry: explore one state of each class that interchangeable nodes make; the counts are then of classes.
        checkpoint: a file in which the search is saved from time to time, and when it is cut short.
        resume: a file from which a search of the same model goes on.
        max_memory: bytes that the search may add to the process, tables and interned values included; the
            default is most of the machine's memory.
        por: leave messages out that can have no effect any more, see `Reduction`; the counts are then smaller.

    Raises:
        ModelError: the model is inconsistent, a machine is impure, nodes are not interchangeable, or choices do not go
            together.
        CheckpointError: the file to resume from cannot be read, or is of another search: anything in the model, the
            engine or Python changed since.
        FingerprintError: the model holds something that cannot be compared, so that it cannot be saved.
    """
    started = time.monotonic()
    most_bytes = max_memory or int(SHARE_OF_MEMORY * _physical_memory())
    if any(node.reads for node in model.nodes):
        _check_reading(model, symmetry=symmetry, saved=checkpoint is not None or resume is not None)
    if por and (symmetry or checkpoint is not None or resume is not None):
        raise ModelError(
            f"{model.name}: the partial-order reduction goes neither with symmetry nor with checkpoints; choose"
        )
    fingerprint = fingerprint_of(model) if checkpoint is not None or resume is not None else {}
    resident = Resident(most_bytes)
    system = System(model)
    if len(system.budget_names) > MOST_BUDGETS:
        raise ModelError(
            f"{model.name}: {len(system.budget_names)} budgets, those of `Each` one a node; "
            f"natively at most {MOST_BUDGETS}"
        )
    tables = Tables(system, resident)
    reduction = Reduction(system, tables.purity.outcomes, watching(limits, progress, started), wanted=por)
    exchanges = Symmetry(tables) if symmetry else None
    tables.comparison = exchanges
    while True:
        try:
            search = Search(tables, reduction, limits, symmetry=exchanges, threads=threads, most_bytes=most_bytes)
        except TooLargeError as error:
            raise ModelError(
                f"{model.name}: {most_bytes:,} bytes of memory do not hold the tables and the initial states; "
                "expected more"
            ) from error
        search.started, search.fingerprint = started, fingerprint
        if resume is not None:
            load(search, resume)
        search.run(progress, None if checkpoint is None else partial(save, path=checkpoint))
        reduction.meet(search.flying())
        if reduction.is_whole:
            _check_executions(search)
        found = search.found
        if found.violated is not None and found.stopped is not None:
            if reduction.is_whole:
                found.stopped = None  # cut short, but for a violation that is one
            else:
                found.violated = None
        exhausted = found.stopped in {None, told_depth(limits)}
        doubtful = [*found.beyond, *([] if found.violated is None else [found.violated[0]])]
        if not exhausted or not reduction.goes_on(found.distinct, doubtful):
            resident.lift()
            return _report(search, time.monotonic() - started, mutant)
        del search, found  # its memory is needed


def _check_executions(search: Search) -> None:
    """Check the properties of whole executions, if all states are found."""
    if search.found.violated is not None or search.found.stopped is not None:
        return
    try:
        check_executions(search)
    except TooLargeError:
        search.found.stopped = "memory for the graph of all transitions"
    except KeyboardInterrupt:
        search.found.stopped = "interrupted"


def _check_reading(model: Model, *, symmetry: bool, saved: bool) -> None:
    """Refuse what cannot be done with nodes that read what is in flight."""
    executions = [item.id for item in model.properties if item.kind not in {"invariant", "sometimes"}]
    refused = [
        *(["symmetry"] if symmetry else []),
        *(["saving and going on"] if saved else []),
        *(["the check of deadlock"] if model.deadlock else []),
        *([f"properties of executions ({', '.join(executions)})"] if executions else []),
    ]
    if refused:
        raise ModelError(f"{model.name}: a node reads what is in flight: no {', no '.join(refused)} natively")


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _report(search: Search, seconds: float, mutant: str) -> Report:
    model, found = search.model, search.found
    fired, kinds = search.fired(), search.kinds
    cut_off = kinds.pop("cut_off")
    del kinds["raises"]  # told as the violation that it is
    extra = [DEADLOCK] if model.deadlock else []
    if found.violated is not None and found.violated[0].id == ERROR:
        extra.append(found.violated[0])
    results = tuple(_result(search, item, cut_off) for item in (*model.properties, *extra))
    verdict = overall(results, found.stopped)
    counterexample = None
    if found.violated is not None:
        counterexample = _counterexample(search, *found.violated, mutant)
    declared: dict[str, Any] = dict.fromkeys(name for node in model.nodes for name in node.rules)
    return Report(
        model=model.name,
        parameters=dict(model.parameters),
        verdict=verdict,
        distinct_states=found.distinct,
        transitions=search.transitions,
        depth=found.depth,
        seconds=seconds,
        properties=results,
        never_fired=tuple(name for name in declared if name not in fired),
        counterexample=counterexample,
        stopped=found.stopped,
        cut_off=cut_off,
        engine="native",
        faults={name: number for name, number in sorted(kinds.items()) if number},
        details={
            "states_per_second": round(found.distinct / max(seconds, 1e-9)),
            "bytes_per_state": round(search.visited.bytes / found.distinct, 1),
            "words_per_state": search.visited.words,
            "threads": len(search.workers),
            "table_entries": search.tables.filled,
            "repacks": search.wirer.repacks,
            **search.reduction.told(),
        },
    )


def _counterexample(search: Search, item: Property, number: int, mutant: str) -> Trace:
    numbers, loop, lasso = search.path(number), 0, search.found.lasso
    if lasso is not None:
        numbers += lasso.stem[1:]
        loop = len(numbers) - 1
        numbers += lasso.loop
    return build_trace(search.system, search.told(numbers), item.id, item.statement, mutant=mutant, loop=loop)


def _result(search: Search, item: Property, cut_off: int) -> PropertyResult:
    found = search.found
    kind = item.id if item is DEADLOCK or item.id == ERROR else item.kind
    witness = found.witnesses.get(item.id)
    is_beyond = item in found.beyond or (kind == "sometimes" and cut_off > 0)
    verdict: Verdict
    if found.violated is not None and found.violated[0] is item:
        verdict = "violated"
    elif witness is not None:
        verdict = "holds"
    elif found.stopped is not None or found.violated is not None or is_beyond:
        verdict = "incomplete"
    else:
        verdict = "violated" if kind == "sometimes" else "holds"
    return PropertyResult(item.id, kind, verdict, witness, item.id in found.untriggered)
