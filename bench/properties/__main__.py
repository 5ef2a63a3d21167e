"""What a property costs: states a second with it beside those without any, on models of about a million states.

    python -m bench.properties [--threads N]

Ratios are what counts: they hardly depend on the machine.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coordfsm.check.modelling.combinators import at_most, for_all_pairs, never_together
from coordfsm.check.modelling.model import Model, Node, Property
from coordfsm.check.models import twophase
from coordfsm.check.native import explore
from coordfsm.kernel import Command, Input, Step, Value

NODES = 20


class Go(Command):
    """Take the one step."""


class At(Value):
    """Where a node is."""

    number: int
    load: tuple[int, ...] = ()


def step(data: At, given: Input) -> Step:
    """Go from 0 to 1."""
    if data.number == 0 and isinstance(given, Go):
        return Step(At(1, data.load), (), ("go",))
    return Step(data, (), ())


def number_of(local: Any) -> Any:
    """What most properties observe."""
    return local.data.number


def invariant(predicate: Callable[..., bool], **how: Any) -> Property:
    """A property that holds."""
    return Property("holds", "Holds.", predicate, **{"observe": number_of, **how})


def in_flight(predicate: Callable[..., bool]) -> Property:
    """A property of messages that holds."""
    return Property("holds", "Holds.", predicate, observe=lambda _local: 0, messages=True)


def steps(*properties: Property, load: int = 0, final: Any = None, **fields: Any) -> Model:
    """Twenty nodes of one step: 1,048,576 states without a message."""
    rest = {} if final is None else {"final": final}
    first = At(0, tuple(range(load)))
    nodes = [Node(f"n{at}", first, step, commands=lambda _local: (Go(),), **rest) for at in range(NODES)]
    named = tuple(replace(item, id=f"holds{at}") for at, item in enumerate(properties))
    return Model("steps", tuple(nodes), named, **fields)


def messages(*properties: Property) -> Model:
    """Two-phase commit of seven, 296,448 states: messages in flight."""
    return replace(twophase.build(7), properties=properties)


CASES: dict[str, tuple[Callable[[], Model], Callable[[], Model]]] = {
    "a predicate that reads nothing": (steps, lambda: steps(invariant(lambda _seen: True))),
    "a predicate that reads two nodes": (steps, lambda: steps(invariant(lambda seen: seen[3] < 2 or seen[7] < 2))),
    "the same, observing the whole local state": (
        steps,
        lambda: steps(Property("holds", "Holds.", lambda seen: seen[3].data.number < 2 or seen[7].data.number < 2)),
    ),
    "the same, values of 1,000 numbers": (
        steps,
        lambda: steps(
            invariant(lambda seen: seen[3].number < 2 or seen[7].number < 2, observe=lambda at: at.data), load=1_000
        ),
    ),
    "twenty predicates, one for each node": (
        steps,
        lambda: steps(*(invariant(lambda seen, at=at: seen[at] < 2) for at in range(NODES))),
    ),
    "a predicate that reads all nodes": (steps, lambda: steps(invariant(lambda seen: sum(seen) <= NODES))),
    "`at_most`": (steps, lambda: steps(invariant(at_most(NODES, lambda at: at == 1)))),
    "twenty of `at_most`": (
        steps,
        lambda: steps(*[invariant(at_most(NODES, lambda at: at == 1)) for _ in range(NODES)]),
    ),
    "`never_together`": (steps, lambda: steps(invariant(never_together(lambda at: at == 2, lambda at: at == 1)))),
    "`for_all_pairs`": (steps, lambda: steps(invariant(for_all_pairs(lambda one, other: one + other < 3)))),
    "a witness that is met late": (
        steps,
        lambda: steps(invariant(lambda seen: seen[0] + seen[1] == 2, kind="sometimes")),
    ),
    "`boundary`": (steps, lambda: steps(boundary=lambda local: local.data.number < 2)),
    "`deadlock` with `final`": (steps, lambda: steps(deadlock=True, final=lambda local: local.data.number == 1)),
    "messages in flight": (messages, lambda: messages(in_flight(lambda _seen, flying: len(flying) < 99))),
    "messages in flight that are not looked at": (messages, lambda: messages(in_flight(lambda _seen, _flying: True))),
}


def rate(model: Model, threads: int) -> float:
    """States a second; the better of two runs."""
    best = 0.0
    for _ in range(2):
        started = time.perf_counter()
        states = explore(model, threads=threads).distinct_states
        best = max(best, states / (time.perf_counter() - started))
    return best


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    explore(twophase.build(3))
    without: dict[Any, float] = {}
    print("| what is asked for | without, M states/s | with | ratio |\n| --- | ---: | ---: | ---: |")
    for name, (plain, asked) in CASES.items():
        if plain not in without:
            without[plain] = rate(plain(), threads)
        before, after = without[plain], rate(asked(), threads)
        print(f"| {name} | {before / 1e6:.2f} | {after / 1e6:.2f} | {after / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
