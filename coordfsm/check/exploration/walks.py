"""Random walks: a sample of the executions of a model that is too large to be exhausted ("swarm" verification).

Every walk weighs the kinds of actions anew: one crashes often, another hardly delivers. Walks that all draw alike
would rarely leave the middle of the state space (Holzmann, Joshi, Groce: "Swarm Verification", 2008).
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coordfsm.check.exploration.reference import DEADLOCK, ERROR, holds_in, kind_of, may_rest
from coordfsm.check.exploration.report import NO_LIMITS, Limits, Progress, PropertyResult, Report, Verdict
from coordfsm.check.exploration.semantics import OUTSIDE, Action, Interner, State, StepError, System
from coordfsm.check.modelling.model import Model, Property
from coordfsm.check.traces.replay import violated_in
from coordfsm.check.traces.shorten import Path, shortened
from coordfsm.check.traces.trace import build_trace

WEIGHTS = (1, 1, 4, 16)
"""A walk draws one of these for each kind of action; deliveries get the largest, or a protocol gets nowhere."""

FORGET_AFTER = 100_000
"""Tabulated local states after which the tables start afresh, to bound their memory."""


@dataclass(frozen=True)
class Walks:
    """How to sample.

    Attributes:
        walks: how many.
        depth: actions a walk at most.
        seed: the same model, numbers and seed give the same walks.
    """

    walks: int
    depth: int
    seed: int


@dataclass
class _Sample:
    """What the walks have seen so far."""

    system: System
    hashes: "_Hashes"
    seen: set[int] = field(default_factory=set)  # hashes: an estimate of the coverage, no verdict rests on it
    witnesses: dict[str, int] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    fired: set[str] = field(default_factory=set)
    steps: int = 0
    walks: int = 0
    deepest: int = 1
    cut_off: int = 0
    stopped: str = ""
    violated: tuple[Property, Path] | None = None


def walk(
    model: Model,
    walks: Walks,
    limits: Limits = NO_LIMITS,
    progress: Callable[[Progress], None] | None = None,
    *,
    mutant: str = "",
) -> Report:
    """Walk through a model at random until a property is violated, a limit is reached or all walks are made.

    Invariants, witnesses, deadlock and errors are checked. The verdict is never ``holds``: nothing was exhausted.
    In the report, `distinct_states` are those seen by all walks, up to collisions of 64-bit hashes; `depth` is that of
    the longest walk. A counterexample is shortened, but need not be a shortest one.

    Raises:
        StepError: a node cannot even start.
    """
    started = time.monotonic()
    system = System(model)
    sample = _Sample(system, _Hashes(system))
    try:
        _run(sample, walks, limits, progress, started)
    except KeyboardInterrupt:
        sample.stopped = "interrupted"
    return _report(sample, walks, time.monotonic() - started, mutant)


def _run(
    sample: _Sample, walks: Walks, limits: Limits, progress: Callable[[Progress], None] | None, started: float
) -> None:
    for number in range(walks.walks):
        seconds = time.monotonic() - started
        if progress is not None:
            progress(Progress(len(sample.seen), sample.steps, walks.walks - number, sample.deepest, seconds))
        if limits.max_seconds is not None and seconds >= limits.max_seconds:
            sample.stopped = f"{limits.max_seconds:g} seconds"
            return
        if limits.max_states is not None and len(sample.seen) >= limits.max_states:
            sample.stopped = f"{limits.max_states} states"
            return
        if len(sample.system.locals.values) > FORGET_AFTER:
            sample.fired |= sample.system.fired
            sample.system = System(sample.system.model)
            sample.hashes = _Hashes(sample.system)
        sample.walks += 1
        path = _one(sample, walks.depth, random.Random(f"{walks.seed}/{number}"))  # noqa: S311  (repeatable)
        sample.deepest = max(sample.deepest, len(path))
        if sample.violated is not None:
            return


def _one(sample: _Sample, depth: int, chance: random.Random) -> Path:
    """One walk; leaves in `sample` what it violates."""
    system, weights = sample.system, _Weights(chance)
    several = len(system.starts) > 1
    path: Path = [(None, chance.choice(system.starts)[1] if several else system.initial())]
    while (item := _look(sample, path)) is None and len(path) <= depth:
        state = path[-1][1]
        try:
            enabled = list(system.transitions(state))
        except StepError as error:
            item = Property(ERROR, str(error), lambda _observations: False)
            break
        if not enabled and system.model.deadlock and not may_rest(system, state):
            item = DEADLOCK
            break
        within = [item for item in enabled if item[1] is not OUTSIDE]
        sample.cut_off += len(enabled) - len(within)
        changing = [item for item in within if item[1] != state]
        if not changing:
            break
        path.append(weights.choose(changing))
        action = path[-1][0]
        assert action is not None
        sample.steps += 1
        sample.taken[kind_of(action)] += 1
    if item is not None:
        sample.violated = item, path
    return path


class _Weights:
    """How much one walk likes each kind of action, drawn when the kind first comes up."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._of: dict[str, int] = {"deliver": max(WEIGHTS)}

    def choose(self, enabled: list[tuple[Action, State]]) -> tuple[Action, State]:
        """First a kind, by weight, then one of its actions: a hundred timers do not drown one delivery."""
        by_kind: dict[str, list[tuple[Action, State]]] = {}
        for action, successor in enabled:
            by_kind.setdefault(kind_of(action), []).append((action, successor))
        kinds = list(by_kind)
        for kind in kinds:
            if kind not in self._of:
                self._of[kind] = self._chance.choice(WEIGHTS)
        [kind] = self._chance.choices(kinds, [self._of[name] for name in kinds])
        return self._chance.choice(by_kind[kind])


