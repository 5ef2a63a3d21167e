"""The compiler rejects whatever would act outside the table, and names it."""

import pytest
from statemachine import Event, State

from coordfsm.kernel import DeclarationError, Machine, compile_machine


def allow(data, given):
    return True


def act(data, given):
    return data, ()


def act_again(data, given):
    return data, ()


def local_go(data, given):
    return True


def wrong_arguments(data):
    return True


def rejects(machine, *fragments):
    with pytest.raises(DeclarationError) as caught:
        compile_machine(machine)
    for fragment in (machine.__name__, *fragments):
        assert fragment in str(caught.value)


def test_a_hook_by_event_name_is_rejected():
    class Hooked(Machine):
        here = State(initial=True)
        local_go = here.to(here, on=act)

        def on_local_go(self):
            return None

    rejects(Hooked, "on_local_go", "hook")


@pytest.mark.parametrize(
    "hook", ["on_enter_here", "before_transition", "after_local_go", "on_exit_state", "prepare_event"]
)
def test_generic_hooks_are_rejected(hook):
    class Hooked(Machine):
        here = State(initial=True)
        local_go = here.to(here, on=act)
        locals()[hook] = lambda self: None

    rejects(Hooked, hook)


def test_enter_actions_are_rejected():
    class Entering(Machine):
        here = State(initial=True, enter=act)
        local_go = here.to(here)

    rejects(Entering, "here", "enter or exit action")


@pytest.mark.parametrize("where", ["before", "after", "validators"])
def test_callbacks_besides_the_action_are_rejected(where):
    class Sideways(Machine):
        here = State(initial=True)
        local_go = here.to(here, **{where: act})

    rejects(Sideways, where)


def test_a_delay_is_rejected():
    class Delayed(Machine):
        here = State(initial=True)
        there = State()
        local_go = Event(here.to(there) | there.to(here), delay=100)

    rejects(Delayed, "delay")


def test_an_eventless_transition_is_rejected():
    class Restless(Machine):
        here = State(initial=True)
        there = State()
        here.to(there)
        local_go = there.to(here) | here.to(here)

    rejects(Restless, "no event")


def test_two_actions_are_rejected():
    class Busy(Machine):
        here = State(initial=True)
        local_go = here.to(here, on=[act, act_again])

    rejects(Busy, "2 actions")


@pytest.mark.parametrize("guard", [lambda data, given: True, wrong_arguments, "allow"])
def test_guards_must_be_named_functions_of_the_agreed_shape(guard):
    class Guarded(Machine):
        here = State(initial=True)
        local_go = here.to(here, cond=guard) | here.to(here)
        locals()["allow"] = staticmethod(allow)

    rejects(Guarded)


def test_an_event_without_prefix_is_rejected():
    class Unprefixed(Machine):
        here = State(initial=True)
        go = here.to(here)

    rejects(Unprefixed, "'go'", "recv_")


def test_a_guard_named_like_an_event_is_rejected():
    guard = local_go

    class Shadowed(Machine):
        here = State(initial=True)
        there = State()
        local_come = here.to(there, cond=guard) | here.to(here)
        local_go = there.to(here) | here.to(here)
        ignored = {("there", "local_come"): "already"}

    rejects(Shadowed, "local_go", "name of an event")


def test_a_pair_that_nobody_thought_of_is_rejected():
    class Open(Machine):
        here = State(initial=True)
        there = State()
        local_go = here.to(there)
        local_back = there.to(here)
        ignored = {("there", "local_go"): "already there"}

    rejects(Open, "(here, local_back)", "no rule")


def test_a_pair_with_guarded_rules_only_is_rejected():
    class Guarded(Machine):
        here = State(initial=True)
        local_go = here.to(here, cond=allow)

    rejects(Guarded, "only guarded rules")


def test_a_rule_behind_an_unguarded_one_is_rejected():
    class Unreachable(Machine):
        here = State(initial=True)
        there = State()
        local_go = here.to(there) | here.to(here, cond=allow)
        local_back = there.to(here)
        ignored = {("here", "local_back"): "here already", ("there", "local_go"): "there already"}

    rejects(Unreachable, "can never fire")


def test_ignored_needs_a_known_state_and_a_reason():
    class Unknown(Machine):
        here = State(initial=True)
        local_go = here.to(here)
        ignored = {("nowhere", "local_go"): "why not"}

    rejects(Unknown, "nowhere", "here")

    class Unexplained(Machine):
        here = State(initial=True)
        local_go = here.to(here, cond=allow)
        ignored = {("here", "local_go"): ""}

    rejects(Unexplained, "needs a reason")


def test_an_internal_transition_of_a_compound_state_is_rejected():
    class Compound(Machine):
        class working(State.Compound):  # noqa: N801  (the name is the state's id)
            slow = State(initial=True)
            fast = State()
            local_faster = slow.to(fast) | fast.to(slow)

        local_note = working.to(working, internal=True, on=act)

    rejects(Compound, "internal to a compound state", "each child")
