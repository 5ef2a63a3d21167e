"""Runs a model at random outside of pytest, and reports what was tried."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from coordfsm.check.exploration.reference import kind_of
from coordfsm.check.exploration.semantics import Action
from coordfsm.check.modelling.model import Model
from coordfsm.check.traces.trace import Trace
from coordfsm.testing.stateful import ModelStateMachine, PropertyViolatedError


@dataclass(frozen=True)
class FuzzReport:
    """What a fuzzing run did.

    Attributes:
        model: its name.
        parameters: those it was built with.
        seed: the same seed, model and numbers give the same runs.
        examples: runs that were made.
        steps: actions taken, over all runs.
        seconds: wall clock.
        actions: actions taken by kind: a fault that stays at 0 never took effect.
        never_fired: rules of the machines that no run took.
        local_states: distinct local states of all nodes that were seen.
        counterexample: the run that violates a property, shortened; None if none was found.
        interrupted: whether Ctrl-C came before all runs were made.
    """

    model: str
    parameters: dict[str, Any]
    seed: int
    examples: int
    steps: int
    seconds: float
    actions: dict[str, int]
    never_fired: tuple[str, ...]
    local_states: int
    counterexample: Trace | None
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready object; its keys are the stable interface of ``coordfsm fuzz --json``."""
        return {
            "model": self.model,
            "params": dict(self.parameters),
            "verdict": "no violation found" if self.counterexample is None else "violated",
            "seed": self.seed,
            "examples": self.examples,
            "steps": self.steps,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "actions": dict(self.actions),
            "local_states": self.local_states,
            "never_fired": list(self.never_fired),
            "counterexample": None if self.counterexample is None else self.counterexample.to_json(),
        }


class _Counted(ModelStateMachine):
    """A state machine that counts what it does, over all of its runs."""

    runs = 0
    taken: Counter[str] = Counter()
    tell: Callable[[int, int], None] | None = None

    def on_start(self) -> None:
        kind = type(self)
        kind.runs += 1
        if kind.tell is not None:
            kind.tell(kind.runs, kind.taken.total())

    def on_action(self, action: Action) -> None:
        type(self).taken[kind_of(action)] += 1


def fuzz(
    model: Model,
    *,
    examples: int,
    steps: int,
    seed_number: int,
    mutant: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> FuzzReport:
    """Run a model at random until a property is violated or all runs are made.

    Args:
        model: what to run.
        examples: how many runs.
        steps: actions a run at most.
        seed_number: picks the runs.
        mutant: the broken variant that `model` is, if any; for the trace.
        progress: called with the number of runs and of actions so far.
    """
    tell = None if progress is None else staticmethod(progress)
    namespace = {"model": model, "mutant": mutant, "taken": Counter(), "tell": tell}
    machine = cast("type[_Counted]", type(f"{model.name.title()}Fuzz", (_Counted,), namespace))
    started = time.monotonic()
    counterexample = None
    interrupted = False
    try:
        run_state_machine_as_test(
            seed(seed_number)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                phases=(
                    Phase.generate,
                ),  # a violation is shortened by the model itself, which knows what can be left out
                suppress_health_check=list(HealthCheck),
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
            ),
        )
    except PropertyViolatedError as error:
        counterexample = error.trace
    except KeyboardInterrupt:
        interrupted = True
    system = machine.tables()
    declared = dict.fromkeys(name for node in model.nodes for name in node.rules)
    return FuzzReport(
        model=model.name,
        parameters=dict(model.parameters),
        seed=seed_number,
        examples=machine.runs,
        steps=machine.taken.total(),
        seconds=time.monotonic() - started,
        actions=dict(sorted(machine.taken.items())),
        never_fired=tuple(name for name in declared if name not in system.fired),
        local_states=len(system.locals.values),
        counterexample=counterexample,
        interrupted=interrupted,
    )
