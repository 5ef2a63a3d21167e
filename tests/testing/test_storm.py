"""Composed membership of five to twelve processes in random storms: safe always, in one view after it."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from coordfsm.kernel import Composition
from coordfsm.protocols.membership import composition
from coordfsm.testing.mutants.membership_flaws import follow_blindly, never
from coordfsm.testing.mutants.substitute import substitute
from coordfsm.testing.storm import MembershipStorm

QUICK = settings(
    max_examples=25,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


class Storm(MembershipStorm):
    happened = Counter()


def test_safety_in_the_storm_and_one_view_after_it():
    run_state_machine_as_test(Storm, settings=QUICK)
    sizes = {int(what.removeprefix("size ")) for what in Storm.happened if what.startswith("size ")}
    assert min(sizes) >= 5
    assert max(sizes) >= 11
    assert Storm.happened["calm"] >= QUICK.max_examples
    for what in ("crash", "torn crash", "restart", "partition", "one-way partition", "weather", "leave", "join"):
        assert Storm.happened[what], f"no {what} took effect"


def broken(field, **functions):
    parts = tuple(
        part._replace(machine=substitute(part.machine, functions)) if part.field == field else part
        for part in composition.parts
    )
    return staticmethod(Composition("membership", parts).step)


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (broken("view_change", follow=follow_blindly, follow_out=follow_blindly), "M4|not within"),
        (broken("lifecycle", has_seeds=never), "not within"),
    ],
    ids=["the excluded go on", "the shunned do not ask again"],
)
def test_a_storm_finds_what_is_broken(step, what):
    kind = type("BrokenStorm", (MembershipStorm,), {"step": step, "calm_ms": 20_000, "happened": Counter()})
    with pytest.raises((AssertionError, TimeoutError), match=what):
        run_state_machine_as_test(kind, settings=QUICK)
