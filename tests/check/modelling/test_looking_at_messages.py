"""Properties that look at some of what is in flight."""

from dataclasses import replace

import pytest
from check.exploration.random_models import PRESS, Rule, Say, models, node, symmetric_models
from check.exploration.test_random_models import check_replay, check_same, explored
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Model, Multiset, Property
from coordfsm.kernel import ModelError
from tests.check.exploration.letters import heard, letters

seldom = settings(max_examples=40, deadline=None)


def is_token(envelope):
    return getattr(envelope.message, "letter", None) == 0  # the copy of a store has none


def few_tokens(_seen, flying):
    return len(flying) < 2


def few_of_all(_seen, flying):
    return len([envelope for envelope in flying if is_token(envelope)]) < 2


def is_a(envelope):
    return envelope.message.text == "a"


def test_only_what_is_looked_at_is_seen():
    flown = []

    def notice(_seen, flying):
        flown.append({envelope.message.text for envelope in flying})
        return True

    item = Property("a", "A letter a is noticed.", notice, observe=heard, messages=is_a)
    model = letters("a", "b", "c", network=Multiset(), properties=(item,))
    assert reference.explore(model).verdict == "holds"
    assert {text for texts in flown for text in texts} == {"a"}
    del flown[:]
    assert native.explore(model).verdict == "holds"
    few = len(flown)
    del flown[:]
    assert native.explore(replace(model, properties=(replace(item, messages=True),))).verdict == "holds"
    assert few < len(flown)


@seldom
@given(model=models(), kind=st.sampled_from(["invariant", "sometimes", "reachable"]))
def test_the_engines_agree_on_random_models(model, kind):
    items = [
        Property("tokens", "Few tokens.", few_tokens, kind=kind, messages=is_token),
        Property("all", "Few tokens.", few_of_all, kind=kind, messages=True),
    ]
    given_ = [replace(model, properties=(item,)) for item in items]
    expected, other = [explored(one) for one in given_]
    assert (expected.verdict, expected.distinct_states) == (other.verdict, other.distinct_states)
    found = native.explore(given_[0])
    check_same(found, expected)
    check_replay(given_[0], found)


@seldom
@given(model=symmetric_models())
def test_symmetry_keeps_the_verdict(model):
    model = replace(model, properties=(Property("tokens", "Few tokens.", few_tokens, messages=is_token),))
    whole = native.explore(model, Limits(max_states=3_000))
    assume(whole.stopped is None)
    assert native.explore(model, symmetry=True).verdict == whole.verdict


def test_what_looks_at_one_node_is_no_symmetric_property():
    def only_a(envelope):
        return envelope.receiver == "a"

    table = {(0, PRESS): Rule(1, (Say("others", 0),))}
    nodes = [node(name, table, {"others": ({"a": "b", "b": "a"}[name],)}, boots=False) for name in "ab"]
    item = Property("to a", "Nothing flies to a.", lambda _seen, flying: not flying, kind="sometimes", messages=only_a)
    still = Property("never to a", "At most.", lambda _seen, flying: len(flying) < 1, messages=only_a)
    model = Model("two", tuple(nodes), (item, still), symmetric=(("a", "b"),))
    with pytest.raises(ModelError, match="never to a tells a and b apart"):
        native.explore(model, symmetry=True)


@pytest.mark.parametrize("messages", ["all", 1, None, lambda: True])
def test_a_wrong_selection_is_named(messages):
    with pytest.raises(ModelError, match=r"messages .*, expected a function of 1 argument, or True or False"):
        letters("a", properties=(Property("a", "So.", few_tokens, messages=messages),))
