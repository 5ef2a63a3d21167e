"""The view monitor alone: one process, every order of views, news of changes, lost majorities and time."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Local, Model, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.coordinator import chain_of
from coordfsm.kernel import Command, Composition, Input, Notify, Part, Raise, Step, TimerFired, Value
from coordfsm.protocols.coordinator.data import STABILITY, CoordinationData
from coordfsm.protocols.coordinator.properties import STATEMENTS
from coordfsm.protocols.coordinator.view_monitor import VIEW_MONITOR
from coordfsm.protocols.view import (
    Shunned,
    Unwedged,
    View,
    ViewInstalled,
    ViewStable,
    ViewUnsettled,
    ViewUnstable,
    Wedged,
)


class Happened(Value):
    """An input of the monitor, and what it raised."""

    given: Value
    raised: tuple[Command, ...]


class Calm(Value):
    """What an onlooker knows.

    Attributes:
        view_id: of the installed view, empty without one.
        elapsed: whether the stability time passed since the last news of this view, with a majority in reach.
        majority: whether a majority is in reach.
        told: the view that siblings were told to be stable, empty if none.
    """

    view_id: str = ""
    elapsed: bool = False
    majority: bool = True
    told: str = ""


def onlook(calm: Calm, event: Value) -> Calm:  # noqa: PLR0911  (one return a kind of event)
    """The onlooker's knowledge after one more input."""
    if not isinstance(event, Happened):
        return calm
    told = calm.told
    for command in event.raised:
        if isinstance(command, ViewStable | ViewUnsettled):
            told = command.view_id if isinstance(command, ViewStable) else ""
    match event.given:
        case ViewInstalled(view):
            return Calm(view.id, elapsed=False, majority=calm.majority, told=told)
        case ViewUnstable(view_id):
            return Calm(calm.view_id, calm.elapsed and view_id != calm.view_id, calm.majority, told)
        case Wedged():
            return Calm(calm.view_id, elapsed=False, majority=False, told=told)
        case Unwedged():
            return Calm(calm.view_id, elapsed=False, majority=True, told=told)
        case Shunned():
            return Calm(told=told)
        case _:
            return Calm(calm.view_id, calm.majority, calm.majority, told)


def _step(machine: Composition, data: Any, given: Input) -> Step:
    """The monitor, with an onlooker who sees its inputs, also those that it ignores: it may be wrong to ignore them."""
    step = machine.step(data, given)
    raised = tuple(effect.command for effect in step.effects if isinstance(effect, Raise))
    seen = STABILITY if isinstance(given, TimerFired) else given
    return step._replace(effects=(*step.effects, Notify(Happened(seen, raised))))


def _commands(views: tuple[View, ...], local: Local) -> tuple[Command, ...]:
    installed = local.data.monitor.view
    if installed is None:
        return tuple(ViewInstalled(view) for view in views)
    later = (ViewInstalled(view) for view in views if view.number > installed.number)
    news = (ViewUnstable(view.id) for view in views)
    return (*later, *news, Wedged((), 1) if local.history.majority else Unwedged(), Shunned())


def _observing(predicate: Callable[[str, Calm], bool]) -> Callable[[tuple[tuple[str, Calm], ...]], bool]:
    return lambda observations: all(predicate(state, calm) for state, calm in observations)


def build(*, chain: Annotated[str, Parameter("views as members' letters")] = "ab/ba/a") -> Model:
    """When a process calls its view stable, and what it tells its siblings.

    Raises:
        ParameterError: the chain cannot be read.
    """
    machine = Composition("monitor", (Part("monitor", VIEW_MONITOR),))
    views = chain_of(chain)
    node = Node(
        "a",
        CoordinationData("a"),
        partial(_step, machine),
        partial(_commands, views),
        history=onlook,
        first_history=Calm(),
        rules=VIEW_MONITOR.rule_names,
    )

    def observe(local: Local) -> tuple[str, Calm]:
        return local.data.monitor.state, local.history

    def stable_after_calm(state: str, calm: Calm) -> bool:
        return state != "stable" or calm.elapsed

    def told_the_truth(state: str, calm: Calm) -> bool:
        return calm.told == (calm.view_id if state == "stable" else "")

    return Model(
        name="view_monitor",
        parameters={"chain": chain},
        nodes=(node,),
        properties=(
            Property("VM1", STATEMENTS["VM1"], _observing(stable_after_calm), observe=observe),
            Property("VM2", STATEMENTS["VM2"], _observing(told_the_truth), observe=observe),
            Property(
                "VM1-witness",
                STATEMENTS["VM1-witness"],
                _observing(lambda state, calm: state == "stable" and calm.view_id == views[-1].id),
                "sometimes",
                observe,
            ),
        ),
    )
