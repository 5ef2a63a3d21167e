"""A topology too large for one message: in parts, one at a time, and of no effect before it is whole."""

from itertools import count

import msgspec

from coordfsm.kernel import Recover, encode
from coordfsm.protocols.coordinator import CoordinationSettings, composition, initial
from coordfsm.protocols.coordinator.messages import (
    RegisterBubbles,
    Topology,
    TopologyAccepted,
    TopologyPart,
    TopologyPartAck,
)
from coordfsm.protocols.coordinator.parts import parts_since, weight
from coordfsm.protocols.coordinator.registry import HOSTED_LIMIT, Hosting, registry_of
from coordfsm.protocols.identifier import IDENTIFIER_LIMIT
from coordfsm.protocols.view import ViewInstalled
from coordfsm.simulate.cluster import Cluster
from coordfsm.simulate.network import Weather
from coordfsm_runtime.wire.fragments import MAXIMUM_MESSAGE_BYTES
from tests.protocols.coordinator.processes import Processes, order, view_of

VIEW = view_of(1, "a", "b", "c")
LEADER, SECOND, THIRD = order(VIEW)
SMALL = CoordinationSettings(part_bytes=0)
DEFAULT = CoordinationSettings().part_bytes


def processes():
    """Three processes whose topologies go one entry a message; each hosts a bubble, and has registered."""
    made = Processes("a", "b", "c")
    for node in "abc":
        made.data[node] = initial(node, SMALL)
        made.give(node, Recover())
        made.command(node, RegisterBubbles((f"bubble-{node}",)))
    made.install(VIEW)
    return made


def until_first_parts(made):
    """The first part of the first topology is on its way to both followers."""
    for sender, to, message in made.lose():
        made.send(sender, to, message)
    sent = [(to, message) for _, to, message in made.network]
    assert {to for to, _ in sent} == {SECOND, THIRD}
    assert all(isinstance(message, TopologyPart) and message.part == 0 for _, message in sent)


def entries(number, bubbles, letters=8):
    return tuple(
        Hosting(f"n{place:04}", 1, 1, tuple(f"{'b' * letters}-{place:04}-{bubble:03}" for bubble in range(bubbles)), 1)
        for place in range(number)
    )


# -- how it is cut -------------------------------------------------------------------------------------------------


def test_a_thousand_processes_with_a_hundred_bubbles_fit_parts_of_the_default_size():
    registry = registry_of(entries(1000, 100))
    parts = parts_since(registry, 0, DEFAULT)
    assert sum(parts, ()) == entries(1000, 100)
    sizes = [len(encode(TopologyPart(1, VIEW.id, 1, 0, n, len(parts), part))) for n, part in enumerate(parts)]
    assert len(encode(Topology(1, VIEW.id, 1, 0, entries(1000, 100)))) > MAXIMUM_MESSAGE_BYTES
    assert max(sizes) <= DEFAULT + 200  # the view's id and the numbers of the part
    assert parts_since(registry, 1, DEFAULT) == ((),)  # nothing is new for who holds it


def test_the_largest_entry_that_may_be_registered_fits_one_message():
    bubbles = tuple("\U0001f980" * (IDENTIFIER_LIMIT - 3) + f"{number:03}" for number in range(HOSTED_LIMIT))
    (part,) = parts_since(registry_of((Hosting("n", 1, 1, bubbles, 1),)), 0, DEFAULT)
    assert len(encode(TopologyPart(1, VIEW.id, 1, 0, 0, 1, part))) < MAXIMUM_MESSAGE_BYTES


def test_no_entry_takes_more_than_its_weight():
    for entry in (*entries(3, 5), Hosting("ä" * 40, 2**40, 2**40, ("ø" * 64,) * 20, 2**40)):
        assert len(encode(entry)) <= weight(entry)


# -- how it travels ------------------------------------------------------------------------------------------------


def test_parts_are_sent_one_at_a_time_and_count_only_when_whole():
    made = processes()
    until_first_parts(made)
    for step in count():
        arriving = [item for item in made.network if item[1] == SECOND]
        if made.held(SECOND):
            break
        assert made.hosts(SECOND) == {}
        ((sender, to, message),) = arriving
        assert (message.part, message.parts) == (step, 3)
        made.network.remove((sender, to, message))
        made.send(sender, to, message)
        answers = [item for item in made.network if item[0] == SECOND]
        made.network = [item for item in made.network if item not in answers]
        for answer in answers:
            made.send(*answer)
    assert step == 3
    assert made.hosts(SECOND) == {f"bubble-{node}": node for node in "abc"}
    assert made.hosts(THIRD) == {}
    made.settle()
    assert made.hosts(THIRD) == made.hosts(SECOND)
    assert not made.data[LEADER].coordinator.progress
    assert [len(made.heard(node, TopologyAccepted)) for node in (SECOND, THIRD)] == [1, 1]


