"""VIEW MONITOR: holds the installed view and says when it is stable.

Stability is advice that avoids conflicts: safety never depends on it. Whoever acts on it compares the view id
again when acting, so that no check is trusted after the view has moved on.
"""

from statemachine import State

from coordfsm.kernel import CancelTimer, Effect, Machine, Notify, Raise, SetTimer, TimerFired, Value, compile_machine
from coordfsm.protocols.coordinator.data import STABILITY, CoordinationData, ViewMonitorData
from coordfsm.protocols.coordinator.messages import CoordinatorNamed
from coordfsm.protocols.view import (
    Shunned,
    Unwedged,
    ViewInstalled,
    ViewStable,
    ViewUnsettled,
    ViewUnstable,
    Wedged,
    coordinator,
)

Result = tuple[ViewMonitorData, tuple[Effect, ...]]


def adopt_view(data: ViewMonitorData, given: ViewInstalled, context: CoordinationData) -> Result:
    """Hold the view, name its coordinator, and wait for calm."""
    view = given.view
    effects: tuple[Effect, ...] = (
        SetTimer(STABILITY, context.settings.stability_ms),
        Notify(CoordinatorNamed(view.number, view.id, coordinator(view).node)),
    )
    return ViewMonitorData(view, data.state), effects


def replace_stable(data: ViewMonitorData, given: ViewInstalled, context: CoordinationData) -> Result:
    """Hold the next view, and say that the last one is over."""
    adopted, effects = adopt_view(data, given, context)
    return adopted, (Raise(ViewUnsettled(view_id_of(data))), *effects)


def wait_again(data: ViewMonitorData, given: ViewUnstable, context: CoordinationData) -> Result:
    """A change is under way: the time of calm starts anew."""
    return data, (SetTimer(STABILITY, context.settings.stability_ms),)


def unsettle(data: ViewMonitorData, given: ViewUnstable, context: CoordinationData) -> Result:
    """A change begins."""
    return data, (Raise(ViewUnsettled(given.view_id)), SetTimer(STABILITY, context.settings.stability_ms))


def declare_stable(data: ViewMonitorData, given: TimerFired, context: CoordinationData) -> Result:
    """Nothing changed for the stability time."""
    return data, (Raise(ViewStable(view_id_of(data))),)


def forget_view(data: ViewMonitorData, given: Shunned) -> Result:
    """This process is in no view any more."""
    return ViewMonitorData(), (CancelTimer(STABILITY),)


def forget_stable(data: ViewMonitorData, given: Shunned) -> Result:
    """This process is in no view any more, and was in a stable one."""
    return ViewMonitorData(), (Raise(ViewUnsettled(view_id_of(data))),)


def concerns_installed_view(data: ViewMonitorData, given: ViewUnstable) -> bool:
    """The news is about the installed view."""
    return data.view is not None and data.view.id == given.view_id


def has_view(data: ViewMonitorData, given: Value) -> bool:
    """A view is installed."""
    return data.view is not None


def view_id_of(data: ViewMonitorData) -> str:
    """The installed view's id."""
    assert data.view is not None
    return data.view.id


def adopt_wedged(data: ViewMonitorData, given: ViewInstalled, context: CoordinationData) -> Result:
    """Hold the view; it is not stable before a majority of it is heard."""
    adopted, effects = adopt_view(data, given, context)
    return adopted, tuple(effect for effect in effects if not isinstance(effect, SetTimer))


def stop_waiting(data: ViewMonitorData, given: Wedged) -> Result:
    """Without a majority, time proves nothing."""
    return data, (CancelTimer(STABILITY),)


def lose_majority(data: ViewMonitorData, given: Wedged) -> Result:
    """The view may change without this process."""
    return data, (Raise(ViewUnsettled(view_id_of(data))),)


def begin_waiting(data: ViewMonitorData, given: Unwedged, context: CoordinationData) -> Result:
    """The majority is back: the time of calm starts anew."""
    return data, (SetTimer(STABILITY, context.settings.stability_ms),)


class ViewMonitor(Machine):
    """UNSTABLE until no change came for the stability time, then STABLE until the next; WEDGED without a majority."""

    unstable = State(initial=True)
    stable = State()
    wedged = State()

    local_view_installed = (
        unstable.to(unstable, internal=True, on=adopt_view)
        | stable.to(unstable, on=replace_stable)
        | wedged.to(wedged, internal=True, on=adopt_wedged)
    )
    local_view_unstable = unstable.to(unstable, internal=True, cond=concerns_installed_view, on=wait_again) | stable.to(
        unstable, cond=concerns_installed_view, on=unsettle
    )
    timeout_stability = unstable.to(stable, on=declare_stable)
    local_wedged = unstable.to(wedged, cond=has_view, on=stop_waiting) | stable.to(wedged, on=lose_majority)
    local_unwedged = wedged.to(unstable, on=begin_waiting)
    local_shunned = (
        unstable.to(unstable, internal=True, cond=has_view, on=forget_view)
        | stable.to(unstable, on=forget_stable)
        | wedged.to(unstable, on=forget_view)
    )

    ignored = {
        ("*", "local_view_unstable"): "about a view that is not installed any more, or no majority is heard anyway",
        ("stable", "timeout_stability"): "stable already",
        ("wedged", "timeout_stability"): "time proves nothing without a majority",
        ("*", "local_wedged"): "no view is installed, or wedged already",
        ("*", "local_unwedged"): "was not wedged",
        ("unstable", "local_shunned"): "no view is installed",
    }


VIEW_MONITOR = compile_machine(ViewMonitor)