class _Hashes:
    """Hashes of states that do not depend on the numbers of the tables, which start afresh now and then."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._locals: dict[int, int] = {}
        self._envelopes: dict[int, int] = {}

    def of(self, state: State) -> int:
        """The hash of a state."""
        locals_ = tuple(self._hash(self._locals, self._system.locals, number) for number in state.locals)
        return hash((locals_, frozenset(map(self._item, state.network)), state.budgets, state.cut))

    def _item(self, item: Any) -> Any:
        """What stands in a network, see `State`, with hashes for numbers of envelopes."""
        if isinstance(item, int):
            return self._hash(self._envelopes, self._system.envelopes, item)
        first, second = item
        if isinstance(first, int):
            return self._hash(self._envelopes, self._system.envelopes, first), second
        return first, tuple(self._hash(self._envelopes, self._system.envelopes, number) for number in second)

    @staticmethod
    def _hash(known: dict[int, int], values: Interner, number: int) -> int:
        if number not in known:
            known[number] = hash(values.values[number])
        return known[number]


def _look(sample: _Sample, path: Path) -> Property | None:
    """Check the last state of a path; the invariant that it violates."""
    state, system = path[-1][1], sample.system
    sample.seen.add(sample.hashes.of(state))
    for item in system.model.properties:
        if item.kind == "invariant" and not holds_in(system, item, state):
            return item
        if item.kind == "sometimes" and item.id not in sample.witnesses and holds_in(system, item, state):
            sample.witnesses[item.id] = len(path)
    return None


def _report(sample: _Sample, walks: Walks, seconds: float, mutant: str) -> Report:
    system, model = sample.system, sample.system.model
    extra = [DEADLOCK] if model.deadlock else []
    counterexample = None
    if sample.violated is not None:
        item, path = sample.violated
        extra += [item] if item.id == ERROR else []
        short = shortened(system, path, lambda state: violated_in(system, item, state))
        counterexample = build_trace(system, short, item.id, item.statement, mutant=mutant)
    verdict: Verdict = "incomplete" if sample.violated is None else "violated"
    fired = sample.fired | system.fired
    declared = dict.fromkeys(name for node in model.nodes for name in node.rules)
    return Report(
        model=model.name,
        parameters=dict(model.parameters),
        verdict=verdict,
        distinct_states=len(sample.seen),
        transitions=sample.steps,
        depth=sample.deepest,
        seconds=seconds,
        properties=tuple(_result(sample, item) for item in (*model.properties, *extra)),
        never_fired=tuple(name for name in declared if name not in fired),
        counterexample=counterexample,
        stopped=None if sample.violated is not None else sample.stopped or f"{walks.walks:,} random walks",
        cut_off=sample.cut_off,
        engine="walks",
        faults=dict(sorted(sample.taken.items())),
        details={
            "walks": sample.walks,
            "seed": walks.seed,
            "states_per_second": round(sample.steps / max(seconds, 1e-9)),
        },
    )


def _result(sample: _Sample, item: Property) -> PropertyResult:
    kind = item.id if item is DEADLOCK or item.id == ERROR else item.kind
    witness = sample.witnesses.get(item.id)
    verdict: Verdict = "incomplete"
    if sample.violated is not None and sample.violated[0] is item:
        verdict = "violated"
    elif witness is not None:
        verdict = "holds"
    return PropertyResult(item.id, kind, verdict, witness)
