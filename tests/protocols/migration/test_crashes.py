"""A crash between any two effects of a migration, on either side, once and twice, ends with one owner."""

import pytest

from coordfsm.protocols.migration.messages import Migrate
from tests.protocols.migration.processes import CrashedError, Processes, view_of

EFFECTS = 40
"""More than a migration has; a crash after the last effect is no crash."""


def carry_on(processes, action):
    """Do it; if a process crashes meanwhile, start it again."""
    try:
        action()
    except CrashedError as crash:
        node = crash.args[0]
        processes.restart(node)
        processes.settle(view_of(1, "a", "b"), node)
        return True
    return False


def run_with_crash(processes, crash_after):
    """One migration from a to b with a crash, and then as long as timers and messages lead on."""
    processes.effects, processes.crash_after = 0, crash_after
    crashed = carry_on(processes, lambda: processes.give("a", Migrate("e", "b")))
    for _ in range(4):
        crashed |= carry_on(processes, processes.deliver)
        crashed |= carry_on(processes, processes.fire_all)
    return crashed


def owners(processes):
    return [node for node in ("a", "b") if (processes.held(node) or ("absent",))[0] == "owned"]


@pytest.mark.parametrize("crash_after", range(EFFECTS))
def test_one_owner_is_left_whatever_crashes(crash_after):
    pair = Processes("a", "b")
    pair.create("a", "e")
    run_with_crash(pair, crash_after)
    owner = owners(pair)
    assert len(owner) == 1
    assert pair.held(owner[0])[2] == b"cargo"
    assert pair.timers == {"a": set(), "b": set()}, "no lock and no snapshot stays behind"
    assert [record.value.payload for node in "ab" for record in pair.durable[node]].count(b"cargo") == 1


def test_crashes_hit_both_processes_before_and_after_the_point_of_no_return():
    found = set()
    for crash_after in range(EFFECTS):
        pair = Processes("a", "b")
        pair.create("a", "e")
        if run_with_crash(pair, crash_after):
            found.add(tuple(owners(pair)))
    assert found == {("a",), ("b",)}
