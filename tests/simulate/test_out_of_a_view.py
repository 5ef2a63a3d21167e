"""Whole nodes that get out of their view by command or by snapshot, with a crash at every point of that step."""

import msgspec
import pytest

from coordfsm.kernel import Notify, Persist, Received, Send
from coordfsm.protocols.membership.data import EXCLUDED_KEY, IDENTITY_KEY, VIEW_KEY
from coordfsm.protocols.membership.events import Join, Leave, MemberShunned, ViewChanged
from coordfsm.protocols.membership.messages import ViewSnapshot
from coordfsm.protocols.view import member_of
from coordfsm.simulate.faults import Crash, Partition, Restart
from coordfsm.simulate.nodes import CoordinationWatch, Pace, form, node_cluster, view_at

PLACES = 14
"""More than the steps here have effects that last or are seen: a crash before each of them and after the last."""


class Place:
    """A source of chance that ends a torn step at one place."""

    def __init__(self, effects):
        self.effects = effects

    def randrange(self, count):
        return self.effects


def formed(count, **membership):
    pace = Pace(membership=msgspec.structs.replace(Pace().membership, **membership))
    cluster = node_cluster(count, seed=4, pace=pace)
    CoordinationWatch(cluster)
    form(cluster)
    cluster.run(5_000)
    return cluster


def crash_in(cluster, name, concerns, place):
    """The node ends within its next step with such an input, before that effect that lasts or is seen, or after all."""
    process = cluster.processes[name]
    real = process.step

    def step(data, given):
        taken = real(data, given)
        if concerns(given):
            process.step = real
            effects = enumerate(taken.effects)
            before = [at for at, effect in effects if isinstance(effect, Persist | Send | Notify)]
            assert len(before) < PLACES
            process.doomed = place < len(before)
            if process.doomed:
                cluster.random = Place(before[place])
            else:
                cluster.agenda.add(0, Crash(name))
        return taken

    process.step = step


def state_of(cluster, name):
    data = cluster.data(name)
    return "down" if data is None else data.membership.lifecycle.state


def keys_of(cluster, name):
    return {write.key for write in cluster.processes[name].durable}


def settled(cluster, *names):
    """These nodes act in one view of exactly them, whatever the others think."""
    views = [view_at(cluster, name) for name in names]
    if None in views or any(view != views[0] for view in views):
        return False
    return tuple(member.node for member in views[0].members) == names


def one_view_of_each_number(cluster):
    views = {}
    for told in cluster.heard(ViewChanged):
        view = told.event.view
        assert views.setdefault((view.lineage, view.number), view) == view


@pytest.mark.parametrize("place", range(PLACES))
def test_a_wedged_node_told_to_join_its_own_cluster_comes_back_as_another_or_with_its_promises(place):
    """It once dropped view and promises, came back into the same view, and voted there again for another cut."""
    cluster = formed(3)
    before = member_of(view_at(cluster, "n3"), "n3").incarnation
    cluster.inflict(Partition((("n1",), ("n2",), ("n3",))))
    cluster.run_until(lambda: all(state_of(cluster, name) == "wedged" for name in cluster.processes), 60_000)
    crash_in(cluster, "n3", lambda given: isinstance(given, Join), place)
    cluster.command("n3", Join(("n1", "n2")))
    cluster.run_until(lambda: state_of(cluster, "n3") == "down", 1_000)
    kept = keys_of(cluster, "n3")
    identity = next(w.value for w in cluster.processes["n3"].durable if w.key == IDENTITY_KEY)
    # What it promised goes only once the incarnation that promised it asks for nothing any more.
    assert VIEW_KEY in kept or identity.joins is None
    for together in (("n1", "n3"), ("n2", "n3")):
        alone = tuple(name for name in ("n1", "n2") if name not in together)
        cluster.inflict(Partition((together, alone)))
        cluster.inflict(Restart("n3"))
        if state_of(cluster, "n3") == "detached":
            cluster.command("n3", Join(("n1", "n2")))
        cluster.run(20_000)
        cluster.inflict(Crash("n3"))
    cluster.network.heal()
    cluster.inflict(Restart("n3"))
    if state_of(cluster, "n3") == "detached":
        cluster.command("n3", Join(("n1", "n2")))
    cluster.run_until(lambda: settled(cluster, "n1", "n2", "n3"), 120_000)
    one_view_of_each_number(cluster)
    assert member_of(view_at(cluster, "n1"), "n3").incarnation >= before


@pytest.mark.parametrize("place", range(PLACES))
def test_a_laggard_that_a_snapshot_tells_that_it_is_out_is_never_a_member_of_its_old_view_again(place):
    """It once kept nothing of it, and came back as a member of its old view under a newer incarnation."""
    cluster = formed(5, chain_limit=2)
    before = member_of(view_at(cluster, "n5"), "n5").incarnation
    rest = ("n1", "n2", "n3", "n4")
    cluster.inflict(Partition((rest, ("n5",))))
    cluster.run_until(lambda: settled(cluster, *rest) and state_of(cluster, "n5") == "wedged", 60_000)
    for name in ("n4", "n3"):  # more changes than a chain of two decisions reaches back
        cluster.command(name, Leave())
        cluster.run_until(lambda name=name: state_of(cluster, name) == "left", 60_000)
    cluster.run_until(lambda: settled(cluster, "n1", "n2"), 60_000)
    crash_in(
        cluster, "n5", lambda given: isinstance(given, Received) and isinstance(given.message, ViewSnapshot), place
    )
    cluster.network.heal()
    cluster.run_until(lambda: state_of(cluster, "n5") == "down", 60_000)
    knows = EXCLUDED_KEY in keys_of(cluster, "n5")
    assert knows or not cluster.heard(MemberShunned, "n5")
    cluster.inflict(Restart("n5"))
    assert state_of(cluster, "n5") == ("shunned" if knows else "member")
    cluster.run_until(lambda: settled(cluster, "n1", "n2", "n5"), 120_000)
    one_view_of_each_number(cluster)
    assert member_of(view_at(cluster, "n1"), "n5").incarnation > before
