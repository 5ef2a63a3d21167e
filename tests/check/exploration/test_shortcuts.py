"""Every shortcut against the full search, on random models that need not be fit for it: one false `holds` fails.

Nodes may differ, properties may name one, machines may be edited between saving and going on. A shortcut then refuses,
or says what the full search says.
"""

import random
from dataclasses import replace

import pytest
from check.exploration.random_models import BELL, LETTERS, PLACES, PRESS, RING, Rule, Say, node, place

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Faults, Model, Multiset, Property, UnreliableSet
from coordfsm.kernel import CoordfsmError, SetTimer

NAMES = ("a", "b", "c", "d")
MODELS = 40
FEW = Limits(max_states=1_500)


def table(chance, roles):
    """What a node does, at random."""
    rules = {}
    for _ in range(chance.randint(2, 6)):
        said = [Say(chance.choice(roles), chance.randrange(LETTERS)) for _ in range(chance.randint(0, 2))]
        effects = (*said, *([SetTimer(BELL, 10)] if chance.random() < 0.2 else []))
        rules[chance.randrange(PLACES), chance.choice([*range(LETTERS), PRESS, PRESS, RING])] = Rule(
            chance.randrange(PLACES), effects
        )
    return rules


def predicate(chance, count):
    """Of all nodes alike, or of one or two of them."""
    wanted, at = chance.randrange(1, PLACES), chance.sample(range(count), min(2, count))
    return chance.choice(
        [
            lambda seen: seen[:-1].count(wanted) <= 1,
            lambda seen: seen[at[0]] != wanted,
            lambda seen: not seen[at[0]] == seen[at[-1]] == wanted,
            lambda seen: seen[-1] != wanted,
        ]
    )


def build(seed):
    """Two to four clients and a server; one client may be another machine."""
    chance = random.Random(seed)
    names = NAMES[: chance.randint(2, 4)]
    client, served = table(chance, ["others", "server", "sender"]), table(chance, ["others", "sender"])
    odd, other = (chance.choice(names) if chance.random() < 0.3 else ""), table(chance, ["others", "server"])

    def one(name):
        others = tuple(item for item in names if item != name)
        return node(name, other if name == odd else client, {"others": others, "server": ("s",)})

    return Model(
        "random",
        (*map(one, names), node("s", served, {"others": names})),
        (Property("p", "At random.", predicate(chance, len(names)), observe=place),),
        network=chance.choice([Multiset(), Multiset(loss=1), UnreliableSet(), Multiset(duplicate=1, copies=2)]),
        faults=chance.choice([Faults(), Faults(), Faults(crash=1)]),
        budgets={"local_press": chance.randint(1, 3), "timeout_ring": 1},
        boundary=(lambda local: place(local) != PLACES - 1) if chance.random() < 0.2 else None,
        deadlock=chance.random() < 0.3,
        symmetric=(names,),
    )


def edited(model, seed):
    """The same model but for a property or a machine."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        item = replace(model.properties[0], predicate=predicate(chance, len(model.nodes) - 1))
        return replace(model, properties=(item,))
    names = model.symmetric[0]
    return replace(model, nodes=(*model.nodes[:-1], node("s", table(chance, ["others"]), {"others": names})))


def told(report):
    trace = report.counterexample
    return report.verdict, trace and (trace.property, trace.statement, len(trace.steps))


def verdict_of(explore):
    try:
        report = explore()
    except CoordfsmError:
        return None
    return report.verdict


@pytest.mark.parametrize("part", range(4))
def test_no_shortcut_finds_what_the_full_search_does_not(tmp_path, part):
    for seed in range(part * MODELS // 4, (part + 1) * MODELS // 4):
        check(seed, tmp_path / str(seed))


def check(seed, file):
    """Whether the model was small enough."""
    model = build(seed)
    full = reference.explore(model, FEW)
    if full.stopped is not None:
        return False
    assert told(native.explore(model, threads=1 + seed % 2)) == told(full), seed
    assert told(reference.explore(model, por=True)) == told(full), seed
    assert told(native.explore(model, por=True, threads=1 + seed % 2)) == told(full), seed
    assert verdict_of(lambda: native.explore(model, symmetry=True)) in {None, full.verdict}, seed
    other = edited(model, seed)
    half = native.explore(model, Limits(max_depth=1 + full.depth // 2), checkpoint=file)
    if half.verdict == "incomplete":
        assert native.explore(model, resume=file).verdict == full.verdict, seed
        expected = reference.explore(other, FEW)
        if expected.stopped is None:
            assert verdict_of(lambda: native.explore(other, resume=file)) in {None, expected.verdict}, seed
    return True
