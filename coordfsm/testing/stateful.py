"""Hypothesis drives a model: random deliveries, losses, crashes, timers and commands, shrunk to a short story.

Subclass, give the model, and let pytest collect the test case::

    class MigrationStories(ModelStateMachine):
        model = find("migration").build({"nodes": 5, "crash": 3})

    TestMigration = MigrationStories.TestCase

What may happen is exactly what the explorer would try (`coordfsm.check.exploration.semantics`), with the same budgets;
but where the explorer needs a small model, here it may have many nodes and large budgets. A violation raises
`PropertyViolatedError`, whose text is the story of the shortened run and whose `trace` can be saved and replayed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coordfsm.check.exploration.reference import ERROR, holds_in, kind_of
from coordfsm.check.exploration.semantics import Action, State, StepError, System, about_to_take
from coordfsm.check.modelling.model import Model, Property
from coordfsm.check.traces.replay import violated_in
from coordfsm.check.traces.shorten import shortened
from coordfsm.check.traces.trace import Trace, build_trace, story
from coordfsm.kernel import encode

CHOICES = st.integers(min_value=0, max_value=255)
"""Picks among what can happen now, modulo its number; shrinks towards the first."""

FORGET_AFTER = 100_000
"""Tabulated local states after which a class starts its tables afresh, to bound its memory."""

Rule = Callable[["ModelStateMachine", int], None]
Enabled = Mapping[str, list[tuple[Action, State]]]


class PropertyViolatedError(AssertionError):
    """A property does not hold at the end of a run.

    The story is told only when somebody asks: Hypothesis raises this many times while it shrinks.

    Args:
        run: the state machine, at the end of its run.
        item: the violated property.
    """

    def __init__(self, run: "ModelStateMachine", item: Property) -> None:
        super().__init__(item.id)
        self._system, self._path, self._mutant = run.system, list(run.path), run.mutant
        self._item = item

    @cached_property
    def trace(self) -> Trace:
        """The run, without what the violation does not need."""
        path = shortened(self._system, self._path, lambda state: violated_in(self._system, self._item, state))
        return build_trace(self._system, path, self._item.id, self._item.statement, mutant=self._mutant)

    def __str__(self) -> str:
        return "\n" + story(self.trace)


def _rule(kind: str) -> Callable[[Rule], Rule]:
    """A rule that picks among the actions of a kind, where there are any."""
    decorate: Callable[[Any], Any] = rule(choice=CHOICES)
    guard = precondition(lambda self: bool(self.enabled[kind]))
    return lambda function: guard(decorate(function))


class ModelStateMachine(RuleBasedStateMachine):
    """Runs a model at random and checks its invariants after every step.

    Attributes:
        model: what to run; set by the subclass.
        mutant: the broken variant that `model` is, if it is one; for the trace.
        state: the global state now.
        path: how it came about.
    """

    model: ClassVar[Model]
    mutant: ClassVar[str] = ""
    _shared: ClassVar[System | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.system = self.tables()
        self.state = self.system.initial()
        self.path: list[tuple[Action | None, State]] = [(None, self.state)]
        self.on_start()
        self._known: tuple[State, Enabled] | None = None

    @classmethod
    def tables(cls) -> System:
        """The tables of local steps, shared by all runs of the class: they are facts about the machines."""
        shared = cls.__dict__.get("_shared")
        if shared is None or shared.model is not cls.model or len(shared.locals.values) > FORGET_AFTER:
            shared = cls._shared = System(cls.model)
        return shared

    def on_start(self) -> None:
        """For subclasses: a run begins."""

    def on_action(self, action: Action) -> None:
        """For subclasses: an action was taken."""

    # -- what can happen -----------------------------------------------------------------------------------------

    @property
    def enabled(self) -> Enabled:
        """By kind of action, every action that can be taken now, with the state that it leads to."""
        if self._known is None or self._known[0] is not self.state:
            self._known = (self.state, self._compute_enabled())
        return self._known[1]

    def _compute_enabled(self) -> Enabled:
        enabled: defaultdict[str, list[tuple[Action, State]]] = defaultdict(list)
        try:
            for action, successor in self.system.successors(self.state):
                if successor == self.state:
                    continue  # it would change nothing, and a run is short
                enabled[kind_of(action)].append((action, successor))
        except StepError as error:
            failure = Property(ERROR, str(error), lambda _observations: False)
            raise PropertyViolatedError(self, failure) from error
        return enabled

    def take(self, kind: str, choice: int) -> None:
        """Take one of the enabled actions of a kind."""
        options = self.enabled[kind]
        action, successor = options[choice % len(options)]
        self._check_purity(action)
        self.state = successor
        self.path.append((action, successor))
        self.on_action(action)

    def _check_purity(self, action: Action) -> None:
        position = self.system.index.get(action.node)
        if position is None or action.given is None or action.kind in {"lose", "recover", "clone"}:
            return
        node = self.model.nodes[position]
        _, data, given = about_to_take(node, self.system.local(self.state, position), action.given)
        before = encode(data)
        first, second = node.step(data, given), node.step(data, given)
        assert first == second, f"{node.name} is not deterministic: {action.given} gives {first}, then {second}"
        assert encode(data) == before, f"{node.name} changed its data in place while handling {action.given}"

    # -- rules ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.path) == 1 and len(self.system.starts) > 1)
    @rule(choice=CHOICES)
    def start_otherwise(self, choice: int) -> None:
        """The run begins with another of the model's starts."""
        _, self.state = self.system.starts[choice % len(self.system.starts)]
        self.path = [(None, self.state)]

    @_rule("deliver")
    def deliver(self, choice: int) -> None:
        """A message arrives."""
        self.take("deliver", choice)

    @_rule("deliver")
    def deliver_more(self, choice: int) -> None:
        """Messages arrive more often than anything else happens, or no protocol would get anywhere."""
        self.take("deliver", choice)

    @_rule("duplicate")
    def duplicate(self, choice: int) -> None:
        """A message arrives, and a copy of it will come again."""
        self.take("duplicate", choice)

    @_rule("lose")
    def lose(self, choice: int) -> None:
        """A message is lost."""
        self.take("lose", choice)

    @_rule("timeout")
    def timeout(self, choice: int) -> None:
        """A timer fires."""
        self.take("timeout", choice)

    @_rule("command")
    def command(self, choice: int) -> None:
        """The application or the environment asks for something."""
        self.take("command", choice)

    @_rule("crash")
    def crash(self, choice: int) -> None:
        """A process crashes between two steps."""
        self.take("crash", choice)

    @_rule("torn")
    def crash_within_a_step(self, choice: int) -> None:
        """A process crashes between two effects of a step."""
        self.take("torn", choice)

    @_rule("recover")
    def recover(self, choice: int) -> None:
        """A crashed process starts again."""
        self.take("recover", choice)

    @_rule("partition")
    def partition(self, choice: int) -> None:
        """Links are cut."""
        self.take("partition", choice)

    @_rule("heal")
    def heal(self, choice: int) -> None:
        """The cut links work again."""
        self.take("heal", choice)

    @_rule("copy")
    def copy_store(self, choice: int) -> None:
        """A copy of a store is made."""
        self.take("copy", choice)

    @_rule("rollback")
    def roll_back(self, choice: int) -> None:
        """The copy of a stopped process's store is put back."""
        self.take("rollback", choice)

    @_rule("clone")
    def clone_store(self, choice: int) -> None:
        """A copy of a store is on its way to a second process."""
        self.take("clone", choice)

    @_rule("wipe")
    def wipe_store(self, choice: int) -> None:
        """The store of a stopped process is lost."""
        self.take("wipe", choice)

    @precondition(lambda self: not any(self.enabled.values()))
    @rule()
    def rest(self) -> None:
        """Nothing can happen any more: the run stays where it is."""

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def properties_hold(self) -> None:
        """Every invariant of the model is true in the present state.

        Raises:
            PropertyViolatedError: one is not; the text tells the run.
        """
        for item in self.model.properties:
            if item.kind == "invariant" and not self.holds(item):
                raise PropertyViolatedError(self, item)

    def holds(self, item: Property) -> bool:
        """Whether a property's predicate is true now."""
        return holds_in(self.system, item, self.state)


def state_machine_of(model: Model, *, mutant: str = "") -> type[ModelStateMachine]:
    """A state machine class for a model, for use outside of a test module."""
    return type(f"{model.name.title()}StateMachine", (ModelStateMachine,), {"model": model, "mutant": mutant})
