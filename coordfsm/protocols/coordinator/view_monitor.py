"""VIEW MONITOR: holds the installed view and says when it is stable.

Stability is advice that avoids conflicts: safety never depends on it. Whoever acts on it compares the view id
again when acting, so that no check is trusted after the view has moved on.
"""

from statemachine import State

from coordfsm.kernel import CancelTimer, Effect, Machine, Notify, Raise, SetTimer, TimerFired, Value, compile_machine
from coordfsm.protocols.coordinator.data import STABILITY, CoordinationData, ViewMonitorData
from coordfsm.protocols.coordinator.messages import CoordinatorNamed
from coordfsm.protocols.view import Shunned, ViewInstalled, ViewStable, ViewUnsettled, ViewUnstable, coordinator


def adopt_view(
    data: ViewMonitorData, given: ViewInstalled, context: CoordinationData
) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """Hold the view, name its coordinator, and wait for calm."""
    view = given.view
    effects: tuple[Effect, ...] = (
        SetTimer(STABILITY, context.settings.stability_ms),
        Notify(CoordinatorNamed(view.number, view.id, coordinator(view).node)),
    )
    return ViewMonitorData(view, data.state), effects


def replace_stable(
    data: ViewMonitorData, given: ViewInstalled, context: CoordinationData
) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """Hold the next view, and say that the last one is over."""
    adopted, effects = adopt_view(data, given, context)
    return adopted, (Raise(ViewUnsettled(view_id_of(data))), *effects)


def wait_again(
    data: ViewMonitorData, given: ViewUnstable, context: CoordinationData
) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """A change is under way: the time of calm starts anew."""
    return data, (SetTimer(STABILITY, context.settings.stability_ms),)


def unsettle(
    data: ViewMonitorData, given: ViewUnstable, context: CoordinationData
) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """A change begins."""
    return data, (Raise(ViewUnsettled(given.view_id)), SetTimer(STABILITY, context.settings.stability_ms))


def declare_stable(
    data: ViewMonitorData, given: TimerFired, context: CoordinationData
) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """Nothing changed for the stability time."""
    return data, (Raise(ViewStable(view_id_of(data))),)


def forget_view(data: ViewMonitorData, given: Shunned) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
    """This process is in no view any more."""
    return ViewMonitorData(), (CancelTimer(STABILITY),)


def forget_stable(data: ViewMonitorData, given: Shunned) -> tuple[ViewMonitorData, tuple[Effect, ...]]:
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


class ViewMonitor(Machine):
    """UNSTABLE until no change came for the stability time, then STABLE until the next."""

    unstable = State(initial=True)
    stable = State()

    local_view_installed = unstable.to(unstable, internal=True, on=adopt_view) | stable.to(unstable, on=replace_stable)
    local_view_unstable = unstable.to(unstable, internal=True, cond=concerns_installed_view, on=wait_again) | stable.to(
        unstable, cond=concerns_installed_view, on=unsettle
    )
    timeout_stability = unstable.to(stable, on=declare_stable)
    local_shunned = unstable.to(unstable, internal=True, cond=has_view, on=forget_view) | stable.to(
        unstable, on=forget_stable
    )

    ignored = {
        ("*", "local_view_unstable"): "about a view that is not installed any more",
        ("stable", "timeout_stability"): "stable already",
        ("unstable", "local_shunned"): "no view is installed",
    }


VIEW_MONITOR = compile_machine(ViewMonitor)
