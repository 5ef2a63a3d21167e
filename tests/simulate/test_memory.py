"""Ten times as long a life of a cluster takes no more room, in memory and in the stores."""

from collections import Counter
from dataclasses import replace
from itertools import count

import msgspec

from coordfsm.kernel import encode
from coordfsm.protocols.coordinator.messages import RegisterBubbles, UnregisterBubbles
from coordfsm.protocols.migration.messages import (
    ConfirmStopped,
    CreateEntity,
    Migrate,
    RemoveEntity,
    ResolveInDoubt,
    UpdateEntity,
)
from coordfsm.simulate.faults import Crash
from coordfsm.simulate.nodes import Pace, agree, form, node_cluster

FEW, MANY = 4, 40


def room_taken(cluster):
    """Bytes of all data, kinds of records with their numbers, and bytes of all records."""
    processes = cluster.processes.values()
    writes = [write for process in processes for write in process.durable]
    kinds = Counter(type(write.value).__name__ for write in writes)
    return sum(len(encode(process.data)) for process in processes), kinds, len(encode(tuple(writes)))


def assert_no_more(before, after):
    """What grows are the digits of numbers that are counted up."""
    (memory, kinds, disk), (later_memory, later_kinds, later_disk) = before, after
    assert later_kinds == kinds
    assert later_memory <= memory * 1.1
    assert later_disk <= disk * 1.1


def test_views_that_come_and_go_leave_nothing():
    """A member is lost, excluded, comes back and registers its bubbles again, many times."""
    pace = replace(Pace(), membership=msgspec.structs.replace(Pace().membership, chain_limit=4))
    cluster = node_cluster(3, pace=pace)
    form(cluster)
    taken = []
    for turn in range(1, MANY + 1):
        cluster.command("n3", RegisterBubbles((f"bubble-{turn:04}",)))
        cluster.run(3_000)
        cluster.inflict(Crash("n3"))
        cluster.run_until(lambda: agree(cluster, 2), 120_000)
        cluster.start("n3")
        cluster.run_until(lambda: agree(cluster, 3), 120_000)
        cluster.command("n3", UnregisterBubbles((f"bubble-{turn:04}",)))
        cluster.run(3_000)
        if turn in (FEW, MANY):
            taken.append(room_taken(cluster))
    assert cluster.data("n1").membership.view_change.view.number >= 2 * MANY
    assert_no_more(*taken)


def test_entities_that_come_and_go_leave_their_epochs():
    """An id that was in service here is remembered for good; its epoch tells an old offer from a new one."""
    cluster = node_cluster(3)
    form(cluster)
    cluster.run(3_000)
    taken = []
    numbers = count()
    for turn in range(1, MANY + 1):
        for source, destination in (("n1", "n2"), ("n2", "n3"), ("n3", "n1")):
            if source == "n1":
                cluster.command("n1", CreateEntity("ship", b"cargo"))
            cluster.command(source, Migrate("ship", destination, f"token-{next(numbers):05}"))
            cluster.run(2_000)
        assert cluster.data("n1").migration.entities["ship"].state == "owned"
        if turn in (10, MANY):
            taken.append(room_taken(cluster))
    cluster.command("n1", RemoveEntity("ship"))
    assert cluster.data("n1").migration.entities["ship"].state == "absent"
    assert_no_more(*taken)


def test_what_is_asked_of_unknown_entities_leaves_nothing():
    cluster = node_cluster(2)
    form(cluster)
    before = room_taken(cluster)
    for number in range(200):
        name = f"unheard-of-{number}"
        for command in (
            Migrate(name, "n2", "token"),
            UpdateEntity(name, b""),
            RemoveEntity(name),
            ConfirmStopped(name, 1),
            ResolveInDoubt(name, commit=True),
        ):
            cluster.command("n1", command)
    assert room_taken(cluster) == before
