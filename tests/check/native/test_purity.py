"""A machine that is not a pure function to plain data is refused by name, never explored."""

import itertools
from dataclasses import replace

import msgspec
import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.kernel import ModelError, Send, Step, Value


class Bad(Value):
    items: list
    state: str = "serving"


def explored(step):
    model = sample.build()
    return native.explore(replace(model, nodes=(replace(model.nodes[0], step=step), *model.nodes[1:])))


def asked(given):
    return type(given).__name__ == "Received"


def test_data_that_depend_on_more_than_the_input():
    numbers = itertools.count()

    def step(data, given):
        return Step(sample.ServerData(next(numbers)), (), ("x",)) if asked(given) else Step(data, (), ())

    with pytest.raises(ModelError, match=r"s is not deterministic on Ask\(turn=1\): data.total: \d+ -> \d+"):
        explored(step)


def test_effects_that_depend_on_more_than_the_input():
    numbers = itertools.count()

    def step(data, given):
        return Step(data, (Send("c1", sample.Answer(1, next(numbers))),) if asked(given) else (), ("x",))

    with pytest.raises(ModelError, match=r"s is not deterministic on Ask\(turn=1\): sends: .*total=0.* -> .*total="):
        explored(step)


def test_data_changed_in_place():
    def step(data, given):
        if asked(given):
            msgspec.structs.force_setattr(data, "total", data.total + 1)
        return Step(data, (), ("x",))

    with pytest.raises(ModelError, match=r"s changes its data in place on Ask\(turn=1\)"):
        explored(step)


def test_data_that_cannot_be_hashed():
    def step(data, given):
        return Step(Bad([1]), (), ("x",)) if asked(given) else Step(data, (), ())

    with pytest.raises(ModelError, match=r"s on Ask\(turn=1\) gives a value that cannot be hashed: data.items: .*list"):
        explored(step)


def test_a_message_that_cannot_be_encoded():
    def step(data, given):
        return Step(data, (Send("c1", sample.Answer(1, 1 << 80)),) if asked(given) else (), ("x",))

    with pytest.raises(ModelError, match=r"gives a value that cannot be encoded: .*message.total"):
        explored(step)
