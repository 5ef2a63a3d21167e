"""Broken view monitors: a view called stable too early, or too long."""

from typing import Any

from coordfsm.kernel import Effect, Notify, Raise, TransitionTable
from coordfsm.protocols.coordinator import view_monitor as monitor
from coordfsm.protocols.coordinator.data import (
    CoordinationData,
    ViewMonitorData,
)
from coordfsm.protocols.coordinator.messages import CoordinatorNamed
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule

MonitorResult = tuple[ViewMonitorData, tuple[Effect, ...]]


def name_oneself(data: ViewMonitorData, given: Any, context: CoordinationData) -> MonitorResult:
    """Whoever installs a view takes itself for its coordinator."""
    data, effects = monitor.adopt_view(data, given, context)
    named = CoordinatorNamed(given.view.number, given.view.id, context.node)
    return data, (*(effect for effect in effects if not isinstance(effect, Notify)), Notify(named))


def unsettle_silently(data: ViewMonitorData, given: Any, context: CoordinationData) -> MonitorResult:
    """The siblings are not told that a change begins."""
    data, effects = monitor.unsettle(data, given, context)
    return data, tuple(effect for effect in effects if not isinstance(effect, Raise))


def change_ignored(table: TransitionTable) -> TransitionTable:
    """A change that begins is noticed, and the view stays stable."""
    return with_rule(table, "stable", "local_view_unstable", "stable")


def new_view_heals(table: TransitionTable) -> TransitionTable:
    """A new view is taken for a majority that is back."""
    return with_rule(table, "wedged", "local_view_installed", "unstable", on=monitor.adopt_view)


def stable_at_once(table: TransitionTable) -> TransitionTable:
    """The view is called stable as soon as the majority is back."""
    return with_rule(table, "wedged", "local_unwedged", "stable", on=monitor.declare_stable)


def never(data: Any, given: Any) -> bool:
    """The case is not thought of."""
    return False


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="news-of-change-ignored",
        machine="ViewMonitor",
        property="VM1",
        flaw="No news of a change concerns the installed view.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab"},
        functions={"concerns_installed_view": never},
    ),
    Mutant(
        name="lost-majority-ignored",
        machine="ViewMonitor",
        property="VM1",
        flaw="A majority that is lost before the view was stable is not noticed.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab"},
        functions={"has_view": never},
    ),
    Mutant(
        name="coordinator-named-locally",
        machine="ViewMonitor",
        property="C1",
        flaw="Whom a process names depends on the process, not on the view alone.",
        source="own",
        model="coordinator",
        parameters={"chain": "ab", "restarted": False},
        functions={"adopt_view": name_oneself},
    ),
    Mutant(
        name="change-under-way-ignored",
        machine="ViewMonitor",
        property="VM1",
        flaw="A view stays stable while a change of it is under way.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab"},
        edit=change_ignored,
    ),
    Mutant(
        name="change-under-way-not-told",
        machine="ViewMonitor",
        property="VM2",
        flaw="The siblings are not told that a view is no longer stable.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab"},
        functions={"unsettle": unsettle_silently},
    ),
    Mutant(
        name="new-view-heals-wedged",
        machine="ViewMonitor",
        property="VM1",
        flaw="A view that is installed without a majority in reach becomes stable.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab/ba"},
        edit=new_view_heals,
    ),
    Mutant(
        name="stable-once-unwedged",
        machine="ViewMonitor",
        property="VM1",
        flaw="A view is stable as soon as the majority is back, without waiting.",
        source="own",
        model="view_monitor",
        parameters={"chain": "ab"},
        edit=stable_at_once,
    ),
)
