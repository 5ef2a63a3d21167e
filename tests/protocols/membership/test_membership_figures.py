"""What membership costs, in messages and views of a cluster in virtual time, never in seconds of this machine."""

from collections import Counter

from coordfsm.kernel import Write
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord
from coordfsm.protocols.membership.messages import ViewAccepted
from coordfsm.protocols.view import NO_VIEW, Member, View
from tests.protocols.membership.membership_cluster import FAST, Cluster


def formed(count, cluster=None):
    names = [f"n{number:03}" for number in range(count)]
    view = View("l", 1, NO_VIEW, tuple(Member(name, 1, name) for name in names))
    cluster = cluster or Cluster(FAST)
    for name in names:
        cluster.durable[name] = (Write(IDENTITY_KEY, IdentityRecord(1, None)), Write(VIEW_KEY, view))
        cluster.start(name)
    cluster.run(3_000)
    cluster.sent.clear()
    return cluster, names


def test_ten_simultaneous_crashes_are_one_view_change():
    cluster, names = formed(50)
    gone = names[::5]
    for name in gone:
        cluster.crash(name)
    rest = [name for name in names if name not in gone]
    cluster.run_until(lambda: cluster.agree(rest), 30_000)
    assert {cluster.view(name).number for name in rest} == {2}
    assert len({cluster.view(name).id for name in rest}) == 1


def test_traffic_of_a_member_does_not_grow_with_the_cluster():
    means = []
    for count in (12, 60):
        cluster, _names = formed(count)
        cluster.run(5_000)
        sent = Counter()
        for (name, _kind), messages in cluster.sent.items():
            sent[name] += messages
        assert max(sent.values()) <= 2 * sum(sent.values()) / count
        means.append(sum(sent.values()) / count)
    assert means[1] <= 1.1 * means[0]


def test_a_view_change_is_two_message_delays_after_the_cut():
    cluster, names = formed(5)
    cluster.crash(names[0])
    rest = names[1:]
    cluster.run_until(lambda: cluster.agree(rest), 30_000)
    kinds = Counter(kind for (_name, kind) in cluster.sent.elements())
    assert kinds["ViewPrepare"] == 0, "the coordinator needs no prepare phase"
    assert kinds[ViewAccepted.__name__] == len(rest) - 1
