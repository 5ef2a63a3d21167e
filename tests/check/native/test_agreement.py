"""The native engine finds exactly what the reference explorer finds, on every network and fault."""

import gc
from dataclasses import replace

import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.check.exploration import reference
from coordfsm.check.modelling.model import Faults, Local, Multiset, Ordered, UnreliableSet
from coordfsm.check.models import twophase
from coordfsm.check.native import search

NETWORKS = {
    "unreliable": UnreliableSet(),
    "multiset": Multiset(),
    "lossy": Multiset(loss=None),
    "budgets": Multiset(loss=1, duplicate=1),
    "copies": Multiset(loss=1, duplicate=1, copies=3),
    "two copies": Multiset(copies=2),
    "ordered": Ordered(capacity=3),
    "ordered lossy": Ordered(loss=1, duplicate=1, capacity=2),
    "ordered unlimited": Ordered(loss=None, capacity=2),
}
FAULTS = {
    "none": Faults(),
    "stop": Faults(crash=1, recover=False, torn=False),
    "crash": Faults(crash=1, torn=False),
    "torn": Faults(crash=2),
    "server": Faults(crash=1, crashable=("s",)),
    "partition": Faults(crash=1, partitions=(sample.CUT,), partition=1),
}


def agree(model, threads=1):
    expected, found = reference.explore(model), native.explore(model, threads=threads)
    for name in ("verdict", "depth"):
        assert getattr(found, name) == getattr(expected, name), name
    if expected.counterexample is None:
        for name in ("distinct_states", "transitions", "never_fired", "faults", "cut_off", "properties", "stopped"):
            assert getattr(found, name) == getattr(expected, name), name
    else:
        assert found.counterexample.property == expected.counterexample.property
        assert len(found.counterexample.steps) == len(expected.counterexample.steps)
    return found


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_with_every_fault(network, faults):
    agree(sample.build(NETWORKS[network], FAULTS[faults], turns=2, retries=1))


def test_processes_that_do_not_boot():
    agree(sample.build(Multiset(), Faults(crash=2), boots=False, clients=2, retries=1))


def _near(local: Local) -> bool:
    return local.data is None or getattr(local.data, "total", 0) < 2


def test_a_boundary_cuts_off_the_same_successors():
    found = agree(sample.build(Multiset(duplicate=1), Faults(crash=1), clients=2, boundary=_near))
    assert found.cut_off > 0


def test_a_violation_has_a_shortest_counterexample():
    found = agree(sample.build(Multiset(), Faults(crash=1), clients=2, bound=2))
    assert found.verdict == "violated"


def test_a_deadlock_is_found():
    found = agree(sample.build(Multiset(loss=1), clients=1, retries=0, deadlock=True))
    assert found.counterexample.property == "deadlock"


@pytest.mark.parametrize("rms", [1, 2, 3, 4])
def test_two_phase_commit(rms):
    agree(twophase.build(rms))


def test_threads_change_nothing():
    model = sample.build(Multiset(loss=1, duplicate=1), Faults(crash=1), clients=2)
    agree(model, threads=2)


@pytest.mark.parametrize("largest_batch", [3, 50])
def test_small_batches_change_nothing(monkeypatch, largest_batch):
    monkeypatch.setattr(search, "LARGEST_BATCH", largest_batch)
    monkeypatch.setattr(search, "SYMMETRIC_BATCH", 1)
    monkeypatch.setattr(search, "ROUND_SECONDS", 0.001)
    for threads in (1, 3):
        agree(twophase.build(4), threads)
        agree(sample.build(Multiset(copies=2), Faults(crash=1)), threads)


def test_a_round_in_which_no_thread_got_to_work_is_followed_by_another(monkeypatch):
    work, idle = search.Search._work, [True, True, True]
    monkeypatch.setattr(search.Search, "_work", lambda self, worker: [] if idle and idle.pop() else work(self, worker))
    for threads in (1, 2):
        idle[:] = [True, True, True]
        agree(twophase.build(2), threads)
    assert not idle


def test_garbage_is_collected_as_before_afterwards():
    before = gc.get_threshold()
    native.explore(twophase.build(2))
    assert gc.get_threshold() == before


def test_a_step_that_raises_is_a_counterexample():
    model = sample.build(Multiset(), Faults(crash=1), clients=2)

    def fragile(data, given):
        if getattr(data, "total", 0) == 2 and type(given).__name__ == "Received":
            raise ZeroDivisionError("three")
        return sample.SERVER.step(data, given)

    server = replace(model.nodes[0], step=fragile)
    found = agree(replace(model, nodes=(server, *model.nodes[1:])))
    assert found.counterexample.property == "error"
    assert "ZeroDivisionError: three" in found.counterexample.statement


def with_client(model, step):
    server, client, *others = model.nodes
    return replace(model, nodes=(server, replace(client, step=step), *others))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("turns", "verdict"), [(2, "holds"), (3, "violated")])
def test_what_a_machine_raises_counts_only_where_the_budget_leaves_that_input(turns, verdict, threads):
    def begins_twice(data, given):
        if isinstance(given, sample.Begin) and data.turn == 2:
            raise ZeroDivisionError("the third time")
        return sample.CLIENT.step(data, given)

    model = with_client(sample.build(Multiset(loss=1), turns=turns), begins_twice)
    assert agree(model, threads).verdict == verdict
