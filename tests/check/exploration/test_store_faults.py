"""Stores that are put back, started a second time or lost: what both engines find, how it is told, what is refused."""

from dataclasses import replace

import pytest

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Faults, Model, Multiset, Node, Property, Start, UnreliableSet
from coordfsm.check.traces.replay import replay as replayed
from coordfsm.check.traces.trace import story
from coordfsm.kernel import Command, Message, ModelError, Notify, Persist, Recover, Send, Step, Value, Write

ENGINES = {"native": native.explore, "reference": reference.explore}
both = pytest.mark.parametrize("explore", ENGINES.values(), ids=ENGINES)


class Draw(Command):
    """Somebody draws a ticket."""


class Number(Value):
    number: int


class Call(Message):
    number: int


def draw(data, given):
    """Tickets with ascending numbers: the last one is durable before it is given out."""
    if isinstance(given, Recover):
        kept = [write.value.number for write in given.records]
        return Step(Number(kept[0] if kept else 0), (), ("recovers",))
    if isinstance(given, Draw):
        after = Number(data.number + 1)
        return Step(
            after, (Persist((Write("last", after),)), Notify(after), Send("board", Call(after.number))), ("draws",)
        )
    return Step(data, (), ())


def drawn(local):
    """The numbers that were given out, in order."""
    return local.history


def counter(name="n", **told):
    return Node(
        name,
        Number(0),
        draw,
        commands=lambda _local: (Draw(),),
        boots=True,
        history=lambda seen, event: (*seen, event.number),
        rules=("recovers", "draws"),
        events=("local_draw",),
        **told,
    )


def once(seen):
    numbers = [number for history in seen for number in history]
    return len(numbers) == len(set(numbers))


def tickets(faults, *, clones=(), draws=3, network=None, **told):
    board = Node("board", Number(0), lambda data, _given: Step(data, (), ()))
    return Model(
        "tickets",
        (counter(), *clones, board),
        (Property("once", "No number is given out twice.", once, observe=drawn),),
        network=network or Multiset(loss=None),
        faults=faults,
        budgets={"local_draw": draws},
        **told,
    )


CLONE = counter("m", clone_of="n")


def kinds(report):
    return [step.kind for step in report.counterexample.steps]


@both
def test_crashes_alone_do_no_harm(explore):
    report = explore(tickets(Faults(crash=2)))
    assert report.holds
    assert set(report.faults) == {"command", "crash", "deliver", "recover", "lose", "torn"}


@both
def test_a_store_that_is_put_back_gives_a_number_twice(explore):
    report = explore(tickets(Faults(crash=1, rollback=1, torn=False)))
    assert report.verdict == "violated"
    assert sorted(kinds(report)) == ["command", "command", "copy", "crash", "recover", "rollback"]
    assert replayed(tickets(Faults(crash=1, rollback=1, torn=False)), report.counterexample).same
    told = story(report.counterexample)
    assert "its store is copied" in told
    assert "the copy of its store is put back\n        durable last: Number(number=1) -> none" in told


@both
def test_a_lost_store_gives_a_number_twice(explore):
    report = explore(tickets(Faults(crash=1, wipe=1, torn=False)))
    assert kinds(report) == ["command", "crash", "wipe", "recover", "command"]
    assert "its store is lost\n        durable last: Number(number=1) -> none" in story(report.counterexample)


@both
@pytest.mark.parametrize("network", [Multiset(loss=None), UnreliableSet()])
def test_two_processes_from_one_store_give_a_number_twice(explore, network):
    model = tickets(Faults(clone=1), clones=(CLONE,), network=network)
    report = explore(model)
    assert sorted(kinds(report)) == ["clone", "command", "command", "deliver"]
    assert replayed(model, report.counterexample).same
    told = story(report.counterexample)
    assert "a copy of its store leaves" in told
    assert "receives from n: a copy of its store  (and starts from it, a second process)" in told


@both
def test_a_clone_that_never_starts_does_nothing(explore):
    """What arrives for it waits, it does not crash or come back, and it may rest."""
    model = tickets(Faults(crash=1, clone=1, stores=("n",)), clones=(CLONE,), draws=0, deadlock=True)
    nodes = tuple(replace(node, final=lambda local: local.data is not None) for node in model.nodes)
    report = explore(replace(model, nodes=nodes))
    assert report.holds
    assert {name: number for name, number in report.faults.items() if name in {"clone", "deliver", "copy"}} == {
        "clone": 4,
        "deliver": 4,
    }


@both
def test_nothing_forces_a_clone_to_start(explore):
    waits = Property(
        "starts", "The clone starts at last.", lambda seen: seen[1], "eventually", lambda it: not it.absent
    )
    model = replace(tickets(Faults(clone=1), clones=(CLONE,), draws=0), properties=(waits,))
    report = explore(model)
    assert [item.verdict for item in report.properties] == ["violated"]


def is_there(local):
    return not local.absent


@both
def test_a_copy_of_a_running_store_is_of_what_is_durable_then(explore):
    """The copy may be made before, between and after two numbers: it is put back as it was."""
    last = Property("back", "The store is at 1 after 3 were drawn.", lambda seen: seen[0] == (3, 1), "sometimes", at)
    model = replace(tickets(Faults(crash=1, rollback=1, torn=False)), properties=(last,))
    assert explore(model).holds


def at(local):
    return len(local.history), local.durable[0].value.number if local.durable else 0


# -- what is refused ---------------------------------------------------------------------------------------------------

BOARD_ONLY = Faults(crash=1, rollback=1, stores=("board",))


@pytest.mark.parametrize(
    ("faults", "clones", "told"),
    [
        (Faults(rollback=1), (), "no process stops and starts again"),
        (Faults(crash=1, recover=False, wipe=1), (), "expected `crash` above 0 and `recover`"),
        (BOARD_ONLY, (), "no node has a store to start from"),
        (Faults(crash=1, wipe=-1), (), "faults: wipe is -1"),
        (Faults(crash=1, wipe=1, stores=("nn",)), (), "did you mean n?"),
        (Faults(stores=("n",)), (), "nothing happens to a store"),
        (Faults(clone=1), (), "no node is there to start from a copy"),
        (Faults(), (CLONE,), "nothing is ever copied"),
        (Faults(clone=1), (replace(CLONE, clone_of="k"),), "names 'k', which is no node"),
        (Faults(clone=1), (CLONE, counter("o", clone_of="m")), "which is a clone itself"),
        (Faults(clone=1), (replace(CLONE, boots=False),), "expected `boots` of both"),
        (Faults(clone=1), (replace(CLONE, durable=(Write("last", Number(1)),)),), "expected no records"),
    ],
)
def test_what_could_have_no_effect_is_refused(faults, clones, told):
    with pytest.raises(ModelError, match="tickets: ") as refused:
        tickets(faults, clones=clones)
    assert told in str(refused.value)


def test_a_start_of_a_clone_is_refused():
    with pytest.raises(ModelError, match="no start of its own"):
        tickets(Faults(clone=1), clones=(CLONE,), starts=(Start("late", {"m": Number(1)}),))


def test_a_clone_is_not_interchangeable_with_its_original():
    with pytest.raises(ModelError, match="not interchangeable"):
        tickets(Faults(clone=1), clones=(CLONE,), symmetric=(("n", "m"),))


def test_budgets_of_stores_belong_to_the_faults():
    with pytest.raises(ModelError, match=r"bounded by Faults\(wipe=\.\.\.\)"):
        replace(tickets(Faults(crash=1, wipe=1)), budgets={"wipe": 1})
