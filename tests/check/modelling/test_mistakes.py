"""A model of the wrong shape is refused in words, before anything is explored."""

from dataclasses import replace

import pytest

from coordfsm.check.modelling.registry import Entry
from coordfsm.check.models import twophase
from coordfsm.kernel import ModelError

GOOD = twophase.build(2)
FIRST = GOOD.properties[0]


@pytest.mark.parametrize(
    ("built", "message"),
    [
        (lambda: 3, "mine: the builder returned int, expected a Model"),
        (lambda: None, "the builder returned NoneType"),
        (lambda: replace(GOOD, nodes=list(GOOD.nodes)), "expected a tuple of Node"),
        (lambda: replace(GOOD, properties=FIRST), "expected a tuple of Property (one alone: `(it,)`)"),
        (lambda: replace(GOOD, nodes=()), "no nodes, expected at least one"),
        (
            lambda: replace(GOOD, properties=(replace(FIRST, kind="always"),)),
            "property TC: kind 'always', expected one of inv",
        ),
        (lambda: replace(GOOD, properties=(replace(FIRST, kind="leads_to"),)), "property TC: a trigger goes with"),
        (lambda: replace(GOOD, properties=(replace(FIRST, trigger=bool),)), "property TC: a trigger goes with"),
    ],
)
def test_a_mistake_is_named(built, message):
    with pytest.raises(ModelError) as refused:
        Entry("mine", built, (), "").build()
    assert message in str(refused.value)


def test_a_good_model_passes():
    assert Entry("mine", lambda: GOOD, (), "").build() is GOOD