def test_a_lost_part_is_sent_again_and_a_repeated_one_changes_nothing():
    made = processes()
    until_first_parts(made)
    first = next(message for _, to, message in made.network if to == SECOND)
    made.lose()
    made.fire(LEADER, "topology")
    again = next(message for _, to, message in made.network if to == SECOND)
    assert again == first
    made.send(LEADER, SECOND, first)
    before = made.data[SECOND]
    made.send(LEADER, SECOND, first)
    assert made.data[SECOND] == before
    acks = [message for sender, _, message in made.network if sender == SECOND]
    assert acks == [TopologyPartAck(VIEW.id, 1, 0, SECOND, 1)] * 2
    made.settle()
    assert made.hosts(SECOND) == made.hosts(THIRD) == made.hosts(LEADER)


def test_who_lost_its_parts_in_a_crash_begins_again():
    made = processes()
    until_first_parts(made)
    for _ in range(2):
        waiting, made.network = made.network, []
        for item in waiting:
            made.send(*item)
    made.data[SECOND] = initial(SECOND, SMALL)
    made.give(SECOND, Recover(made.durable[SECOND]))
    made.give(SECOND, ViewInstalled(VIEW))
    assert made.data[SECOND].registrar.partial is None
    made.settle()
    assert made.hosts(SECOND) == made.hosts(LEADER)


def test_a_newer_version_replaces_an_unfinished_one():
    made = processes()
    until_first_parts(made)
    old = next(message for _, to, message in made.network if to == SECOND)
    made.send(LEADER, SECOND, old)
    made.lose()
    made.command(LEADER, RegisterBubbles(("later",)))
    made.fire(LEADER, "cooldown")
    new = next(message for _, to, message in made.network if to == SECOND)
    assert (new.version, new.part) == (2, 0)
    made.settle()
    assert made.held(SECOND) == (1, 2)
    assert made.hosts(SECOND) == made.hosts(THIRD) == made.hosts(LEADER)
    assert made.hosts(SECOND)["later"] == LEADER
    assert made.send(LEADER, SECOND, old).fired != ()  # acknowledged again, as any old version
    assert made.held(SECOND) == (1, 2)


def test_a_part_of_another_view_is_refused_and_one_on_a_base_not_held_too():
    made = processes()
    made.lose()
    for part in (
        TopologyPart(9, "other", 1, 0, 0, 2, ()),
        TopologyPart(1, VIEW.id, 5, 4, 0, 2, ()),
    ):
        assert made.send(LEADER, SECOND, part).fired == ()
    assert made.network == []


def test_numbers_that_cannot_be_are_passed_over():
    made = processes()
    until_first_parts(made)
    made.lose()
    for taken in (-1, 3, 99):
        assert made.send(SECOND, LEADER, TopologyPartAck(VIEW.id, 1, 0, SECOND, taken)).fired == ()
    made.send(LEADER, SECOND, TopologyPart(1, VIEW.id, 1, 0, 7, 3, ()))
    assert made.held(SECOND) is None
    assert [message for _, _, message in made.network] == [TopologyPartAck(VIEW.id, 1, 0, SECOND, 0)]


# -- at size -------------------------------------------------------------------------------------------------------


def test_a_member_that_holds_nothing_gets_a_topology_of_a_thousand_processes_over_a_lossy_network():
    """The coordinator knows a thousand processes with a hundred bubbles each; one of them is there to read."""
    names = [f"n{place:04}" for place in range(1000)]
    view = view_of(1, *names)
    coordinator, reader = order(view)[:2]
    cluster = Cluster(
        {name: (composition.step, initial(name)) for name in (coordinator, reader)}, seed=1, weather=Weather(loss=0.2)
    )
    registry = registry_of(entries(1000, 100))
    largest = 0

    def look(happening):
        nonlocal largest
        for effect in happening.effects:
            message = getattr(effect, "message", None)
            if message is not None and happening.process.endpoint == coordinator and effect.to == reader:
                largest = max(largest, len(encode(message)))

    cluster.observers.append(look)
    cluster.start()
    leader = cluster.processes[coordinator]
    for name in (coordinator, reader):
        cluster.command(name, ViewInstalled(view))
    known = _replaced(leader.data.coordinator, registry=registry)
    leader.data = _replaced(leader.data, coordinator=known)
    for name in (coordinator, reader):
        bubbles = registry.processes[name].bubbles
        cluster.command(name, RegisterBubbles(bubbles))
    cluster.run_until(lambda: len(cluster.data(reader).registrar.topology.hosts) == 100_000, 60_000)
    assert cluster.data(reader).registrar.topology.hosts == cluster.data(coordinator).registrar.topology.hosts
    assert largest <= DEFAULT + 200
    sent = cluster.sent[coordinator, "TopologyPart"]
    assert sent > 0
    assert cluster.sent[reader, "TopologyAck"] >= 1
    # A change costs a delta, whatever the size of the registry.
    cluster.run(2_000)
    cluster.command(reader, RegisterBubbles(("one-more",)))
    cluster.run_until(lambda: "one-more" in cluster.data(reader).registrar.topology.hosts, 30_000)
    assert cluster.data(reader).registrar.partial is None


def _replaced(value, **fields):
    return msgspec.structs.replace(value, **fields)
