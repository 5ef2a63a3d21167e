"""One process that is told anything about an entity: each command, message and timer, in every situation of the two.

What other models never come to, a message out of place or a refusal, takes one step here. The situations are reached
by real inputs, so that the process is as it would be; whatever it sends is lost.
"""

from collections.abc import Iterator
from functools import partial, reduce
from typing import Annotated

from msgspec.structs import replace

from coordfsm.check.modelling.model import Local, Model, Node, Property, Start, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models._migration_laws import LAWS, Tell, ToldData, told
from coordfsm.check.models._migration_situations import ENTITY, INPUTS, ME, RESTARTS, SETTINGS, SITUATIONS
from coordfsm.kernel import Command, Input, Timer, TimerFired
from coordfsm.protocols.migration import composition, initial


def inputs_of(data: ToldData) -> tuple[Input, ...]:
    """All that the process can be told now."""
    timers = (TimerFired(Timer(kind, ENTITY)) for kind in sorted(data.running))
    return (*INPUTS, *timers) if data.started else RESTARTS


def _situation(script: tuple[Input, ...]) -> ToldData:
    """Where these inputs lead a process."""
    base = initial(ME, SETTINGS)
    process = ToldData(**{name: getattr(base, name) for name in base.__struct_fields__})
    there = reduce(lambda data, given: told(composition, data, Tell(given)).data, script, process)
    return replace(there, inputs=0)


def build(
    *, inputs: Annotated[int, Parameter("how many inputs in a row, after those that led there", minimum=1)] = 1
) -> Model:
    """One entity at one process in each of its situations, told anything: everybody hears what is right."""
    starts = {name: _situation(script) for name, script in SITUATIONS.items()}

    def commands(local: Local) -> Iterator[Command]:
        return map(Tell, inputs_of(local.data) if local.data.inputs < inputs else ())

    def holds(identifier: str, broken: tuple[frozenset[str], ...]) -> bool:
        return all(identifier not in process for process in broken)

    def broken_of(local: Local) -> frozenset[str]:
        data: ToldData = local.data
        return data.broken

    node = Node(ME, starts["stopped"], partial(told, composition), commands, rules=composition.rule_names)
    return Model(
        name="migration-answers",
        parameters={"inputs": inputs},
        nodes=(node,),
        network=UnreliableSet(),
        properties=tuple(
            Property(name, statement, partial(holds, name), observe=broken_of) for name, (statement, _) in LAWS.items()
        ),
        starts=tuple(Start(name, {ME: data}) for name, data in starts.items()),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"migration-answers": ({},)}
MODELS = {"migration-answers": build}
