"""A user's model files, as text."""

COUNTER = '''
from typing import Annotated

from statemachine import State

from coordfsm.check.modelling.model import Model, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Machine, Value, compile_machine


class Tick(Command):
    """One more."""


class Count(Value):
    number: int = 0
    state: str = "counting"


def add(data, given):
    return Count(data.number + 1), ()


class Counter(Machine):
    counting = State(initial=True)
    local_tick = counting.to(counting, internal=True, on=add)


TABLE = compile_machine(Counter)


def build(limit: Annotated[int, Parameter("ticks", minimum=1, maximum=9)] = 3, bound: int = 5) -> Model:
    """Counts to a bound."""
    node = Node("counter", Count(), TABLE.step, lambda _local: (Tick(),), rules=TABLE.rule_names)
    small = Property("small", "The number stays below the limit.", lambda seen: seen[0] < limit,
                     observe=lambda local: local.data.number)
    return Model("counter", (node,), (small,), {"limit": limit, "bound": bound},
                 boundary=lambda local: local.data.number <= bound)
'''
